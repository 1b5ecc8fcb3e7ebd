"""Time stamps of RFC 3161 checked in plain Python: CMS (RFC 5652), certificates (RFC 5280), DER (X.690).

What is checked: that the stamp is of the text, that its authority's certificate, valid then and made for time
stamping alone, signed it (RSA PKCS #1 v1.5, ECDSA over P-256 and P-384, Ed25519; SHA-256 to SHA-512), and that this
certificate leads to one that is trusted. What is not, is said by name. This module imports only the standard library
and `signatures`, for it goes into every evidence package as a piece of `verify.py`.
"""

from __future__ import annotations

import base64
import datetime
import hashlib

from operations.evidence.signatures import ecdsa_verify, ed25519_verify, rsa_verify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    Item = tuple[int, bytes, bytes]

_SIGNED_DATA, _TST_INFO = "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4"
_CONTENT_TYPE, _MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
_SIGNING_CERTIFICATE = {"1.2.840.113549.1.9.16.2.12": "sha1", "1.2.840.113549.1.9.16.2.47": "sha256"}
_CONSTRAINTS, _KEY_USAGE, _EXTENDED_USAGE = "2.5.29.19", "2.5.29.15", "2.5.29.37"
_TIME_STAMPING = "1.3.6.1.5.5.7.3.8"
_DIGESTS = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
_RSA = {f"1.2.840.113549.1.1.{11 + i}": name for i, name in enumerate(_DIGESTS.values())}
_ECDSA = {f"1.2.840.10045.4.3.{2 + i}": name for i, name in enumerate(_DIGESTS.values())}
_RSA_KEY, _EC_KEY, _ED25519 = "1.2.840.113549.1.1.1", "1.2.840.10045.2.1", "1.3.101.112"
_FAMILY = {
    **dict.fromkeys((_RSA_KEY, *_RSA), "RSA"),
    **dict.fromkeys((_EC_KEY, *_ECDSA), "ECDSA"),
    _ED25519: "Ed25519",
}
"""What kind of key each algorithm needs."""
_CURVE = {"1.2.840.10045.3.1.7": "P-256", "1.3.132.0.34": "P-384"}


class TimeStampError(ValueError):
    """Why a time stamp does not hold, in one sentence."""


class NotCheckedError(TimeStampError):
    """What this program cannot check, in one sentence: another one has to."""


# DER ----------------------------------------------------------------------------------------------


def _items(data: bytes) -> list[Item]:
    """Return what stands in DER one after another: tag, contents, and the whole with its head."""
    found, at = [], 0
    while at < len(data):
        tag, length, start = data[at], data[at + 1], at + 2
        if tag & 31 == 31 or length == 128:
            raise TimeStampError("it is not spelled in DER")
        if length > 128:
            start += length - 128
            length = int.from_bytes(data[at + 2 : start], "big")
        if start + length > len(data):
            raise TimeStampError("it was cut short")
        found.append((tag, data[start : start + length], data[at : start + length]))
        at = start + length
    return found


def _within(item: Item, tag: int) -> list[Item]:
    """Return the parts of a constructed value of this tag."""
    if item[0] != tag:
        raise TimeStampError(f"it has a value of kind {item[0]:#x} where one of kind {tag:#x} belongs")
    return _items(item[1])


def _oid(item: Item) -> str:
    if item[0] != 6 or not item[1]:
        raise TimeStampError(f"it has a value of kind {item[0]:#x} where the name of a kind belongs")
    numbers, value = [], 0
    for byte in item[1]:
        value = value << 7 | byte & 127
        if byte < 128:
            numbers.append(value)
            value = 0
    if not numbers:
        raise TimeStampError("it is not spelled in DER")
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, [first, numbers[0] - 40 * first, *numbers[1:]]))


def _number(item: Item) -> int:
    if item[0] != 2:
        raise TimeStampError("it has something else where a number belongs")
    return int.from_bytes(item[1], "big", signed=True)


def _moment(item: Item) -> datetime.datetime:
    """Return a UTCTime or GeneralizedTime; years of two digits as in RFC 5280, 4.1.2.5.1."""
    text = item[1].decode("ascii")
    if item[0] == 23:
        text = ("19" if text[:2] >= "50" else "20") + text
    form = "%Y%m%d%H%M%S.%fZ" if "." in text else "%Y%m%d%H%M%SZ"
    return datetime.datetime.strptime(text, form).replace(tzinfo=datetime.timezone.utc)  # noqa: UP017  # Python 3.9


# Certificates -------------------------------------------------------------------------------------


class Certificate:
    """What of a certificate matters here."""

    def __init__(self, whole: bytes) -> None:
        self.whole = whole
        (outer,) = _items(whole)
        self.signed, algorithm, signature = _within(outer, 0x30)
        self.signature, self.algorithm = signature[1][1:], _oid(_within(algorithm, 0x30)[0])
        fields = _within(self.signed, 0x30)
        fields = fields[1:] if fields[0][0] == 0xA0 else fields
        self.serial, self.issuer, self.subject = _number(fields[0]), fields[2][2], fields[4][2]
        self.since, self.until = map(_moment, _within(fields[3], 0x30))
        self.key = fields[5]
        self.extensions = dict[str, tuple[bool, bytes]]()
        for tag, inner, _ in fields[6:]:
            for extension in _within(_items(inner)[0], 0x30) if tag == 0xA3 else []:
                name, *critical, value = _within(extension, 0x30)
                self.extensions[_oid(name)] = (bool(critical) and critical[0][1] != b"\x00", value[1])

    def name(self) -> str:
        """Return its common name, or organisation, or the hash of the whole."""
        told = {}
        for group in _items(self.subject[_head(self.subject) :]):
            for pair in _items(group[1]):
                kind, text = _items(pair[1])
                told[_oid(kind)] = text[1].decode("utf-8", "replace")
        number = hashlib.sha256(self.whole).hexdigest()
        return f"{told.get('2.5.4.3') or told.get('2.5.4.10') or 'no name'} (SHA-256 {number[:16]})"

    def may_issue(self) -> bool:
        """Tell whether it stands for other certificates (RFC 5280, 4.2.1.9 and 4.2.1.3)."""
        _, constraints = self.extensions.get(_CONSTRAINTS, (False, b"0\x00"))
        parts = _within(_items(constraints)[0], 0x30)
        _, usage = self.extensions.get(_KEY_USAGE, (False, b"\x03\x02\x00\x04"))
        return bool(parts) and parts[0][:2] == (1, b"\xff") and bool(_items(usage)[0][1][1] & 4)

    def stamps(self) -> bool:
        """Tell whether it is made for time stamping and nothing else (RFC 3161, 2.3)."""
        critical, value = self.extensions.get(_EXTENDED_USAGE, (False, b"0\x00"))
        return critical and [_oid(item) for item in _within(_items(value)[0], 0x30)] == [_TIME_STAMPING]

    def signed_this(self, algorithm: str, digest: str | None, message: bytes, signature: bytes) -> bool:
        """Tell whether its key signed a message; NotCheckedError for a way of signing that is not known here."""
        kind, bits = _within(self.key, 0x30)
        which, *curve = _within(kind, 0x30)
        key, public = _oid(which), bits[1][1:]
        if key == _RSA_KEY and algorithm in {_RSA_KEY, *_RSA}:
            modulus, exponent = map(_number, _within(_items(public)[0], 0x30))
            return rsa_verify(modulus, exponent, _RSA.get(algorithm) or digest or "sha256", message, signature)
        if key == _EC_KEY and algorithm in _ECDSA and curve and _oid(curve[0]) in _CURVE:
            r, s = map(_number, _within(_items(signature)[0], 0x30))
            return ecdsa_verify(_CURVE[_oid(curve[0])], public, _ECDSA[algorithm], message, (r, s))
        if key == algorithm == _ED25519:
            return ed25519_verify(public, message, signature)
        if _FAMILY.get(key, key) != _FAMILY.get(algorithm, algorithm) and {key, algorithm} <= set(_FAMILY):
            return False  # a key of one kind signs nothing of another
        raise NotCheckedError(f"a signature of kind {algorithm} by a key of kind {key} is not checked here")


def _head(data: bytes) -> int:
    """Return how long tag and length of a DER value are."""
    return 2 if data[1] < 128 else 2 + data[1] - 128


def certificates_of(pem: str) -> list[Certificate]:
    """Return the certificates of a PEM file."""
    blocks = ["".join(block.split("-----END")[0].split()) for block in pem.split("-----BEGIN CERTIFICATE-----")[1:]]
    try:
        found = [Certificate(base64.b64decode(block, validate=True)) for block in blocks]
    except (ValueError, IndexError) as error:
        raise TimeStampError(f"the trusted certificates cannot be read ({error}): give them as PEM") from None
    if not found:
        raise TimeStampError("there is no certificate in the file of trusted ones: give them as PEM")
    return found


# Stamps -------------------------------------------------------------------------------------------


def check_time_stamp(
    text: bytes, answer: bytes, trusted: Sequence[Certificate]
) -> tuple[datetime.datetime, str, list[str]]:
    """Return when a text was stamped, by whom, and what that still rests on (a list of sentences).

    Raises TimeStampError when the stamp does not hold, NotCheckedError when that cannot be told here.
    """
    try:
        content, pool, signer = _signed_data(answer)
        t_utc = _check_content(content, text)
        used = _check_signer(content, pool, signer)
        if not used.since <= t_utc <= used.until:
            raise TimeStampError("its certificate was not valid when it was made")
        if not used.stamps():
            raise TimeStampError("its certificate is not one for time stamping alone")
        rests = _check_chain(used, pool, trusted, t_utc)
    except (IndexError, UnicodeDecodeError, OverflowError) as error:
        raise TimeStampError(f"it is damaged ({error})") from None
    except ValueError as error:
        raise error if isinstance(error, TimeStampError) else TimeStampError(f"it is damaged ({error})") from None
    return t_utc, used.name(), rests


def _signed_data(answer: bytes) -> tuple[bytes, list[Certificate], list[Item]]:
    """Return the content that was signed, the certificates that came with it, and the signer's parts."""
    status, *token = _within(_items(answer)[0], 0x30)
    if _number(_within(status, 0x30)[0]) not in (0, 1) or len(token) != 1:
        raise TimeStampError("the authority refused to stamp")
    kind, wrapped = _within(token[0], 0x30)
    if _oid(kind) != _SIGNED_DATA:
        raise TimeStampError("it is no time stamp")
    _, digests, inner, *rest = _within(_within(wrapped, 0xA0)[0], 0x30)
    strange = {_oid(_within(one, 0x30)[0]) for one in _within(digests, 0x31)} - set(_DIGESTS)
    if strange:
        raise NotCheckedError(f"a hash of kind {', '.join(sorted(strange))} is not checked here")
    what, holder = _within(inner, 0x30)
    if _oid(what) != _TST_INFO:
        raise TimeStampError("it is no time stamp")
    pool = [Certificate(whole) for tag, inside, _ in rest if tag == 0xA0 for _, _, whole in _items(inside)]
    signers = _within(rest[-1], 0x31)
    if len(signers) != 1:
        raise TimeStampError("it is not signed by one authority")
    return _within(holder, 0xA0)[0][1], pool, _within(signers[0], 0x30)


def _check_content(content: bytes, text: bytes) -> datetime.datetime:
    """Return the moment a stamp says, where it is of this text."""
    _, _, imprint, _, when, *_ = _within(_items(content)[0], 0x30)
    algorithm, digest = _within(imprint, 0x30)
    name = _oid(_within(algorithm, 0x30)[0])
    if name not in _DIGESTS:
        raise NotCheckedError(f"a hash of kind {name} is not checked here")
    if hashlib.new(_DIGESTS[name], text).digest() != digest[1]:
        raise TimeStampError("it is of another text")
    return _moment(when)


def _check_signer(content: bytes, pool: list[Certificate], signer: list[Item]) -> Certificate:
    """Return the certificate whose key signed a stamp's content."""
    _, who, digest, attributes, algorithm, signature, *_ = signer
    if attributes[0] != 0xA0:
        raise TimeStampError("its signature does not say what it covers")
    hashed = _oid(_within(digest, 0x30)[0])
    if hashed not in _DIGESTS:
        raise NotCheckedError(f"a hash of kind {hashed} is not checked here")
    told = {_oid(_items(one[1])[0]): _items(_items(one[1])[1][1]) for one in _items(attributes[1])}
    if [_oid(item) for item in told.get(_CONTENT_TYPE, [])] != [_TST_INFO]:
        raise TimeStampError("its signature is of something else than a time stamp")
    if [item[1] for item in told.get(_MESSAGE_DIGEST, [])] != [hashlib.new(_DIGESTS[hashed], content).digest()]:
        raise TimeStampError("what it says was changed after it was signed")
    used = next((one for one in pool if _is_named(one, who) and _is_bound(one, told)), None)
    if used is None:
        raise TimeStampError("the certificate of whoever signed it is not in it")
    message = b"\x31" + attributes[2][1:]  # signed as a SET, sent under a tag of its own (RFC 5652, 5.4)
    if not used.signed_this(_oid(_within(algorithm, 0x30)[0]), _DIGESTS[hashed], message, signature[1]):
        raise TimeStampError("its signature does not fit")
    return used


def _is_named(certificate: Certificate, who: Item) -> bool:
    issuer, serial = _within(who, 0x30)
    return issuer[2] == certificate.issuer and _number(serial) == certificate.serial


def _is_bound(certificate: Certificate, told: dict[str, list[Item]]) -> bool:
    """Tell whether what was signed names this very certificate (RFC 5035)."""
    for name, default in _SIGNING_CERTIFICATE.items():
        for item in told.get(name, []):
            parts = _items(_within(_within(item, 0x30)[0], 0x30)[0][1])
            given = _DIGESTS.get(_oid(_within(parts[0], 0x30)[0]), "") if parts[0][0] == 0x30 else default
            digest = next((part[1] for part in parts if part[0] == 4), b"")
            return bool(given) and hashlib.new(given, certificate.whole).digest() == digest
    return False


def _check_chain(
    used: Certificate, pool: Sequence[Certificate], trusted: Sequence[Certificate], t_utc: datetime.datetime
) -> list[str]:
    """Return what it rests on that a certificate is the authority's."""
    if not trusted:
        return [f"that the certificate of {used.name()} is a time authority's: nobody's were given (--ca)"]
    reached = _lead(used, pool, trusted, t_utc)
    if not reached:
        raise TimeStampError(f"the certificate of {used.name()} leads to none of those given with --ca")
    known = {_CONSTRAINTS, _KEY_USAGE, _EXTENDED_USAGE}
    strange = sorted({name for one in (used, *reached) for name, (must, _) in one.extensions.items() if must} - known)
    rests = [f"that {reached[-1].name()} revoked no certificate in between: no list of revoked ones was asked"]
    return rests + ([f"what the extensions {', '.join(strange)} of these demand: not checked here"] if strange else [])


def _lead(
    start: Certificate, pool: Sequence[Certificate], trusted: Sequence[Certificate], t_utc: datetime.datetime
) -> list[Certificate]:
    """Return the certificates from one up to a trusted one; none where they do not lead there."""
    anchors, seen, ways = {one.whole for one in trusted}, {start.whole}, [[start]]
    for way in ways:
        if way[-1].whole in anchors:
            return way
        for one in (*trusted, *pool):
            if one.whole not in seen and _stands(one, way[-1], t_utc):
                seen.add(one.whole)
                ways.append([*way, one])
    return []


def _stands(issuer: Certificate, last: Certificate, t_utc: datetime.datetime) -> bool:
    """Tell whether one certificate vouches for another."""
    if issuer.subject != last.issuer or not issuer.may_issue() or not issuer.since <= t_utc <= issuer.until:
        return False
    return issuer.signed_this(last.algorithm, None, last.signed[2], last.signature)
