"""A viewer's own log of what they saw in operations that cannot be written: signed, each entry bound to the one before.

A line of the file is one JSON text: a signed text of `vedette consultation`, the operation's id and the
size of its log, the hash of the line before (zeros in the first), and the view as canonical JSON. It
belongs to its viewer, who can throw it away whole; what they cannot do is take one entry out of it or
change one unnoticed by whoever holds a later line.
"""

from __future__ import annotations

import dataclasses
import fcntl
import hashlib
import json
import os
from typing import TYPE_CHECKING, Any, Final

from operations.durable_file import FILE_MODE, make_folder, naming, sync_folder
from operations.evidence.signed_texts import VerifierError, check_signer, read_keys
from operations.signing.errors import SignatureError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from operations.consultation import Consultation
    from operations.signing.signer import Signer

_TEXT: Final = "vedette consultation"
_FIRST: Final = "0" * 64


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One view of an operation that could not be written."""

    who: str
    t_s: int
    """Moment of the signature, seconds since 1970."""
    operation: str
    size: int
    """How many records the operation's log had."""
    what: str
    body: Mapping[str, Any]


def note_view(path: Path, signer: Signer, consultation: Consultation, what: str, shown: Mapping[str, Any]) -> None:
    """Add one view to a journal, synced, before it is shown.

    Raises
    ------
    DiskError
        When the file cannot be written.
    """
    store = consultation.store
    body = json.dumps({"what": what, **consultation.purpose.body(), **shown}, sort_keys=True, separators=(",", ":"))
    make_folder(path.parent)
    with naming(path, "written"):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, FILE_MODE)
        with os.fdopen(descriptor, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            lines = file.read().splitlines()
            before = hashlib.sha256(lines[-1]).hexdigest() if lines else _FIRST
            text = f"{_TEXT}\n{store.id} {store.head().size}\n{before}\n{body}\n"
            file.write(json.dumps(signer.note(text)).encode("ascii") + b"\n")
            file.flush()
            os.fsync(file.fileno())
    sync_folder(path.parent)


def read_journal(path: Path, keys_text: str) -> list[JournalEntry]:
    """Return the views of a journal whose every line is signed by these keys and follows on the one before.

    Raises
    ------
    SignatureError
        When it cannot be read, or a line was changed, taken out or put in.
    """
    found, before, number = [], _FIRST, 0
    try:
        for line in path.read_bytes().splitlines():
            number += 1
            found.append(_entry(line, before, read_keys(keys_text)))
            before = hashlib.sha256(line).hexdigest()
    except OSError as error:
        raise SignatureError(f"{path} cannot be read ({error.strerror or error})", path=str(path)) from error
    except (VerifierError, ValueError, KeyError, TypeError, RecursionError) as error:
        what = error if isinstance(error, VerifierError) else "it is no entry"
        raise SignatureError(f"{path}, line {number}: {what}; the journal was changed there", path=str(path)) from error
    return found


def _entry(line: bytes, before: str, keys: list[dict[str, Any]]) -> JournalEntry:
    text, who, t_s = check_signer(json.loads(line), keys)
    head, where, previous, body, _ = text.split("\n")
    if head != _TEXT or previous != before:
        raise VerifierError("it does not follow on the line before")
    operation, size = where.split(" ")
    shown = json.loads(body)
    return JournalEntry(who=who, t_s=t_s, operation=operation, size=int(size), what=shown.pop("what"), body=shown)
