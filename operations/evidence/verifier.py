"""Verify an evidence package with nothing but a Python (3.9 or later).

    python3 verify.py [--key FILE]... [--witness FILE]... [--ca FILE] FOLDER

--key names public keys that have to have signed the package, --witness those that have to have signed an earlier
head of its log, --ca the certificates (PEM) of authorities whose time stamps are believed.

This goes into every package as `verify.py`, in one file with `signatures`, `signed_texts` and `time_stamps`; the
program that makes packages uses the very same functions. It imports only the standard library. Take this file from a
place you trust, not from a package you doubt.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
import time

from operations.evidence.signed_texts import (
    VerifierError,
    check_signer,
    grew,
    leaf_hash,
    read_head,
    read_keys,
    read_note,
    root_from,
    signers,
)
from operations.evidence.time_stamps import NotCheckedError, TimeStampError, certificates_of, check_time_stamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

PACKAGE_TEXT = "vedette evidence package"
PACKAGE_VERSION = 2


def check_package(
    folder: str, given_keys: Sequence[str] = (), witnesses: Sequence[str] = (), trusted_pem: str = ""
) -> tuple[list[str], list[str], list[str]]:
    """Return what is wrong with a package, what was checked, and what it rests on; each a list of sentences.

    `given_keys` have to have signed it, `witnesses` an earlier head of its log (both texts of public key files);
    `trusted_pem` holds the certificates of time authorities.
    """
    wrong: list[str] = []
    told: list[str] = []
    rests: list[str] = []
    try:
        manifest_bytes = _file(folder, "manifest.json")
        manifest = json.loads(manifest_bytes)
        if manifest["v"] != PACKAGE_VERSION:
            raise VerifierError(f"the package is of version {manifest['v']}: use the verify.py that lies in it")
        listed = manifest["files"]
        _check_signatures(folder, manifest, manifest_bytes, list(given_keys), (told, rests))
        _check_files(folder, listed, wrong)
        if not wrong:
            head = _check_records(folder, manifest, wrong, told)
            clips = sum(name.startswith("clips/") and name.endswith(".ts") for name in listed)
            if clips:
                rests.append(f"its makers' word that {clips} clips are cut from the recordings that clips.json names")
            _Anchors(folder, head, (wrong, told, rests)).check(manifest, list(witnesses), trusted_pem)
    except (VerifierError, TimeStampError) as error:
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
        told.append(f"the package is signed by {name}, who dates it {_utc(t_s)}")
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


def _check_records(folder: str, manifest: dict[str, Any], wrong: list[str], told: list[str]) -> tuple[str, int, bytes]:
    """Check that records are in the log and files are what they sealed; return operation, size and root of the log."""
    note = _file(folder, "head.note").decode()
    keys = read_keys(manifest["keys"][0])
    text, name, t_s = check_signer(note, keys)
    operation, size, root = read_head(text)
    if operation != manifest["operation"]:
        raise VerifierError("head.note is of another operation")
    told.append(f"the log had {size} records when {name} signed its head, dated {_utc(t_s)}")
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
    return operation, size, root


class _Anchors:
    """The earlier heads in a package: that they are of this log, and who stands for them."""

    def __init__(self, folder: str, head: tuple[str, int, bytes], says: tuple[list[str], list[str], list[str]]) -> None:
        self.folder, self.head = folder, head
        self.wrong, self.told, self.rests = says

    def check(self, manifest: dict[str, Any], witnesses: list[str], trusted_pem: str) -> None:
        trusted = certificates_of(trusted_pem) if trusted_pem else []
        wanted = {entry["key"]: number for number, text in enumerate(witnesses) for entry in read_keys(text)}
        own = {entry["key"] for text in manifest["keys"] for entry in read_keys(text)}
        found: set[int] = set()
        for number, proof in sorted(manifest["anchors"].items(), key=lambda item: int(item[0])):
            name = f"anchors/{int(number):06d}"
            note = _file(self.folder, f"{name}.note").decode()
            try:
                text, by = signers(note, sorted({*wanted, *own}))
            except VerifierError as error:
                self.wrong.append(f"{name}.note: {error}")
                continue
            operation, size, root = read_head(text)
            nodes = [bytes.fromhex(node) for node in proof]
            if operation != self.head[0] or not grew((size, root), self.head[1:], nodes):
                self.wrong.append(f"{name}.note is no earlier head of this log")
                continue
            found |= {wanted[key] for key in by if key in wanted}
            for key, t_s in by.items():
                who = key.split("+")[0] + ("" if key in wanted else ", as is the package")
                self.told.append(f"{name}.note: {_covers(size)}, signed by {who}, dated {_utc(t_s)}")
            unknown = {who for who, *_ in read_note(note)[1]} - {key.split("+")[0] for key in by}
            if unknown:
                names = ", ".join(sorted(unknown))
                self.rests.append(f"{name}.note: the signatures of {names}, not checked: no --witness key is theirs")
            if f"{name}.tsr" in manifest["files"]:
                self._check_stamp(name, text, trusted)
        for number in sorted(set(wanted.values()) - found):
            who = read_keys(witnesses[number])[-1]["key"].split("+")[0]
            self.wrong.append(f"no earlier head in the package is signed by {who} (--witness)")

    def _check_stamp(self, name: str, text: str, trusted: list[Any]) -> None:
        command = f"openssl ts -verify -in {name}.tsr -data {name}.txt -CAfile AUTHORITY.pem"
        if _file(self.folder, f"{name}.txt").decode() != text:
            self.wrong.append(f"{name}.txt is not the text of {name}.note")
        try:
            t_utc, who, rests = check_time_stamp(text.encode(), _file(self.folder, f"{name}.tsr"), trusted)
        except NotCheckedError as error:
            self.rests.append(f"{name}.tsr: {error}; this does: {command}")
        except TimeStampError as error:
            self.wrong.append(f"{name}.tsr is no time stamp that holds: {error}")
        else:
            _, size, _ = read_head(text)
            self.told.append(f"{name}.tsr: {_covers(size)}, stamped by {who} at {t_utc:%Y-%m-%d %H:%M:%S} UTC")
            self.rests += [f"{name}.tsr: {one}; another check: {command}" for one in rests]


def _covers(size: int) -> str:
    return f"the first {size} records are as they were then"


def _utc(t_s: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(t_s))


def main(arguments: list[str]) -> int:
    """Check a package and say what was found; 0 when all of it holds, 1 when not."""
    given: dict[str, list[str]] = {"--key": [], "--witness": [], "--ca": []}
    while arguments and arguments[0].startswith("-"):
        if arguments[0] not in given or len(arguments) < 2:
            sys.stderr.write("usage: verify.py [--key FILE]... [--witness FILE]... [--ca FILE] FOLDER\n")
            return 2
        try:
            with open(arguments[1], encoding="utf-8") as file:
                given[arguments[0]].append(file.read())
        except (OSError, ValueError) as error:
            sys.stderr.write(f"{arguments[1]} cannot be read as text ({error})\n")
            return 2
        arguments = arguments[2:]
    folder = arguments[0] if arguments else os.path.dirname(os.path.abspath(__file__))
    if not os.path.isfile(os.path.join(folder, "manifest.json")):
        sys.stderr.write(f"{folder} is no evidence package (no manifest.json in it): name the folder\n")
        return 2
    wrong, told, rests = check_package(folder, given["--key"], given["--witness"], "".join(given["--ca"]))
    lines = [*(f"WRONG: {line}" for line in wrong), *told, *(f"rests on: {line}" for line in rests)]
    lines.append("the package does not hold" if wrong else "the package holds")
    sys.stdout.write("".join(line.encode("ascii", "backslashreplace").decode() + "\n" for line in lines))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
