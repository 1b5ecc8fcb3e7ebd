"""A certificate of the console's own making, for a machine without one: kept, so that browsers need trust it once."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from maps.review.errors import AccountError
from operations import durable_file, locks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_DAYS: Final = 397
"""Browsers take no longer ones (CA/Browser Forum Baseline Requirements, 6.3.2)."""
_CERT, _KEY = "console.pem", "console.key"


def own_certificate(folder: Path, hosts: Sequence[str], now: dt.datetime) -> tuple[Path, Path]:
    """Return paths of a certificate and its key, made anew when there is none for these hosts or it has run out."""
    cert, key = folder / _CERT, folder / _KEY
    durable_file.make_folder(folder)
    with locks.turn(folder):
        if not _fits(cert, key, hosts, now):
            made = _made(hosts, now)
            durable_file.write_whole(key, made[1])
            durable_file.write_whole(cert, made[0])
    return cert, key


def fingerprint(cert: Path) -> str:
    """Return a certificate's SHA-256 as browsers show it, to be compared by eye.

    Raises
    ------
    AccountError
        When the file is no certificate.
    """
    try:
        read = x509.load_pem_x509_certificate(cert.read_bytes())
    except (OSError, ValueError) as error:
        raise AccountError(
            f"{cert} cannot be read as a certificate ({error}): give a PEM file", path=str(cert)
        ) from error
    return read.fingerprint(hashes.SHA256()).hex(":").upper()


def _fits(cert: Path, key: Path, hosts: Sequence[str], now: dt.datetime) -> bool:
    if not (cert.is_file() and key.is_file()):
        return False
    with contextlib.suppress(OSError, ValueError, x509.ExtensionNotFound):
        read = x509.load_pem_x509_certificate(cert.read_bytes())
        names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        known = {str(name) for name in names.get_values_for_type(x509.DNSName)}
        known |= {str(name) for name in names.get_values_for_type(x509.IPAddress)}
        return set(hosts) <= known and now + dt.timedelta(days=1) < read.not_valid_after_utc
    return False


def _made(hosts: Sequence[str], now: dt.datetime) -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Vedette review")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=_DAYS - 1))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([_general(host) for host in hosts]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM), private


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
