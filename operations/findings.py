"""What verifying an operation finds: one value a thing that is not as it was sealed."""

from __future__ import annotations

import dataclasses
from enum import StrEnum


class FindingKind(StrEnum):
    """What is the matter with an item."""

    CHANGED = "changed"
    """It is there, and is not what was sealed."""
    MISSING = "missing"
    """A record names it, and it is not there."""
    NOT_COVERED = "not covered"
    """It is there, and no record names it."""
    BROKEN_LOG = "broken log"
    """The log itself, or the index into it, does not hold."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it was sealed."""

    kind: FindingKind
    item: str
    """What a person calls it: the file's own name, or what a record is about."""
    sentence: str
    """What is the matter, in one sentence that holds no control characters."""


def finding(kind: FindingKind, item: str, what: str) -> Finding:
    """Return a finding whose sentence begins with its item."""
    name = printable(item)
    return Finding(kind=kind, item=name, sentence=f"{name} {printable(what)}")


def printable(text: str) -> str:
    """Return a text without anything that a terminal would obey or hide: such characters are shown as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
