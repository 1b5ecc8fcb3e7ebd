from __future__ import annotations

import base64
import json
import secrets

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from operations.vault.errors import SecretError
from operations.vault.key_ring import KeyRing, Secret

WORDS = Secret(value=b"correct horse battery staple")
FILE = Secret(value=bytes(range(64)), from_key_file=True)


@pytest.fixture(scope="module")
def ring():
    return KeyRing.create(WORDS)


def test_the_right_secret_opens_and_a_wrong_one_is_told_so(ring):
    assert KeyRing.parse(ring.to_text(), WORDS).master == ring.master
    with pytest.raises(SecretError, match="does not open this operation"):
        KeyRing.parse(ring.to_text(), Secret(value=b"correct horse battery stapler"))
    with pytest.raises(SecretError, match="opens with a passphrase, not with a key file"):
        KeyRing.parse(ring.to_text(), FILE)


def test_a_key_file_opens_without_a_slow_hash():
    ring = KeyRing.create(FILE)
    assert KeyRing.parse(ring.to_text(), FILE).master == ring.master
    with pytest.raises(SecretError, match="key file does not open"):
        KeyRing.parse(ring.to_text(), Secret(value=secrets.token_bytes(64), from_key_file=True))


def test_rotation_keeps_the_master_key_and_shuts_the_old_secret_out(ring):
    rotated = ring.rotated(FILE)
    assert rotated.master == ring.master
    assert KeyRing.parse(rotated.to_text(), FILE).derived("files") == ring.derived("files")
    with pytest.raises(SecretError):
        KeyRing.parse(rotated.to_text(), WORDS)
    both = rotated.added(WORDS)
    assert KeyRing.parse(both.to_text(), WORDS).master == KeyRing.parse(both.to_text(), FILE).master


def test_the_stored_text_tells_no_key_and_opens_by_the_documented_way(ring):
    text = ring.to_text()
    assert ring.master.hex() not in text
    assert base64.b64encode(ring.master).decode() not in text
    assert "correct" not in text
    slot = json.loads(text)["slots"][0]
    key = Argon2id(
        salt=base64.b64decode(slot["salt"]),
        length=32,
        iterations=slot["iterations"],
        lanes=slot["lanes"],
        memory_cost=slot["memory_kib"],
    ).derive(b"correct horse battery staple")
    bound = json.dumps({k: v for k, v in slot.items() if k != "wrapped"}, sort_keys=True, separators=(",", ":"))
    wrapped, nonce = (base64.b64decode(slot[name]) for name in ("wrapped", "nonce"))
    assert AESGCM(key).decrypt(nonce, wrapped, bound.encode()) == ring.master


def test_more_secrets_than_may_are_refused_also_when_put_in_by_hand():
    ring = KeyRing.create(FILE)
    for _ in range(7):
        ring = ring.added(FILE)
    with pytest.raises(SecretError, match="8 secrets"):
        ring.added(FILE)
    document = json.loads(ring.to_text())
    document["slots"] *= 2
    with pytest.raises(SecretError, match=r"keys\.json was changed"):
        KeyRing.parse(json.dumps(document), FILE)


def test_a_secret_does_not_show_itself(ring):
    assert "horse" not in repr(WORDS)
    assert repr(ring.master) not in repr(ring)


def test_keys_for_different_purposes_differ(ring):
    assert len({ring.derived(purpose) for purpose in ("files", "records", "labels")} | {ring.master}) == 4


@pytest.mark.parametrize(
    "change",
    [
        {"memory_kib": 1 << 30},
        {"memory_kib": 1 << 19},
        {"memory_kib": "65536"},
        {"iterations": 0},
        {"iterations": 10_000},
        {"lanes": 0},
        {"kdf": "none"},
        {"kind": "rumour"},
        {"salt": "AAAA"},
        {"salt": "?"},
        {"wrapped": ""},
        {"nonce": None},
    ],
    ids=str,
)
def test_changed_stored_keys_are_named_and_cost_no_more(ring, change):
    document = json.loads(ring.to_text())
    document["slots"][0] |= change
    with pytest.raises(SecretError, match=r"keys\.json|opens with"):
        KeyRing.parse(json.dumps(document), WORDS)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"version":1}', '{"version":1,"slots":[]}', '{"version":2,"slots":[]}', "[" * 99999],
    ids=lambda text: text[:25],
)
def test_what_is_no_key_ring_is_named(text):
    with pytest.raises(SecretError):
        KeyRing.parse(text, WORDS)


def test_a_cheaper_cost_put_in_does_not_open(ring):
    document = json.loads(ring.to_text())
    document["slots"][0] |= {"iterations": 1}
    with pytest.raises(SecretError, match="does not open"):
        KeyRing.parse(json.dumps(document), WORDS)


def test_empty_passphrases_and_short_key_files_are_refused():
    with pytest.raises(SecretError, match="empty"):
        Secret(value=b"")
    with pytest.raises(SecretError, match="at least 32"):
        Secret(value=b"short", from_key_file=True)
