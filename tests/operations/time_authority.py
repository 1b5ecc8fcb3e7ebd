"""A time authority as OpenSSL makes one, with a key of any kind."""

from __future__ import annotations

import dataclasses
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

KEYS = {
    "rsa": ("-newkey", "rsa:2048"),
    "P-256": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
    "P-384": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"),
    "P-521": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521"),
}
CONFIGURATION = """
[req]
distinguished_name = dn
[dn]
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[stamps]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[serves]
extendedKeyUsage = serverAuth
[tsa]
default_tsa = tsa_config
[tsa_config]
serial = ./serial
signer_cert = ./tsa.pem
signer_key = ./tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
tsa_name = yes
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TimeAuthority:
    """A root that stands for a certificate, and the key of this that stamps."""

    folder: Path

    @classmethod
    def make(cls, folder, kind="rsa"):
        """Make keys and certificates."""
        authority = cls(folder=folder)
        (folder / "tsa.cnf").write_text(CONFIGURATION)
        authority.certify("ca", "Test root", "ca", kind)
        authority.certify("tsa", "Test TSA", "stamps", kind, "-CA", "ca.pem", "-CAkey", "ca.key")
        return authority

    def certify(self, name, common_name, extensions, kind, *by):
        """Make a key and a certificate for it, signed by itself unless `by` says who signs."""
        words = ["req", "-x509", *KEYS[kind], "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem", *by]
        subject = ["-days", "3650", "-subj", f"/O=Test/CN={common_name}", "-config", "tsa.cnf"]
        self.openssl(*words, *subject, "-extensions", extensions)

    def openssl(self, *words):
        """Run OpenSSL in the authority's folder; what it says."""
        done = subprocess.run(
            ["openssl", *map(str, words)], cwd=self.folder, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def stamp(self, request, *more):
        """Answer a request, with more words of OpenSSL's if there are any."""
        (self.folder / "q.tsq").write_bytes(request)
        self.openssl("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "q.tsq", "-out", "a.tsr", *more)
        return (self.folder / "a.tsr").read_bytes()

    @property
    def roots(self):
        """The certificate that stands for it, as PEM."""
        return (self.folder / "ca.pem").read_bytes()
