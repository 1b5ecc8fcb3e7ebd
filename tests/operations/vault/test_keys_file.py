from __future__ import annotations

import os

import pytest

from operations.errors import DiskError
from operations.vault import PlainVault
from operations.vault.errors import SecretError
from operations.vault.key_ring import Secret
from operations.vault.keys_file import (
    KEYS_FILE,
    change_secret,
    create_vault,
    is_encrypted,
    make_key_file,
    open_vault,
    read_key_file,
    read_passphrase_file,
)

FILE = Secret(value=bytes(range(32)), from_key_file=True)
OTHER = Secret(value=bytes(range(1, 33)), from_key_file=True)


def test_a_folder_without_keys_is_plain_and_one_with_keys_asks_for_a_secret(tmp_path):
    assert isinstance(open_vault(tmp_path, FILE), PlainVault)
    assert not is_encrypted(tmp_path)
    made = create_vault(tmp_path, FILE)
    assert is_encrypted(tmp_path)
    assert open_vault(tmp_path, FILE).label("x") == made.label("x")
    assert (tmp_path / KEYS_FILE).stat().st_mode & 0o777 == 0o600
    with pytest.raises(SecretError, match="is encrypted: give its passphrase"):
        open_vault(tmp_path, None)
    with pytest.raises(SecretError, match="does not open"):
        open_vault(tmp_path, OTHER)
    (tmp_path / KEYS_FILE).write_bytes(b"\xff")
    with pytest.raises(SecretError, match="cannot be read"):
        open_vault(tmp_path, FILE)


def test_a_changed_secret_opens_what_was_sealed_before(tmp_path):
    sealed = create_vault(tmp_path, FILE).seal(b"record", context="leaf 0")
    with pytest.raises(SecretError):
        change_secret(tmp_path, OTHER, FILE)
    change_secret(tmp_path, FILE, OTHER)
    assert open_vault(tmp_path, OTHER).open(sealed, context="leaf 0") == b"record"
    with pytest.raises(SecretError):
        open_vault(tmp_path, FILE)
    change_secret(tmp_path, OTHER, FILE, keep_old=True)
    for secret in (FILE, OTHER):
        assert open_vault(tmp_path, secret).open(sealed, context="leaf 0") == b"record"


def test_key_files_are_made_once_and_kept_private(tmp_path):
    made = make_key_file(tmp_path / "key")
    assert read_key_file(tmp_path / "key") == made
    with pytest.raises(DiskError):
        make_key_file(tmp_path / "key")
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(SecretError, match="chmod 600"):
        read_key_file(tmp_path / "key")
    (tmp_path / "short").write_bytes(b"x" * 31)
    with pytest.raises(SecretError, match="31 bytes"):
        read_key_file(tmp_path / "short")
    (tmp_path / "film").write_bytes(b"x" * 70_000)
    with pytest.raises(SecretError, match="another file"):
        read_key_file(tmp_path / "film")


def test_a_passphrase_is_read_from_a_file_or_a_descriptor(tmp_path):
    (tmp_path / "words").write_bytes("drei Wörter hier\nrest".encode())
    assert read_passphrase_file(tmp_path / "words").value == "drei Wörter hier".encode()
    out, into = os.pipe()
    os.write(into, b"from a pipe\n")
    os.close(into)
    try:
        assert read_passphrase_file(type(tmp_path)(f"/dev/fd/{out}")).value == b"from a pipe"
    finally:
        os.close(out)
    for content in (b"", b"\nsecond line"):
        (tmp_path / "words").write_bytes(content)
        with pytest.raises(SecretError, match="empty"):
            read_passphrase_file(tmp_path / "words")
    with pytest.raises(SecretError, match="cannot be read"):
        read_passphrase_file(tmp_path / "nowhere")


@pytest.mark.parametrize("text", [b"word", b"word\n", b"word\nsecond\n", b"word\n\n", b"word\r\n", b"word\n \n\n"])
def test_a_passphrase_is_the_first_line_of_its_file_whatever_follows(tmp_path, text):
    (tmp_path / "phrase").write_bytes(text)
    assert read_passphrase_file(tmp_path / "phrase") == Secret(value=b"word")


@pytest.mark.parametrize("text", [b"", b"\n", b"\nword\n", b"\r\nword"])
def test_an_empty_first_line_is_no_passphrase(tmp_path, text):
    (tmp_path / "phrase").write_bytes(text)
    with pytest.raises(SecretError, match="is empty: its first line is the passphrase"):
        read_passphrase_file(tmp_path / "phrase")
