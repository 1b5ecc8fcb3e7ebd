"""Time stamps checked in plain Python: OpenSSL makes them, OpenSSL and another library are the judges."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import random
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from operations.evidence.signatures import ecdsa_verify, rsa_verify
from operations.evidence.time_stamps import (
    NotCheckedError,
    TimeStampError,
    certificates_of,
    check_time_stamp,
)
from operations.signing.errors import StampError
from operations.signing.stamps import check_stamp, stamp_request

TEXT = "vedette/operation/00\n7\nAAAA\n"
VECTORS = json.loads(Path(__file__).with_name("nist_signatures.json").read_text())


@pytest.mark.parametrize("vector", VECTORS["rsa"], ids=lambda one: one["result"])
def test_the_vectors_of_nist_for_rsa(vector):
    modulus, exponent = int(vector["n"], 16), int(vector["e"], 16)
    message, signature = bytes.fromhex(vector["message"]), bytes.fromhex(vector["signature"])
    assert rsa_verify(modulus, exponent, "sha256", message, signature) is vector["result"].startswith("P")
    assert not rsa_verify(modulus, exponent, "sha256", message, b"\0" + signature)


@pytest.mark.parametrize("vector", VECTORS["ecdsa"], ids=lambda one: f"{one['curve']} {one['result']}")
def test_the_vectors_of_nist_for_ecdsa(vector):
    public, message = bytes.fromhex(vector["public"]), bytes.fromhex(vector["message"])
    r, s = int(vector["r"], 16), int(vector["s"], 16)
    digest = f"sha{vector['curve'][2:]}"
    assert ecdsa_verify(vector["curve"], public, digest, message, (r, s)) is vector["result"].startswith("P")
    for wrong in ((0, s), (r, 0), (0, 0), (r + 2**400, s)):
        assert not ecdsa_verify(vector["curve"], public, digest, message, wrong)
    assert not ecdsa_verify(vector["curve"], b"\4" + bytes(len(public) - 1), digest, message, (r, s))


@pytest.fixture(scope="session", params=["P-256", "P-384", "rsa"])
def other_authority(request, authority, tmp_path_factory):
    """Return authorities with keys of every kind that is checked."""
    return type(authority).make(tmp_path_factory.mktemp("authority"), request.param)


def stamped(authority, text=TEXT):
    return authority.stamp(stamp_request(text)), certificates_of(authority.roots.decode())


def test_what_openssl_stamps_holds_and_openssl_agrees(authority, other_authority, tmp_path):
    answer, roots = stamped(other_authority)
    t_utc, who, rests = check_time_stamp(TEXT.encode(), answer, roots)
    assert int(t_utc.timestamp()) == check_stamp(TEXT, answer, other_authority.roots)[1]
    assert who.startswith("Test TSA (SHA-256 ")
    assert rests == [rests[0]]
    assert "Test root" in rests[0]
    assert "no list of revoked ones was asked" in rests[0]
    (other_authority.folder / "text").write_text(TEXT)
    words = ("ts", "-verify", "-in", "a.tsr", "-data", "text", "-CAfile", "ca.pem")
    assert "Verification: OK" in other_authority.openssl(*words)
    with pytest.raises(TimeStampError, match="of another text"):
        check_time_stamp(b"another", answer, roots)
    with pytest.raises(TimeStampError, match="leads to none of those given"):
        check_time_stamp(TEXT.encode(), answer, certificates_of(authority.roots.decode()))
    _, _, rests = check_time_stamp(TEXT.encode(), answer, [])
    assert "nobody's were given (--ca)" in rests[0]


@pytest.mark.parametrize("turned", [False, True])
def test_a_chain_of_certificates_in_any_order_holds(authority, other_authority, turned):
    """OpenSSL writes the chain as it is given; DER has one order alone, so that one of the two is not it."""
    chain = [(one.folder / "ca.pem").read_text() for one in (authority, other_authority)]
    (authority.folder / "chain.pem").write_text("".join(reversed(chain) if turned else chain))
    answer = authority.stamp(stamp_request(TEXT), "-chain", "chain.pem")
    who, moment = check_stamp(TEXT, answer, authority.roots)
    assert (
        int(check_time_stamp(TEXT.encode(), answer, certificates_of(authority.roots.decode()))[0].timestamp()) == moment
    )
    assert "Test TSA" in who
    with pytest.raises(StampError, match="of another file"):
        check_stamp("another", answer, authority.roots)
    with pytest.raises(StampError, match="does not hold for the certificates given"):
        check_stamp(TEXT, answer, other_authority.roots)


def test_what_was_changed_passes_only_where_no_signature_covers_it(other_authority):
    """Another library is the judge: it refuses such a stamp by its form at most, never by its signature."""
    answer, roots = stamped(other_authority)
    moment = check_time_stamp(TEXT.encode(), answer, roots)[0]
    chance = random.Random(14)
    refused, otherwise = 0, []
    for _ in range(80):
        changed = bytearray(answer)
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        try:
            said = check_time_stamp(TEXT.encode(), bytes(changed), roots)[0]
        except TimeStampError:
            refused += 1
            continue
        assert said == moment
        try:
            check_stamp(TEXT, bytes(changed), other_authority.roots)
        except StampError as error:
            otherwise.append(error.message)
    assert refused > 60
    assert [said for said in otherwise if "this is no answer of a time authority" not in said] == []


@pytest.mark.parametrize("cut", [0, 1, 2, 5, 40, 400, 1200])
def test_what_is_no_stamp_is_one_sentence(authority, cut):
    answer, roots = stamped(authority)
    for data in (answer[:cut], answer[:cut] + b"\x30\x80" + answer[cut:], TEXT.encode()[:cut], stamp_request(TEXT)):
        with pytest.raises(TimeStampError):
            check_time_stamp(TEXT.encode(), data, roots)


def test_a_certificate_that_is_not_made_for_stamping_stamps_nothing(authority):
    roots = certificates_of(authority.roots.decode())
    authority.certify("web", "Web server", "serves", "rsa", "-CA", "ca.pem", "-CAkey", "ca.key")
    web = certificates_of((authority.folder / "web.pem").read_text())[0]
    assert not web.stamps()
    assert not web.may_issue()
    assert roots[0].may_issue()
    assert not roots[0].stamps()


def test_a_key_that_is_not_known_here_is_said_to_be_unchecked(tmp_path, authority):
    strange = type(authority).make(tmp_path, "P-521")
    answer, roots = stamped(strange)
    with pytest.raises(NotCheckedError, match="is not checked here"):
        check_time_stamp(TEXT.encode(), answer, roots)
    assert check_stamp(TEXT, answer, strange.roots)


def test_a_stamp_signed_by_somebody_who_issues_certificates_to_themselves_is_refused(authority, tmp_path):
    """The chain is followed to a certificate that is trusted, not to one that carries its name."""
    false = type(authority).make(tmp_path)
    answer, _ = stamped(false)
    with pytest.raises(TimeStampError, match="leads to none"):
        check_time_stamp(TEXT.encode(), answer, certificates_of(authority.roots.decode()))
    with pytest.raises(StampError):
        check_stamp(TEXT, answer, authority.roots)


@pytest.mark.parametrize("pem", ["", "text", "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n"])
def test_what_are_no_certificates_is_said(pem):
    with pytest.raises(TimeStampError, match="PEM"):
        certificates_of(pem)


def test_half_a_certificate_is_said(authority):
    data = base64.b64encode(certificates_of(authority.roots.decode())[0].whole[:200]).decode()
    with pytest.raises(TimeStampError, match="cannot be read"):
        certificates_of(f"-----BEGIN CERTIFICATE-----\n{data}\n-----END CERTIFICATE-----\n")


def test_openssl_reads_the_file_that_the_command_in_the_package_names(made, authority):
    package = made / "op-redacted"
    name = next((package / "anchors").glob("*.tsr")).with_suffix("").name
    words = ["-verify", "-in", f"anchors/{name}.tsr", "-data", f"anchors/{name}.txt", "-CAfile"]
    ca = str(authority.folder / "ca.pem")
    done = subprocess.run(["openssl", "ts", *words, ca], cwd=package, capture_output=True, text=True, check=False)
    assert "Verification: OK" in done.stdout, done.stderr


@pytest.mark.parametrize("letters", [1, 20, 50, 60, 64])
def test_a_certificate_is_called_by_its_common_name_however_long(letters):
    """From 128 bytes on the length of a name takes two bytes itself (X.690, 8.1.3.5)."""
    key = Ed25519PrivateKey.generate()
    parts = [(NameOID.ORGANIZATION_NAME, "O" * letters), (NameOID.COMMON_NAME, "C" * letters)]
    name = x509.Name([x509.NameAttribute(kind, text) for kind, text in parts])
    day = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    built = x509.CertificateBuilder(name, name, key.public_key(), 7, day, day + datetime.timedelta(days=1))
    pem = built.sign(key, None).public_bytes(Encoding.PEM).decode()
    assert certificates_of(pem)[0].name().startswith("C" * letters + " (SHA-256 ")


CONSTRAINTS, USAGE = x509.ObjectIdentifier("2.5.29.19"), x509.ObjectIdentifier("2.5.29.15")
LONG_AGO, LATER = (datetime.datetime(year, 1, 1, tzinfo=datetime.UTC) for year in (2020, 2040))
CA_KEY = ec.generate_private_key(ec.SECP256R1())


def certified(key, *, by=CA_KEY, name=("A name",), more=(), digest=None):
    """Make a certificate with another library: `name` is the common name, then organisational units."""
    kinds = (NameOID.COMMON_NAME, *[NameOID.ORGANIZATIONAL_UNIT_NAME] * (len(name) - 1))
    subject = x509.Name([x509.NameAttribute(kind, text) for kind, text in zip(kinds, name, strict=True)])
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    made = made.serial_number(7).not_valid_before(LONG_AGO).not_valid_after(LATER)
    for kind, value in more:
        made = made.add_extension(x509.UnrecognizedExtension(kind, value), critical=True)
    return made.sign(by, digest or hashes.SHA256()).public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize(
    ("constraints", "usage", "issues"),
    [
        (b"\x30\x03\x01\x01\xff", b"\x03\x02\x02\x04", True),  # keyCertSign alone
        (b"\x30\x03\x01\x01\xff", b"\x03\x02\x01\x06", True),  # with cRLSign
        (b"\x30\x06\x01\x01\xff\x02\x01\x00", b"\x03\x02\x02\x04", True),  # with a longest path
        (b"\x30\x03\x01\x01\xff", None, True),  # no word of its use
        (b"\x30\x03\x01\x01\xff", b"\x03\x02\x01\x02", False),  # cRLSign alone
        (b"\x30\x03\x01\x01\xff", b"\x03\x02\x07\x80", False),  # digitalSignature alone
        (b"\x30\x00", b"\x03\x02\x02\x04", False),
        (b"\x30\x03\x01\x01\x00", b"\x03\x02\x02\x04", False),  # FALSE spelled out, as some makers do
        (None, b"\x03\x02\x02\x04", False),
    ],
)
def test_only_who_is_said_to_issue_certificates_does(constraints, usage, issues):
    """RFC 5280, 4.2.1.9 and 4.2.1.3: the bytes are spelled by hand (X.690, 8.2 and 8.6)."""
    more = [(kind, value) for kind, value in ((CONSTRAINTS, constraints), (USAGE, usage)) if value is not None]
    (one,) = certificates_of(certified(CA_KEY, more=more))
    assert one.may_issue() is issues


@pytest.mark.parametrize("digest", [hashes.SHA256(), hashes.SHA384(), hashes.SHA512()], ids=lambda one: one.name)
@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_certificates_signed_with_every_digest_are_checked_with_that(kind, digest):
    signer = CA_KEY if kind == "ec" else rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (root,) = certificates_of(certified(signer, by=signer))
    (one,) = certificates_of(certified(Ed25519PrivateKey.generate(), by=signer, digest=digest))
    assert root.signed_this(one.algorithm, None, one.signed[2], one.signature)
    assert not root.signed_this(one.algorithm, None, one.signed[2] + b"\0", one.signature)


@pytest.mark.parametrize("units", [0, 1, 2, 5])
def test_names_are_read_however_long_the_subject_is(units):
    """A subject of less than 128 bytes, of less than 256 and of more has one, two and three bytes of length."""
    pem = certified(CA_KEY, name=("An authority", *["a unit " * 8] * units))
    (one,) = certificates_of(pem)
    assert one.name().startswith("An authority (SHA-256 ")
    assert one.name().endswith(f"({'SHA-256 ' + hashlib.sha256(one.whole).hexdigest()[:16]})")


@pytest.mark.parametrize("junk", ["*", "?", "é", "=="])
def test_a_certificate_with_strange_letters_in_it_is_not_read_past_them(junk):
    lines = certified(CA_KEY).splitlines()
    lines[3] = lines[3][:20] + junk + lines[3][20:]
    with pytest.raises(TimeStampError, match="cannot be read"):
        certificates_of("\n".join(lines))


@pytest.mark.parametrize(("word", "stamps"), [(b"\x01\x01\xff", True), (b"\x01\x01\x00", False), (b"", False)])
def test_only_a_certificate_that_is_critically_for_stamping_stamps(word, stamps):
    """RFC 3161, 2.3: the word between the extension's name and its value, TRUE, FALSE spelled out, or left out."""
    usage = b"\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x08"
    (one,) = certificates_of(certified(CA_KEY, more=[(x509.ObjectIdentifier("2.5.29.37"), usage)]))
    there = b"\x06\x03\x55\x1d\x25\x01\x01\xff"
    assert one.whole.count(there) == 1
    if word:
        other = type(one)(one.whole.replace(there, there[:5] + word))
    else:
        plain = x509.ExtendedKeyUsage([x509.ObjectIdentifier("1.3.6.1.5.5.7.3.8")])
        other = type(one)(with_extension(plain))
    assert other.stamps() is stamps


def with_extension(value):
    """Make a certificate with an extension that is not critical."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A name")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(CA_KEY.public_key())
    made = made.serial_number(7).not_valid_before(LONG_AGO).not_valid_after(LATER).add_extension(value, critical=False)
    return made.sign(CA_KEY, hashes.SHA256()).public_bytes(Encoding.DER)


@pytest.mark.parametrize("dotted", ["1.2.127.3", "1.2.128.3", "2.5.127.127", "1.3.16383.16384", "2.999.0.1"])
def test_names_of_kinds_are_read_as_another_library_writes_them(dotted):
    """X.690, 8.19: seven bits a byte; 127 is the greatest number of one byte, 16383 of two."""
    (one,) = certificates_of(certified(CA_KEY, more=[(x509.ObjectIdentifier(dotted), b"\x05\x00")]))
    assert dotted in one.extensions


@pytest.mark.parametrize("data", [b"\x3f\x03\x02\x01\x05", b"\x1f\x01\x00", b"\xbf\x20\x00", b"\x30\x80\x00\x00"])
def test_long_tags_and_open_lengths_are_no_der(data):
    pem = f"-----BEGIN CERTIFICATE-----\n{base64.b64encode(data).decode()}\n-----END CERTIFICATE-----\n"
    with pytest.raises(TimeStampError, match="not spelled in DER"):
        certificates_of(pem)
