"""The secret a link is signed with, and what its streams are told apart by."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from geo.errors import InputError

_KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 6
"""At the end of a signed frame."""

Stream = tuple[int, int, int]
"""Link id, system, component."""


class SigningKey:
    """A 32-byte secret that shows itself nowhere: not in a repr, a log or a pickle."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        if len(secret) != _KEY_BYTES:
            raise InputError(f"a signing key has {_KEY_BYTES} bytes, this one has {len(secret)}", actual=len(secret))
        self._secret = secret

    def __repr__(self) -> str:
        return "SigningKey(hidden)"

    def __reduce__(self) -> str:
        raise TypeError("a signing key is not to be stored by pickling")

    def signature(self, frame: bytes) -> bytes:
        """Return the six signature bytes over everything before them."""
        return hashlib.sha256(self._secret + frame).digest()[:SIGNATURE_BYTES]

    @property
    def fingerprint(self) -> bytes:
        """Eight bytes that tell keys apart and give nothing of them away."""
        return hashlib.sha256(b"vedette signing marks" + self._secret).digest()[:8]

    def to_hex(self) -> str:
        """Return the secret, 64 hexadecimal digits, for a vehicle that is to hold the same; it belongs in no log."""
        return self._secret.hex()

    def give_to(self, packer: Any) -> None:
        """Let a pymavlink packer sign what it packs."""
        packer.signing.secret_key = self._secret
        packer.signing.sign_outgoing = True
