"""The keys of an encrypted operation, as text: a random master key, wrapped under each secret that may open it.

A secret (a passphrase or a key file's bytes) never encrypts data. It opens a *slot*, which
holds the master key; from that three keys are derived (HKDF-SHA-256, RFC 5869): one wraps the
files' own keys, one seals records, one makes labels. So a passphrase is changed by writing one
small file again.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
import os
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from operations.vault.errors import SecretError
from operations.vault.sealed_stream import KEY_BYTES, NONCE_BYTES

VERSION: Final = 1
MIN_KEY_FILE_BYTES: Final = 32
"""A key file holds at least as much as the key it stands for."""
_SALT_BYTES: Final = 16
_ITERATIONS: Final = 3
_LANES: Final = 4
_MEMORY_KIB: Final = 1 << 16
"""Argon2id with 3 passes, 4 lanes and 64 MiB: the second recommended set of RFC 9106, section 4."""
_MAX_MEMORY_KIB: Final = 1 << 18
"""A changed keys.json may not make opening take all memory, or for ever."""
_MAX_ITERATIONS: Final = 16
_MAX_LANES: Final = 16
_MAX_SLOTS: Final = 8


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """What opens an operation: a passphrase, or the contents of a key file."""

    value: bytes = dataclasses.field(repr=False)
    from_key_file: bool = False

    def __post_init__(self) -> None:
        if self.from_key_file and len(self.value) < MIN_KEY_FILE_BYTES:
            raise SecretError(f"a key file holds at least {MIN_KEY_FILE_BYTES} random bytes, not {len(self.value)}")
        if not self.value:
            raise SecretError("the passphrase is empty: give one of several words")

    @property
    def kind(self) -> str:
        """What the slot calls it."""
        return "key file" if self.from_key_file else "passphrase"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class KeyRing:
    """The opened keys of one operation."""

    master: bytes = dataclasses.field(repr=False)
    slots: tuple[str, ...]
    """One JSON text each."""

    @classmethod
    def create(cls, secret: Secret) -> KeyRing:
        """Make a new master key that this secret opens."""
        master = os.urandom(KEY_BYTES)
        return cls(master=master, slots=(_slot(master, secret),))

    @classmethod
    def parse(cls, text: str, secret: Secret) -> KeyRing:
        """Open the stored keys.

        Raises
        ------
        SecretError
            When the text is no stored key, or the secret opens no slot.
        """
        slots = _slots(text)
        fitting = [slot for slot in slots if slot["kind"] == secret.kind]
        for slot in fitting:
            master = _unwrap(slot, secret)
            if master is not None:
                return cls(master=master, slots=tuple(_text(s) for s in slots))
        if not fitting:
            kinds = " or ".join(dict.fromkeys(slot["kind"] for slot in slots))
            raise SecretError(f"this operation opens with a {kinds}, not with a {secret.kind}: give that one")
        raise SecretError(f"the {secret.kind} does not open this operation: give the right one")

    def to_text(self) -> str:
        """Return what is stored; it holds no key in clear."""
        return json.dumps({"version": VERSION, "slots": [json.loads(slot) for slot in self.slots]}, indent=1) + "\n"

    def rotated(self, secret: Secret) -> KeyRing:
        """Return the ring with the same master key under this secret alone."""
        return dataclasses.replace(self, slots=(_slot(self.master, secret),))

    def added(self, secret: Secret) -> KeyRing:
        """Return the ring with one more secret that opens it.

        Raises
        ------
        SecretError
            When as many open it already as may.
        """
        if len(self.slots) == _MAX_SLOTS:
            raise SecretError(f"{_MAX_SLOTS} secrets open this operation already: change it to a single one first")
        return dataclasses.replace(self, slots=(*self.slots, _slot(self.master, secret)))

    def derived(self, purpose: str) -> bytes:
        """Return the key for one purpose."""
        info = f"vedette {VERSION} {purpose}".encode()
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(self.master)


def _slot(master: bytes, secret: Secret) -> str:
    slot: dict[str, Any] = {"kind": secret.kind, "salt": _b64(os.urandom(_SALT_BYTES)), "nonce": _b64(os.urandom(12))}
    if not secret.from_key_file:
        slot |= {"kdf": "argon2id", "iterations": _ITERATIONS, "lanes": _LANES, "memory_kib": _MEMORY_KIB}
    sealed = AESGCM(_slot_key(slot, secret)).encrypt(_bytes(slot, "nonce"), master, _bound(slot))
    return _text(slot | {"wrapped": _b64(sealed)})


def _unwrap(slot: dict[str, Any], secret: Secret) -> bytes | None:
    try:
        return AESGCM(_slot_key(slot, secret)).decrypt(_bytes(slot, "nonce"), _bytes(slot, "wrapped"), _bound(slot))
    except InvalidTag:
        return None


def _slot_key(slot: dict[str, Any], secret: Secret) -> bytes:
    salt = _bytes(slot, "salt")
    if secret.from_key_file:
        info = b"vedette key file"
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=info).derive(secret.value)
    cost = {"iterations": slot["iterations"], "lanes": slot["lanes"], "memory_cost": slot["memory_kib"]}
    return Argon2id(salt=salt, length=KEY_BYTES, **cost).derive(secret.value)


def _bound(slot: dict[str, Any]) -> bytes:
    """Return the slot's own fields: none of them can be exchanged unnoticed."""
    return _text({name: value for name, value in slot.items() if name != "wrapped"}).encode()


def _slots(text: str) -> list[dict[str, Any]]:
    try:
        document = json.loads(text)
        if document["version"] != VERSION:
            raise SecretError(f"the stored keys have version {document['version']!r}: use a newer program")
        slots = list(document["slots"])
        if len(slots) > _MAX_SLOTS:
            raise ValueError("more slots than can be made")
        for slot in slots:
            _check(slot)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SecretError("keys.json was changed: it holds no keys any more; restore it from a copy") from error
    if not slots:
        raise SecretError("keys.json holds no key: restore it from a copy")
    return slots


def _check(slot: dict[str, Any]) -> None:
    lengths = {"salt": _SALT_BYTES, "nonce": NONCE_BYTES, "wrapped": KEY_BYTES + 16}
    if any(len(_bytes(slot, name)) != size for name, size in lengths.items()):
        raise ValueError("a field has another length")
    if slot["kind"] == "passphrase":
        limits = {"iterations": (1, _MAX_ITERATIONS), "lanes": (1, _MAX_LANES), "memory_kib": (1024, _MAX_MEMORY_KIB)}
        if slot["kdf"] != "argon2id" or any(not low <= slot[name] <= high for name, (low, high) in limits.items()):
            raise ValueError("a cost is out of bounds")
    elif slot["kind"] != "key file":
        raise ValueError("an unknown kind of secret")


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _bytes(slot: dict[str, Any], name: str) -> bytes:
    try:
        return base64.b64decode(slot[name], validate=True)
    except binascii.Error as error:
        raise ValueError(f"{name} is no base64") from error


def _text(slot: dict[str, Any]) -> str:
    return json.dumps(slot, sort_keys=True, separators=(",", ":"))
