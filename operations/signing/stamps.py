"""Time stamps of RFC 3161: request and answer are files, so that a machine without a network can be anchored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptography.x509 import load_pem_x509_certificates
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from operations.signing.errors import StampError
from telemetry.klv.ber import decode_length, encode_length

if TYPE_CHECKING:
    from pathlib import Path

    from rfc3161_client import TimeStampResponse

_MAX_BYTES: Final = 1 << 20
_SEQUENCE: Final = 0x30
_CONTENT: Final = 0xA0
_CERTIFICATES: Final = 0xA0
"""Tags of X.690: SEQUENCE; content of ContentInfo and certificates of SignedData (RFC 5652, 3 and 5.1), both [0]."""


def stamp_request(text: str) -> bytes:
    """Return the request (DER, ``.tsq``) for a stamp on a text: its SHA-256 and a nonce."""
    builder = TimestampRequestBuilder().data(text.encode()).hash_algorithm(HashAlgorithm.SHA256)
    return builder.cert_request(cert_request=True).nonce(nonce=True).build().as_bytes()


def check_stamp(text: str, answer: bytes, roots_pem: bytes) -> tuple[str, int]:
    """Return who stamped a text and when (s since 1970).

    Parameters
    ----------
    text
        What the stamp has to be of.
    answer
        The authority's answer (DER, ``.tsr``) with its certificate.
    roots_pem
        Certificates that are trusted to stand for time authorities.

    Raises
    ------
    StampError
        When it is no stamp, of another text, or not of an authority that these certificates stand for.
    """
    try:
        roots = load_pem_x509_certificates(roots_pem)
    except ValueError as error:
        raise StampError("the trusted certificates cannot be read: give them as PEM") from error
    response = _decoded(answer)
    builder = VerifierBuilder()
    for root in roots:
        builder = builder.add_root_certificate(root)
    try:
        builder.build().verify_message(response, text.encode())
    except VerificationError as error:
        if "Mismatch" in str(error):
            raise StampError("this time stamp is of another file, not of this head") from error
        raise StampError(f"this time stamp does not hold for the certificates given: {error}") from error
    except ValueError as error:
        raise StampError(f"this time stamp cannot be checked: {error}") from error
    moment = response.tst_info.gen_time
    return str(response.tst_info.name or "a time authority"), int(moment.timestamp())


def _decoded(answer: bytes) -> TimeStampResponse:
    try:
        response = decode_timestamp_response(_certificates_in_order(answer))
        _ = response.tst_info
    except ValueError as error:
        what = "this is no answer of a time authority (RFC 3161, strict DER): name the .tsr file"
        raise StampError(what) from error
    return response


def _certificates_in_order(answer: bytes) -> bytes:
    """Return an answer with its certificates in DER's order (X.690, 11.6), which the library insists on.

    OpenSSL's authorities write the chain as it was given to them. No signature covers the order (RFC 5652, 5.1).
    """
    try:
        status, token = _values(_content(answer))
        kind, content = _values(_content(token))
        (signed,) = _values(_content(content))
        fields = _values(_content(signed))
    except (ValueError, IndexError):
        return answer  # the library says what it is not
    ordered = [
        _value(_CERTIFICATES, b"".join(sorted(_values(_content(one))))) if one[0] == _CERTIFICATES else one
        for one in fields
    ]
    data = _value(_SEQUENCE, b"".join(ordered))
    return _value(_SEQUENCE, status + _value(_SEQUENCE, kind + _value(_CONTENT, data)))


def _head(data: bytes) -> tuple[int, int]:
    """Return where the content of the value at the beginning starts and ends."""
    told = decode_length(data, 1)
    if told is None or sum(told) > len(data):
        raise ValueError("cut short, or of no definite length")
    length, start = told
    return start, start + length


def _content(data: bytes) -> bytes:
    start, end = _head(data)
    return data[start:end]


def _values(data: bytes) -> list[bytes]:
    found = []
    while data:
        end = _head(data)[1]
        found.append(data[:end])
        data = data[end:]
    return found


def _value(tag: int, content: bytes) -> bytes:
    return bytes([tag]) + encode_length(len(content)) + content


def bytes_of(path: Path) -> bytes:
    """Return a small file; StampError when it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(_MAX_BYTES)
    except OSError as error:
        raise StampError(f"{path} cannot be read ({error.strerror or error})", path=str(path)) from error
