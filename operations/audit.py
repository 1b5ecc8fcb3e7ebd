"""The hash chain that makes a removed, changed or reordered log line show.

Each entry's hash covers its own fields and the hash of the entry before it
(linear linking: Haber and Stornetta, "How to Time-Stamp a Digital Document", 1991);
the chain's head is also kept outside the table, so that a cut tail shows too.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

from operations.values import AuditEntry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

GENESIS: Final = "0" * 64
"""What the first entry names as its predecessor."""


def digest(entry: AuditEntry) -> str:
    """Return the hash an entry must carry, from its own fields and its predecessor's hash."""
    fields = [entry.seq, entry.t_utc_ns, entry.actor, entry.action, entry.details, entry.previous_sha256]
    return hashlib.sha256(json.dumps(fields, separators=(",", ":")).encode()).hexdigest()


def next_entry(
    last: AuditEntry | None, *, t_utc_ns: int, actor: str, action: str, details: Mapping[str, object]
) -> AuditEntry:
    """Return the entry that follows `last`, with its hash filled in."""
    draft = AuditEntry(
        seq=0 if last is None else last.seq + 1,
        t_utc_ns=t_utc_ns,
        actor=actor,
        action=action,
        details=json.dumps(details, sort_keys=True),
        previous_sha256=GENESIS if last is None else last.sha256,
        sha256="",
    )
    return AuditEntry(
        seq=draft.seq,
        t_utc_ns=draft.t_utc_ns,
        actor=draft.actor,
        action=draft.action,
        details=draft.details,
        previous_sha256=draft.previous_sha256,
        sha256=digest(draft),
    )


def chain_problems(entries: Sequence[AuditEntry], head: tuple[int, str]) -> tuple[str, ...]:
    """Name every place where the chain does not hold.

    Parameters
    ----------
    entries
        The log as stored, in stored order.
    head
        Number of entries and last hash, as kept outside the table.
    """
    problems: list[str] = []
    previous = GENESIS
    for place, entry in enumerate(entries):
        if entry.seq != place:
            problems.append(f"log line {place} is missing: the next stored line is number {entry.seq}")
            break
        if entry.previous_sha256 != previous:
            problems.append(f"log line {place} does not follow line {place - 1}")
        if digest(entry) != entry.sha256:
            problems.append(f"log line {place} ({entry.action}) was changed after it was written")
        previous = entry.sha256
    count, last = head
    if len(entries) < count:
        problems.append(f"the log's tail is cut: {count} lines were written, {len(entries)} are there")
    elif count and entries[count - 1].sha256 != last and not problems:
        problems.append(f"log line {count - 1} is not the one that was sealed as the log's head")
    return tuple(problems)
