"""Where keys lie: the wrapped ones in `keys.json`, secrets in a person's head or in a file kept elsewhere."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from operations import durable_file
from operations.vault.errors import SecretError
from operations.vault.key_ring import MIN_KEY_FILE_BYTES, KeyRing, Secret
from operations.vault.key_vault import KeyVault
from operations.vault.vault import PlainVault

if TYPE_CHECKING:
    from pathlib import Path

    from operations.vault.vault import Vault

KEYS_FILE: Final = "keys.json"
_MAX_SECRET_BYTES: Final = 1 << 16


def is_encrypted(folder: Path) -> bool:
    """Tell whether an operation folder holds keys."""
    return (folder / KEYS_FILE).is_file()


def open_vault(folder: Path, secret: Secret | None) -> Vault:
    """Return the vault of an existing operation.

    Raises
    ------
    SecretError
        When it is encrypted and no secret, or a wrong one, is given; or the keys were changed.
    """
    if not is_encrypted(folder):
        return PlainVault()
    return KeyVault(_opened(folder, secret))


def create_vault(folder: Path, secret: Secret) -> KeyVault:
    """Make the keys of a new operation, durably, before anything is sealed with them."""
    ring = KeyRing.create(secret)
    durable_file.write_whole(folder / KEYS_FILE, ring.to_text().encode("ascii"))
    return KeyVault(ring)


def change_secret(folder: Path, old: Secret, new: Secret, *, keep_old: bool = False) -> KeyRing:
    """Let another secret open an operation; no data are written again.

    A copy of the former `keys.json` still opens with the former secret: remove such copies.

    Raises
    ------
    SecretError
        When the old secret does not open it.
    """
    ring = _opened(folder, old)
    changed = ring.added(new) if keep_old else ring.rotated(new)
    durable_file.write_whole(folder / KEYS_FILE, changed.to_text().encode("ascii"))
    return changed


def _opened(folder: Path, secret: Secret | None) -> KeyRing:
    try:
        text = (folder / KEYS_FILE).read_text("ascii")
    except (OSError, ValueError) as error:
        raise SecretError(f"{folder / KEYS_FILE} cannot be read: restore it from a copy", path=str(folder)) from error
    if secret is None:
        raise SecretError(
            f"{folder} is encrypted: give its passphrase or its key file (--passphrase-file, --key-file)",
            path=str(folder),
        )
    return KeyRing.parse(text, secret)


def read_key_file(path: Path) -> Secret:
    """Read a key file: any file of 32 random bytes or more, kept outside the operation.

    Raises
    ------
    SecretError
        When it cannot be read, is too short, or others than its owner may read it.
    """
    data = _read(path, "key file")
    if len(data) < MIN_KEY_FILE_BYTES:
        raise SecretError(f"{path} holds {len(data)} bytes, a key file at least {MIN_KEY_FILE_BYTES} random ones")
    if path.is_file() and path.stat().st_mode & 0o077:
        raise SecretError(f"{path} may be read by others than its owner: chmod 600 it first", path=str(path))
    return Secret(value=data, from_key_file=True)


def read_passphrase_file(path: Path) -> Secret:
    """Read a passphrase: the first line of a file or an open descriptor (``/dev/fd/3``)."""
    lines = _read(path, "passphrase").splitlines()
    if not lines or not lines[0]:
        raise SecretError(f"{path} is empty: its first line is the passphrase", path=str(path))
    return Secret(value=lines[0])


def make_key_file(path: Path) -> Secret:
    """Make a new key file that only its owner may read; an existing one is never overwritten."""
    key = os.urandom(MIN_KEY_FILE_BYTES)
    durable_file.write(path, (key,))
    durable_file.sync_folder(path.parent)
    return Secret(value=key, from_key_file=True)


def _read(path: Path, what: str) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_SECRET_BYTES + 1)
    except OSError as error:
        raise SecretError(f"the {what} {path} cannot be read ({error.strerror or error})", path=str(path)) from error
    if len(data) > _MAX_SECRET_BYTES:
        raise SecretError(f"the {what} {path} has over {_MAX_SECRET_BYTES} bytes: it is another file", path=str(path))
    return data
