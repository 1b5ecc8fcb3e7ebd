"""The leaves of the log: one record each, as canonical bytes.

The bytes are JSON with sorted keys, no spaces, only ASCII characters (everything
else escaped, so that a file name that is no valid UTF-8 survives and no escape code
reaches a terminal) and no NaN or infinity. One leaf has exactly one spelling:
what does not encode to the same bytes again was not written by us. Each carries a
random salt, so that its hash, which stays readable where the record is encrypted or
was erased, cannot be compared with the hashes of guessed records.
"""

from __future__ import annotations

import dataclasses
import json
import secrets
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from operations.log.errors import LeafError

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION: Final = 1
"""Version of the leaf encoding; the first thing a reader looks at."""


_SALT_BYTES: Final = 16
"""128 bits: nobody tries them all (NIST SP 800-57 part 1, table 2)."""


class LeafKind(StrEnum):
    """What a leaf records."""

    OPERATION = "operation"
    MEDIA = "media"
    RUN = "run"
    PART = "part"
    VERDICT = "verdict"
    OUTCOME = "outcome"
    CASE = "case"
    HEAD = "head"
    VIEW = "view"
    EXPORT = "export"
    HOLD = "hold"
    ERASURE = "erasure"
    KEY = "key"
    MERGE = "merge"
    ATTEMPT = "attempt"
    NOTE = "note"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One record of the log: who wrote what about which subject, and when."""

    seq: int
    """Number of the leaf, from 0."""
    t_utc_ns: int
    actor: str
    kind: LeafKind
    subject: str
    """Id of what it is about; the newest leaf of a kind and subject is the valid one."""
    body: Mapping[str, Any]
    """The record itself, of JSON values."""
    salt: str = dataclasses.field(default_factory=lambda: secrets.token_hex(_SALT_BYTES))
    """Random hexadecimal digits."""


def encode(leaf: Leaf) -> bytes:
    """Return the canonical bytes of a leaf.

    Raises
    ------
    LeafError
        When a field has a wrong type, or a value is none of JSON's (NaN, bytes, a key that is no text).
    """
    document = {
        "v": VERSION,
        "seq": leaf.seq,
        "t_utc_ns": leaf.t_utc_ns,
        "actor": leaf.actor,
        "kind": str(leaf.kind),
        "subject": leaf.subject,
        "body": leaf.body if isinstance(leaf.body, dict) else dict(leaf.body),
        "salt": leaf.salt,
    }
    _check(document, leaf.seq)
    try:
        _check_keys(document["body"])
        return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise LeafError(f"record {leaf.seq} ({leaf.kind}) cannot be written into the log: {error}") from error


def decode(data: bytes) -> Leaf:
    """Return the leaf of canonical bytes.

    Raises
    ------
    LeafError
        When the bytes are not exactly what `encode` gives for some leaf.
    """
    try:
        document = json.loads(data.decode("ascii"))
        seq = document["seq"]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise LeafError("a log record is no record at all: its bytes were changed") from error
    if document.get("v") != VERSION:
        raise LeafError(
            f"log record {seq} has version {document.get('v')!r}, this program reads {VERSION}: use a newer one",
            version=document.get("v"),
        )
    _check(document, seq)
    leaf = Leaf(
        seq=seq,
        t_utc_ns=document["t_utc_ns"],
        actor=document["actor"],
        kind=LeafKind(document["kind"]),
        subject=document["subject"],
        body=document["body"],
        salt=document["salt"],
    )
    if encode(leaf) != data:
        raise LeafError(f"log record {seq} ({leaf.kind}) is not spelled as this program writes it: it was changed")
    return leaf


_FIELDS: Final = {
    "v": int,
    "seq": int,
    "t_utc_ns": int,
    "actor": str,
    "kind": str,
    "subject": str,
    "body": dict,
    "salt": str,
}


def _check(document: Mapping[str, Any], seq: object) -> None:
    for name, kind in _FIELDS.items():
        value = document.get(name)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise LeafError(f"log record {seq} has {type(value).__name__} in its field {name}: give {kind.__name__}")
    if document.keys() != _FIELDS.keys() or document["seq"] < 0:
        raise LeafError(f"log record {seq} has other fields than {', '.join(_FIELDS)} from number 0 on")
    if document["kind"] not in _KINDS:
        raise LeafError(f"log record {seq} is of the unknown kind {document['kind']!r}: use a newer program")


_KINDS: Final = frozenset(map(str, LeafKind))


def _check_keys(value: object) -> None:
    """Refuse keys that JSON would silently turn into text."""
    if isinstance(value, dict):
        for key, member in value.items():
            if not isinstance(key, str):
                raise TypeError(f"the key {key!r} is no text")
            _check_keys(member)
    elif isinstance(value, list | tuple):
        for member in value:
            _check_keys(member)
