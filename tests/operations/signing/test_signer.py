"""Keys, their files, their history; judged by OpenSSL where it can."""

from __future__ import annotations

import base64
import json
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from operations.evidence.signed_texts import check_signer, read_keys, read_note, read_vkey, signed_message
from operations.signing.errors import SigningKeyError
from operations.signing.signer import Signer, new_key, revoke_key, rotate_key

TEXT = "vedette/operation/0\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"


def by_openssl(folder, public, message, signature):
    head = bytes.fromhex("302a300506032b6570032100")  # SubjectPublicKeyInfo of Ed25519, RFC 8410
    (folder / "pub.der").write_bytes(head + public)
    (folder / "m").write_bytes(message)
    (folder / "s").write_bytes(signature)
    words = [
        "openssl",
        "pkeyutl",
        "-verify",
        "-pubin",
        "-keyform",
        "DER",
        "-inkey",
        "pub.der",
        "-rawin",
        "-in",
        "m",
        "-sigfile",
        "s",
    ]
    return subprocess.run(words, cwd=folder, capture_output=True, check=False).returncode == 0


def test_openssl_takes_our_signatures_and_refuses_changed_ones(ana, tmp_path):
    text, ((name, _, t_s, signature),) = read_note(ana.note(TEXT))
    public = read_vkey(ana.vkey)[1]
    assert (text, name) == (TEXT, "ana@unit-3")
    assert by_openssl(tmp_path, public, signed_message(text, t_s), signature)
    assert not by_openssl(tmp_path, public, signed_message(text, t_s + 1), signature)
    assert check_signer(ana.note(TEXT), read_keys(ana.keys_text))[1] == "ana@unit-3"


def test_key_files_are_private_and_open_only_with_their_passphrase(tmp_path, clock):
    path = tmp_path / "usb" / "ben.key"
    made = new_key(path, "ben", passphrase=b"drei Worte", clock=clock)
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"ENCRYPTED" in path.read_bytes()
    assert Signer.read(path, b"drei Worte", clock).vkey == made.vkey
    for secret, told in ((None, "needs its passphrase"), (b"vier", "does not open with this passphrase")):
        with pytest.raises(SigningKeyError, match=told):
            Signer.read(path, secret, clock)
    path.chmod(0o640)
    with pytest.raises(SigningKeyError, match="chmod 600"):
        Signer.read(path, b"drei Worte", clock)


def test_keys_that_are_none_are_named(tmp_path, clock, ana, police):
    path = tmp_path / "ana.key"
    with pytest.raises(SigningKeyError, match="there already"):
        new_key(path, "ana", passphrase=None, clock=clock)
    with pytest.raises(SigningKeyError, match="has no passphrase"):
        Signer.read(path, b"x", clock)
    (tmp_path / "police.pub").write_text(ana.keys_text)
    with pytest.raises(SigningKeyError, match="does not end with the key"):
        Signer.read(tmp_path / "police.key", None, clock)
    other = generate_private_key(SECP256R1())
    pem = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for data, told in ((b"", "is no signing key"), (pem, "another kind")):
        path.write_bytes(data)
        with pytest.raises(SigningKeyError, match=told):
            Signer.read(path, None, clock)
    path.unlink()
    with pytest.raises(SigningKeyError, match="cannot be read"):
        Signer.read(path, None, clock)
    for name in ("", "a b", "a+b", "a\u00a0b", "a\nb"):
        with pytest.raises(SigningKeyError, match="without spaces"):
            new_key(tmp_path / "new.key", name, passphrase=None, clock=clock)


def test_what_a_rotated_key_signed_stays_verifiable_and_nothing_later(tmp_path, ana, clock):
    before = ana.note(TEXT)
    new = rotate_key(tmp_path / "ana.key", ana, passphrase=None)
    assert Signer.read(tmp_path / "ana.key", None, clock).vkey == new.vkey != ana.vkey
    keys = read_keys((tmp_path / "ana.pub").read_text())
    assert [key["why"] for key in keys] == ["rotated", ""]
    assert check_signer(before, keys)[1] == check_signer(new.note(TEXT), keys)[1] == "ana@unit-3"
    with pytest.raises(ValueError, match="dated after its key ended"):
        check_signer(ana.note(TEXT), keys)
    with pytest.raises(ValueError, match="not by the key given"):
        check_signer(new.note(TEXT), read_keys(ana.keys_text))


def test_a_revoked_key_signs_nothing_more(tmp_path, ana, clock):
    before = ana.note(TEXT)
    revoke_key(tmp_path / "ana.key", ana, "laptop\nstolen")
    keys = read_keys((tmp_path / "ana.pub").read_text())
    assert check_signer(before, keys)
    with pytest.raises(ValueError, match="revoked: laptop stolen"):
        check_signer(ana.note(TEXT), keys)
    with pytest.raises(SigningKeyError, match="revoked"):
        Signer.read(tmp_path / "ana.key", None, clock)


def test_a_history_that_was_changed_is_none(tmp_path, ana, police):
    rotate_key(tmp_path / "ana.key", ana, passphrase=None)
    document = json.loads((tmp_path / "ana.pub").read_text())
    other = json.loads(police.keys_text)["statements"][0]
    first, second = document["statements"]
    swapped = second.replace(read_note(second)[0].split("\n")[2], police.vkey)
    forged = police.note(f"vedette signing key\nrotated\n{police.vkey}\n{ana.vkey}\n")
    for statements in (
        [],
        [second],
        [second, first],
        [first, first],
        [first, other],
        [first, swapped],
        [first, forged],
    ):
        with pytest.raises(ValueError, match="no file of public keys|holds none"):
            read_keys(json.dumps({"v": 1, "statements": statements}))
    for text in ("", "{", "{}", "x+y+z", ana.vkey[:-4] + "AAA=", "[" * 100_000):
        with pytest.raises(ValueError, match="public key"):
            read_keys(text)
    assert read_keys(ana.vkey)[0]["key"] == ana.vkey


def test_a_signature_with_a_name_that_is_not_its_own_counts_for_nobody(ana, police):
    line = police.sign(TEXT)
    raw = base64.b64decode(line.split(" ")[2])
    renamed = f"\u2014 {ana.name} {base64.b64encode(raw).decode()}\n"
    with pytest.raises(ValueError, match="not by the key given"):
        check_signer(f"{TEXT}\n{renamed}", read_keys(ana.keys_text))
    number = base64.b64decode(ana.sign(TEXT).split(" ")[2])[:4]
    posed = f"\u2014 {ana.name} {base64.b64encode(number + raw[4:]).decode()}\n"
    with pytest.raises(ValueError, match="does not fit the text"):
        check_signer(f"{TEXT}\n{posed}", read_keys(ana.keys_text))
