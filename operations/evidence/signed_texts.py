"""Signed texts, public keys and proofs in a log, read in plain Python.

Texts have the form of https://c2sp.org/signed-note, with timestamped signatures as in
https://c2sp.org/tlog-cosignature (type 0x04); trees are those of RFC 6962. This module imports only the standard
library and `signatures`, for it goes into every evidence package as a piece of `verify.py`.
"""

from __future__ import annotations

import base64
import hashlib
import json

from operations.evidence.signatures import ed25519_verify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

ED25519_TIMED = 4
"""Signature type of https://c2sp.org/tlog-cosignature."""
KEY_TEXT = "vedette signing key"
ANOTHER_KEY = ": give the right public key"
"""What a person may do who chose the key."""


class VerifierError(ValueError):
    """What cannot be read or does not hold, in one sentence."""


# Trees, RFC 6962 section 2.1 ----------------------------------------------------------------------


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a record's bytes."""
    return hashlib.sha256(b"\x00" + data).digest()


def root_from(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """Return the root that an inclusion proof leads to, None where it does not fit (RFC 9162 section 2.1.3.2)."""
    if not 0 <= index < size or any(len(node) != 32 for node in (leaf, *proof)):
        return None
    place, last, node = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return None
        if place & 1 or place == last:
            node = hashlib.sha256(b"\x01" + sibling + node).digest()
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            node = hashlib.sha256(b"\x01" + node + sibling).digest()
        place, last = place >> 1, last >> 1
    return node if last == 0 else None


def grew(old: tuple[int, bytes], new: tuple[int, bytes], proof: Sequence[bytes]) -> bool:
    """Tell whether a log (size, root) is an earlier one grown (RFC 9162 section 2.1.4.2)."""
    (first, first_root), (second, second_root) = old, new
    if not 0 < first < second or any(len(node) != 32 for node in proof):
        return old == new and not proof
    path = [*([first_root] if first & (first - 1) == 0 else []), *proof]
    place, last = first - 1, second - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    if not path:
        return False
    one = other = path[0]
    for node in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            one = hashlib.sha256(b"\x01" + node + one).digest()
            other = hashlib.sha256(b"\x01" + node + other).digest()
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            other = hashlib.sha256(b"\x01" + other + node).digest()
        place, last = place >> 1, last >> 1
    return last == 0 and one == first_root and other == second_root


# Signed texts -------------------------------------------------------------------------------------


def key_id(name: str, public: bytes) -> bytes:
    """Return the four bytes that say, with its name, which key a signature is of."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([ED25519_TIMED]) + public).digest()[:4]


def vkey(name: str, public: bytes) -> str:
    """Return a public key as one line: name+id+key."""
    return f"{name}+{key_id(name, public).hex()}+{base64.b64encode(bytes([ED25519_TIMED]) + public).decode()}"


def read_vkey(line: str) -> tuple[str, bytes]:
    """Return name and public key of such a line."""
    try:
        name, number, text = line.split("+", 2)
        data = base64.b64decode(text, validate=True)
        if data[:1] != bytes([ED25519_TIMED]) or len(data) != 33 or key_id(name, data[1:]).hex() != number:
            raise ValueError
    except ValueError:
        if "PRIVATE KEY" in line:  # whose text is shown to nobody
            raise VerifierError("this is a private key: name the .pub file, and show this one to nobody") from None
        raise VerifierError("it is no public key of this kind (name+id+key): name a .pub file") from None
    return name, data[1:]


def signed_message(text: str, t_s: int) -> bytes:
    """Return the bytes that are signed of a text at a moment (seconds since 1970)."""
    return f"cosignature/v1\ntime {t_s}\n{text}".encode()


def read_note(note: str) -> tuple[str, list[tuple[str, bytes, int, bytes]]]:
    """Return a signed text and its signatures, each a name, the key's id, a moment and 64 bytes."""
    if len(note) > 1 << 16 or any(c < " " and c != "\n" for c in note) or "\n\n" not in note or note[-1] != "\n":
        raise VerifierError("this is no signed text (a text, an empty line, lines that begin with a dash)")
    text, _, tail = note.rpartition("\n\n")
    found: list[tuple[str, bytes, int, bytes]] = []
    for line in tail[:-1].split("\n"):
        try:
            dash, name, data = line.split(" ")
            raw = base64.b64decode(data, validate=True)
            if dash != "\u2014" or len(raw) < 4:
                raise ValueError
        except ValueError:
            raise VerifierError(f"a signed text has a line that is no signature: {line[:60]!r}") from None
        if len(raw) == 76:
            found.append((name, raw[:4], int.from_bytes(raw[4:12], "big"), raw[12:]))
    return text + "\n", found


def signers(note: str, keys: Sequence[str]) -> tuple[str, dict[str, int]]:
    """Return the text of a note, and by key line the moment at which each of the keys given has signed it.

    Raises VerifierError when a signature that claims to be of one of these keys does not fit.
    """
    text, signatures = read_note(note)
    known = {(name, key_id(name, public)): (name, public) for name, public in map(read_vkey, keys)}
    found: dict[str, int] = {}
    for name, number, t_s, signature in signatures:
        if (name, number) in known:
            public = known[name, number][1]
            if not ed25519_verify(public, signed_message(text, t_s), signature):
                raise VerifierError(f"the signature of {name} does not fit the text: one of them was changed")
            found[vkey(name, public)] = t_s
    return text, found


def read_head(text: str) -> tuple[str, int, bytes]:
    """Return operation id, size and root of the text of a signed head (https://c2sp.org/tlog-checkpoint)."""
    try:
        origin, size, root = text.split("\n")[:3]
        prefix, number, data = origin.rpartition("/")[0], int(size), base64.b64decode(root, validate=True)
        if prefix != "vedette/operation" or str(number) != size or number < 0 or len(data) != 32:
            raise ValueError
    except ValueError:
        raise VerifierError("this is no head of a log (origin, size, root)") from None
    return origin.rpartition("/")[2], number, data


def read_keys(data: str) -> list[dict[str, Any]]:
    """Return the keys of a key file or of a single key line, each a key line, since when, until when, why it ended.

    The first key signs itself; each later one is named by the one before. Times are seconds since 1970.
    """
    if not data.lstrip().startswith("{"):
        read_vkey(data.strip())
        return [{"key": data.strip(), "since": 0, "until": None, "why": ""}]
    chain: list[dict[str, Any]] = []
    try:
        statements = json.loads(data)["statements"]
        for note in statements:
            _follow(chain, note)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        said = error if isinstance(error, VerifierError) else "it was changed or cut short"
        raise VerifierError(f"this is no file of public keys: {said}") from None
    if not chain:
        raise VerifierError("this file of public keys holds none")
    return chain


def _follow(chain: list[dict[str, Any]], note: str) -> None:
    text, _ = read_note(note)
    head, what, key, rest = text.split("\n", 3)
    last = chain[-1]["key"] if chain else key
    _, found = signers(note, sorted({last, key}))
    wanted = {"new": {key}, "rotated": {last, key}, "revoked": {last}}[what]
    if head != KEY_TEXT or not wanted <= set(found) or (what == "new") == bool(chain):
        raise VerifierError(f"the statement {what!r} about {key.split('+')[0]} is not signed as it has to be")
    if what == "revoked":
        if key != last or chain[-1]["until"] is not None:
            raise VerifierError("a key is revoked that is not the last one")
        chain[-1].update(until=int(rest.split("\n")[0]), why="revoked: " + rest.split("\n")[1])
        return
    if chain:
        if chain[-1]["until"] is not None:
            raise VerifierError("a key goes on from one that was revoked")
        chain[-1].update(until=found[last], why="rotated")
    chain.append({"key": key, "since": found[key], "until": None, "why": ""})


def check_signer(note: str, keys: Sequence[dict[str, Any]]) -> tuple[str, str, int]:
    """Return by whom and when a note is signed that keys of one file stand for; what contradicts is raised."""
    text, found = signers(note, [entry["key"] for entry in keys])
    for entry in keys:
        t_s = found.get(entry["key"])
        if t_s is not None:
            if entry["until"] is not None and t_s > entry["until"]:
                why = f"is dated after its key ended ({entry['why']})"
                raise VerifierError(f"the signature of {entry['key'].split('+')[0]} {why}")
            return text, entry["key"].split("+")[0], t_s
    names = ", ".join(sorted({name for name, *_ in read_note(note)[1]})) or "nobody"
    wanted = keys[-1]["key"].split("+")[0]
    raise VerifierError(f"this is signed by {names}, not by the key given ({wanted}){ANOTHER_KEY}")
