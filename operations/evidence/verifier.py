"""Verify an evidence package with nothing but a Python (3.9 or later): python3 verify.py [--key FILE] FOLDER.

This file goes into every package as `verify.py`; the program that makes packages uses the
very same functions. It imports only the standard library. Ed25519 is RFC 8032 in plain
Python: slow and not constant in time, which does not matter for checking signatures, as
nothing in it is secret. Signed texts have the form of https://c2sp.org/signed-note, with
timestamped signatures as in https://c2sp.org/tlog-cosignature (type 0x04); trees are
those of RFC 6962. Take this file from a place you trust, not from a package you doubt.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import stat
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Point = tuple[int, int, int, int]

ED25519_TIMED = 4
"""Signature type of https://c2sp.org/tlog-cosignature."""
KEY_TEXT = "vedette signing key"
PACKAGE_TEXT = "vedette evidence package"
_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_SQRT_M1 = pow(2, (_P - 1) // 4, _P)
_BASE_Y = 4 * pow(5, -1, _P) % _P


class VerifierError(ValueError):
    """What cannot be read or does not hold, in one sentence."""


# Ed25519, RFC 8032 section 5.1 -------------------------------------------------------------------


def _recover_x(y: int, sign: int) -> int | None:
    if y >= _P:
        return None
    xx = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(xx, (_P + 3) // 8, _P)
    if (x * x - xx) % _P:
        x = x * _SQRT_M1 % _P
    if (x * x - xx) % _P or (x == 0 and sign):
        return None
    return _P - x if (x & 1) != sign else x


def _point(data: bytes) -> Point | None:
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    x = _recover_x(y, sign)
    return None if x is None else (x, y, 1, x * y % _P)


def _add(p: Point, q: Point) -> Point:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % _P, (p[1] + p[0]) * (q[1] + q[0]) % _P
    c, d = 2 * p[3] * q[3] * _D % _P, 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _times(scalar: int, point: Point) -> Point:
    total: Point = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            total = _add(total, point)
        point, scalar = _add(point, point), scalar >> 1
    return total


_BASE_X = _recover_x(_BASE_Y, 0) or 0
_BASE = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % _P)


def ed25519_verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether a signature (64 bytes) of a message fits a public key (32 bytes): RFC 8032 section 5.1.7."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key, r = _point(public), _point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if key is None or r is None or s >= _L:
        return False
    if _same(_times(8, key), (0, 1, 1, 0)):  # a key of small order signs anything
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % _L
    return _same(_times(s, _BASE), _add(r, _times(h, key)))


def _same(p: Point, q: Point) -> bool:
    return (p[0] * q[2] - q[0] * p[2]) % _P == 0 and (p[1] * q[2] - q[1] * p[2]) % _P == 0


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
        raise VerifierError(f"{line[:80]!r} is no public key of this kind (name+id+key)") from None
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
    raise VerifierError(f"this is signed by {names}, not by the key given ({wanted}): give the right public key")


# Packages -----------------------------------------------------------------------------------------


def check_package(folder: str, given_keys: Sequence[str] = ()) -> tuple[list[str], list[str], list[str]]:
    """Return what is wrong with a package, what was checked, and what it rests on; each a list of sentences."""
    wrong: list[str] = []
    told: list[str] = []
    rests: list[str] = []
    try:
        manifest_bytes = _file(folder, "manifest.json")
        manifest = json.loads(manifest_bytes)
        listed = manifest["files"]
        _check_signatures(folder, manifest, manifest_bytes, list(given_keys), (told, rests))
        _check_files(folder, listed, wrong)
        if not wrong:
            _check_records(folder, manifest, wrong, told)
    except VerifierError as error:
        wrong.append(str(error))
    except (ValueError, KeyError, TypeError, OSError, RecursionError, AttributeError) as error:
        wrong.append(f"the package is damaged ({type(error).__name__}: {error})")
    return wrong, told, rests


def _file(folder: str, name: str) -> bytes:
    path = os.path.join(folder, *name.split("/"))
    if not stat.S_ISREG(os.lstat(path).st_mode):
        raise VerifierError(f"{name} is no file of its own")
    with open(path, "rb") as file:
        return file.read()


def _check_signatures(
    folder: str, manifest: dict[str, Any], manifest_bytes: bytes, given: list[str], says: tuple[list[str], list[str]]
) -> None:
    told, rests = says
    note = _file(folder, "package.note").decode()
    text, _ = read_note(note)
    lines = text.split("\n")
    if lines[0] != PACKAGE_TEXT or lines[1] != manifest["operation"]:
        raise VerifierError("package.note is about something else")
    if lines[2] != hashlib.sha256(manifest_bytes).hexdigest():
        raise VerifierError("manifest.json is not the one that was signed")
    for number, keys_text in enumerate(manifest["keys"]):
        _, name, t_s = check_signer(note, read_keys(keys_text))
        told.append(f"the package is signed by {name} at {t_s} s")
        if keys_text.strip() not in [text.strip() for text in given]:
            rests.append(f"that {name}'s public key (number {number} in manifest.json) is really theirs: compare it")
    first = {entry["key"].split("+", 2)[2] for text in manifest["keys"] for entry in read_keys(text)[:1]}
    if len(first) < (1 if manifest["redacted"] else 2):
        raise VerifierError("an unredacted package needs the signatures of two people, and has one")
    for text in given:
        check_signer(note, read_keys(text))


def _check_files(folder: str, listed: dict[str, str], wrong: list[str]) -> None:
    there: set[str] = set()
    for base, folders, files in os.walk(folder):
        if os.path.islink(base) or any(os.path.islink(os.path.join(base, name)) for name in folders):
            wrong.append("the package holds a symbolic link")
        there |= {os.path.relpath(os.path.join(base, name), folder).replace(os.sep, "/") for name in files}
    strangers = sorted(there - set(listed) - {"manifest.json", "package.note"})
    wrong += [f"{name} is in the package, and the manifest does not know it" for name in strangers]
    for name, sha256 in listed.items():
        if name not in there or ".." in name.split("/") or name.startswith("/"):
            wrong.append(f"{name} is gone")
        elif _sha256(folder, name) != sha256:
            wrong.append(f"{name} was changed")


def _sha256(folder: str, name: str) -> str | None:
    digest = hashlib.sha256()
    path = os.path.join(folder, *name.split("/"))
    if not stat.S_ISREG(os.lstat(path).st_mode):
        return None
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _check_records(folder: str, manifest: dict[str, Any], wrong: list[str], told: list[str]) -> None:
    note = _file(folder, "head.note").decode()
    keys = read_keys(manifest["keys"][0])
    text, name, t_s = check_signer(note, keys)
    operation, size, root = read_head(text)
    if operation != manifest["operation"]:
        raise VerifierError("head.note is of another operation")
    told.append(f"the log had {size} records when {name} signed its head at {t_s} s")
    sealed: dict[str, str] = {}
    for number, proof in sorted(manifest["proofs"].items(), key=lambda item: int(item[0])):
        data = _file(folder, f"records/{int(number):06d}.json")
        record = json.loads(data)
        nodes = [bytes.fromhex(node) for node in proof]
        if record["seq"] != int(number) or root_from(leaf_hash(data), int(number), size, nodes) != root:
            wrong.append(f"record {number} is not in the log that the head is of")
        if record["kind"] == "media":
            sealed.update({f"originals/{m['sha256']}{m['suffix']}": m["sha256"] for m in record["body"]["members"]})
        if record["kind"] == "part":
            sealed[record["body"]["file"]] = record["body"]["sha256"]
    told.append(f"{len(manifest['proofs'])} records are in that log")
    kept = [name for name in manifest["files"] if name.startswith(("originals/", "parts/"))]
    other = [name for name in kept if sealed.get(name) != manifest["files"][name]]
    wrong += [f"{name} is not what the log says was sealed" for name in other]
    told.append(f"{len(kept)} originals and tables are what the log says was sealed")


def main(arguments: list[str]) -> int:
    """Check a package and say what was found; 0 when all of it holds, 1 when not."""
    keys: list[str] = []
    while arguments[:1] == ["--key"] and len(arguments) > 1:
        with open(arguments[1], encoding="utf-8") as file:
            keys.append(file.read())
        arguments = arguments[2:]
    folder = arguments[0] if arguments else os.path.dirname(os.path.abspath(__file__))
    wrong, told, rests = check_package(folder, keys)
    lines = [*(f"WRONG: {line}" for line in wrong), *told, *(f"rests on: {line}" for line in rests)]
    lines.append("the package does not hold" if wrong else "the package holds")
    sys.stdout.write("".join(line.encode("ascii", "backslashreplace").decode() + "\n" for line in lines))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
