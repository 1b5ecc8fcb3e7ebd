"""Signing keys: Ed25519, kept outside every operation, with a history that lets old signatures stand.

A key named `ana.key` is a PKCS #8 file (RFC 5958), private to its owner, encrypted under a
passphrase where one is given. Beside it lies `ana.pub`, which is handed to others: the
statements by which the first key came into use, handed over to the next one, or was revoked, each
a signed text. Only the newest private key is kept: what a former one signed stays verifiable by the
statements, and nobody signs with it any more.
"""

from __future__ import annotations

import dataclasses
import json
import unicodedata
from typing import TYPE_CHECKING, Any, Final, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from operations import durable_file
from operations.evidence.signed_texts import (
    ED25519_TIMED,
    KEY_TEXT,
    VerifierError,
    key_id,
    read_keys,
    read_vkey,
    signed_message,
    vkey,
)
from operations.signing.errors import SigningKeyError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NS_PER_S: Final = 1_000_000_000
PUBLIC: Final = ".pub"
_OTHERS: Final = 0o077


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Somebody's opened signing key."""

    name: str
    private: Ed25519PrivateKey = dataclasses.field(repr=False)
    keys_text: str
    """The file of public keys that belongs to it."""
    clock: Callable[[], int] = dataclasses.field(repr=False)
    """Returns the time now as UTC nanoseconds."""

    @property
    def vkey(self) -> str:
        """The public key as one line."""
        return vkey(self.name, _public(self.private))

    def sign(self, text: str) -> str:
        """Return the signature line of a text that ends with a line break, with the moment in it."""
        t_s = self.clock() // NS_PER_S
        return _line(self.name, self.private, text, t_s)

    def note(self, text: str) -> str:
        """Return a text with this signature."""
        return f"{text}\n{self.sign(text)}"

    @classmethod
    def read(cls, path: Path, passphrase: bytes | None, clock: Callable[[], int]) -> Self:
        """Open a signing key.

        Raises
        ------
        SigningKeyError
            When it cannot be read, others than its owner may read it, the passphrase is wrong or missing, it was
            revoked, or the public keys beside it are of another key.
        """
        private = _read_private(path, passphrase)
        keys_text = read_public_text(path.with_suffix(PUBLIC))
        last = _history(keys_text, path)[-1]
        name, public = read_vkey(last["key"])
        if public != _public(private):
            raise SigningKeyError(f"{path.with_suffix(PUBLIC)} does not end with the key of {path}: restore the pair")
        if last["until"] is not None:
            raise SigningKeyError(f"{path} signs nothing any more, it was {last['why']}: make a new key")
        return cls(name=name, private=private, keys_text=keys_text, clock=clock)


def new_key(path: Path, name: str, *, passphrase: bytes | None, clock: Callable[[], int]) -> Signer:
    """Make a signing key and the file of public keys beside it.

    Raises
    ------
    SigningKeyError
        When there is a file already, or the name cannot stand in a signature line.
    """
    require_name(name)
    for there in (path, path.with_suffix(PUBLIC)):
        if there.exists():
            raise SigningKeyError(f"{there} is there already: name a new file, or rotate that key", path=str(there))
    private = Ed25519PrivateKey.generate()
    t_s = clock() // NS_PER_S
    keys_text = _text([_statement("new", _key_of(name, private), "", t_s, (name, private))])
    durable_file.make_folder(path.parent)
    durable_file.write_whole(path.with_suffix(PUBLIC), keys_text.encode())
    durable_file.write_whole(path, _pem(private, passphrase))
    return Signer(name=name, private=private, keys_text=keys_text, clock=clock)


def rotate_key(path: Path, old: Signer, *, passphrase: bytes | None) -> Signer:
    """Replace a signing key by a new one that the old one names; the old private key is gone afterwards.

    The public file is renewed first. A process that dies between the two leaves the new key in `PATH.part`.
    """
    private = Ed25519PrivateKey.generate()
    t_s = old.clock() // NS_PER_S
    by = ((old.name, old.private), (old.name, private))
    rest = f"{old.vkey}\n"
    keys_text = _text([*_statements(old), _statement("rotated", _key_of(old.name, private), rest, t_s, *by)])
    unfinished = path.with_name(f"{path.name}{durable_file.PART}")
    durable_file.remove(unfinished)
    durable_file.write(unfinished, (_pem(private, passphrase),))
    durable_file.write_whole(path.with_suffix(PUBLIC), keys_text.encode())
    durable_file.replace(unfinished, path)
    durable_file.sync_folder(path.parent)
    return dataclasses.replace(old, private=private, keys_text=keys_text)


def revoke_key(path: Path, old: Signer, reason: str) -> str:
    """End a signing key for good; returns the new file of public keys, to be handed to all who hold the old one."""
    t_s = old.clock() // NS_PER_S
    why = " ".join(reason.split()) or "no reason given"
    rest = f"{t_s}\n{_visible(why)}\n"
    keys_text = _text([*_statements(old), _statement("revoked", old.vkey, rest, t_s, (old.name, old.private))])
    durable_file.write_whole(path.with_suffix(PUBLIC), keys_text.encode())
    return keys_text


def require_name(name: str) -> None:
    """Refuse a name that a signature line cannot hold (https://c2sp.org/signed-note)."""
    if not name or not name.isprintable() or any(c == "+" or unicodedata.category(c)[0] == "Z" for c in name):
        raise SigningKeyError(f"a key is named without spaces and '+', as in ana@unit-3, not {name!r}")


def read_public_text(path: Path) -> str:
    """Return the text of a file of public keys, as far as it is one.

    Raises
    ------
    SigningKeyError
        When it cannot be read or holds none.
    """
    try:
        text = path.read_bytes()[:_MAX_PUBLIC_BYTES].decode()
    except (OSError, ValueError) as error:
        raise SigningKeyError(f"{path} cannot be read as public keys ({error}): name a .pub file") from error
    _history(text, path)
    return text


_MAX_PUBLIC_BYTES: Final = 1 << 20


def _history(text: str, path: Path) -> list[dict[str, Any]]:
    try:
        return read_keys(text)
    except VerifierError as error:
        raise SigningKeyError(f"{path}: {error}", path=str(path)) from error


def _read_private(path: Path, passphrase: bytes | None) -> Ed25519PrivateKey:
    try:
        data = path.read_bytes()
        mode = path.stat().st_mode
    except OSError as error:
        raise SigningKeyError(f"the signing key {path} cannot be read ({error.strerror or error})") from error
    if mode & _OTHERS:
        raise SigningKeyError(f"{path} may be read by others than its owner: chmod 600 it first", path=str(path))
    try:
        private = load_pem_private_key(data, passphrase)
    except TypeError as error:
        what = "has no passphrase: leave it out" if passphrase is not None else "needs its passphrase"
        raise SigningKeyError(f"the signing key {path} {what}", path=str(path)) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        what = "does not open with this passphrase" if b"ENCRYPTED" in data else "is no signing key"
        raise SigningKeyError(f"{path} {what}", path=str(path)) from error
    if not isinstance(private, Ed25519PrivateKey):
        raise SigningKeyError(f"{path} is a key of another kind: 'vedette keys new' makes an Ed25519 one")
    return private


def _public(private: Ed25519PrivateKey) -> bytes:
    return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def _key_of(name: str, private: Ed25519PrivateKey) -> str:
    return vkey(name, _public(private))


def _pem(private: Ed25519PrivateKey, passphrase: bytes | None) -> bytes:
    closed = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, closed)


def _line(name: str, private: Ed25519PrivateKey, text: str, t_s: int) -> str:
    import base64

    raw = key_id(name, _public(private)) + t_s.to_bytes(8, "big") + private.sign(signed_message(text, t_s))
    return f"\u2014 {name} {base64.b64encode(raw).decode()}\n"


def _statement(what: str, key: str, rest: str, t_s: int, *by: tuple[str, Ed25519PrivateKey]) -> str:
    text = f"{KEY_TEXT}\n{what}\n{key}\n{rest}"
    return f"{text}\n" + "".join(_line(name, private, text, t_s) for name, private in by)


def _statements(signer: Signer) -> list[str]:
    return [str(note) for note in json.loads(signer.keys_text)["statements"]]


def _text(statements: list[str]) -> str:
    return json.dumps({"v": 1, "signature_type": ED25519_TIMED, "statements": statements}, indent=1) + "\n"


def _visible(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)
