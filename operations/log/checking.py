"""Whether a log holds: leaves, tree, head and index held against each other, pure."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from operations.evidence.signed_texts import VerifierError, read_head, read_note
from operations.findings import Finding, FindingKind, finding
from operations.log.errors import FrontierError, LeafError
from operations.log.leaves import Leaf, LeafKind, decode, encode
from operations.log.merkle import Frontier, leaf_hash
from operations.vault.errors import SealedFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from operations.vault import Vault

LOG: Final = "the log"


@dataclasses.dataclass(slots=True, kw_only=True)
class LogReading:
    """The log as it was found."""

    leaves: dict[int, Leaf] = dataclasses.field(default_factory=dict)
    """The records that can be read, by number."""
    hashes: list[bytes] = dataclasses.field(default_factory=list)
    """Leaf hashes from 0 on, as far as the numbers go on without a gap."""
    findings: list[Finding] = dataclasses.field(default_factory=list)

    def newest(self, kind: LeafKind) -> list[Leaf]:
        """Return the newest record about every subject of a kind."""
        by_subject = {leaf.subject: leaf for leaf in self.leaves.values() if leaf.kind is kind}
        return list(by_subject.values())

    def root_after(self, size: int) -> bytes | None:
        """Return the root of the first `size` records; None when there are fewer."""
        return Frontier().extend(self.hashes[:size]).root if 0 <= size <= len(self.hashes) else None


def clock_steps(reading: LogReading) -> list[str]:
    """Return in a sentence where records are dated before the one that they follow: a clock was set, or was wrong.

    No finding: the order of a log is its own, and its dates are what each writer's clock said.
    """
    leaves = [reading.leaves[seq] for seq in sorted(reading.leaves)]
    back = [
        (before, leaf)
        for before, leaf in zip(leaves, leaves[1:], strict=False)
        if leaf.t_utc_ns < before.t_utc_ns - SET_BACK_NS
    ]
    if not back:
        return []
    before, leaf = back[0]
    more = f" (and {len(back) - 1} more such)" if len(back) > 1 else ""
    return [
        f"log record {leaf.seq} is dated {_date(leaf)}, before the one it follows ({_date(before)}): a clock was set "
        f"back, or was wrong{more}"
    ]


SET_BACK_NS: Final = 3_600_000_000_000
"""Clocks of two machines at one operation differ by less; nobody's clock is set by more unasked."""


def _date(leaf: Leaf) -> str:
    try:
        return f"{dt.datetime.fromtimestamp(leaf.t_utc_ns // 1_000_000_000, tz=dt.UTC):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, OSError, ValueError):  # what somebody wrote there is no date
        return f"{leaf.t_utc_ns} ns since 1970"


def name_of(leaf: Leaf) -> str:
    """Return what a person calls a record."""
    told = leaf.body.get("name") if leaf.kind in _NAMED else None
    about = told if isinstance(told, str) and told else leaf.body.get("track_id") or leaf.subject
    return f"{leaf.kind} {about} (log record {leaf.seq})"


_NAMED: Final = frozenset({LeafKind.MEDIA, LeafKind.OPERATION, LeafKind.MERGE})


def read_log(rows: Iterable[tuple[Any, Any, Any]], vault: Vault) -> LogReading:
    """Read the rows of the table of leaves in order of their numbers, and name each that is not what was sealed."""
    reading = LogReading()
    whole = True
    for expected, (seq, stored_hash, body) in enumerate(rows):
        if seq != expected and whole:
            whole = False
            gap = f"record {expected}" if seq == expected + 1 else f"records {expected} to {seq - 1}"
            what = f"has lost {gap}: the next one there is number {seq}"
            reading.findings.append(finding(FindingKind.BROKEN_LOG, LOG, what))
        leaf, problem = _opened(seq, stored_hash, body, vault)
        if leaf is not None:
            reading.leaves[seq] = leaf
        if problem is not None:
            reading.findings.append(problem)
        if whole:
            reading.hashes.append(stored_hash if isinstance(stored_hash, bytes) else b"")
    return reading


def _opened(seq: int, stored_hash: object, body: object, vault: Vault) -> tuple[Leaf | None, Finding | None]:
    """Open one record; the leaf is given also where only its hash does not fit, so that it can be named."""
    unnamed = f"log record {seq}"
    if not isinstance(body, bytes) or not isinstance(stored_hash, bytes):
        return None, finding(FindingKind.CHANGED, unnamed, "was replaced by something that is no record")
    try:
        data = vault.open(body, context=f"leaf {seq}")
        leaf = decode(data)
    except (LeafError, SealedFileError) as error:
        return None, finding(FindingKind.CHANGED, unnamed, f"cannot be read any more: {error.message}")
    if leaf.seq != seq:
        what = f"stands in the place of record {seq}: records were moved"
        return leaf, finding(FindingKind.CHANGED, name_of(leaf), what)
    if leaf_hash(data) != stored_hash:
        return leaf, finding(FindingKind.CHANGED, name_of(leaf), "was changed after it was written")
    return leaf, None


def check_head(reading: LogReading, row: Sequence[Any] | None) -> list[Finding]:
    """Hold the stored head (size, root, frontier) against the leaves."""
    if row is None:
        return [finding(FindingKind.BROKEN_LOG, LOG, "has no head in the case file: it was deleted")]
    size, root, edge = row
    try:
        if not isinstance(edge, bytes):
            raise FrontierError("it is no bytes")
        stored = Frontier.from_bytes(edge)
    except FrontierError:
        return [finding(FindingKind.BROKEN_LOG, LOG, "has a head in the case file that was changed")]
    count = len(reading.hashes)
    if size != stored.size or stored.root != root:
        return [finding(FindingKind.BROKEN_LOG, LOG, "has a head in the case file whose parts contradict each other")]
    if size > count:
        what = f"has had its end cut off: {size} records were written, {count} are there in a row"
        return [finding(FindingKind.BROKEN_LOG, LOG, what)]
    if size < count:
        what = f"holds {count - size} records that its head in the case file does not cover, from number {size} on"
        return [finding(FindingKind.BROKEN_LOG, LOG, what)]
    return _compare(stored, Frontier().extend(reading.hashes))


def _compare(stored: Frontier, worked_out: Frontier) -> list[Finding]:
    """Say where the leaves' hashes are not those the head was made of."""
    found, start = [], 0
    for bit in reversed(range(stored.size.bit_length())):
        if stored.size >> bit & 1:
            place = (stored.size >> (bit + 1)).bit_count()
            if stored.nodes[place] != worked_out.nodes[place]:
                where = f"record {start}" if bit == 0 else f"records {start} to {start + (1 << bit) - 1}"
                what = f"does not hold: {where} or their hashes were changed together"
                found.append(finding(FindingKind.BROKEN_LOG, LOG, what))
            start += 1 << bit
    return found


def check_outside_head(reading: LogReading, size: int, root: bytes, where: str) -> list[Finding]:
    """Hold a head that was kept elsewhere against the log: it has to be one that this log has had."""
    found = reading.root_after(size)
    if found == root:
        return []
    if found is None:
        what = f"ends before the head in {where}: that one covers {size} records, {len(reading.hashes)} are there"
    else:
        what = f"is not the one of the head in {where}: its first {size} records were written again"
    return [finding(FindingKind.BROKEN_LOG, LOG, what)]


def check_signed_heads(reading: LogReading) -> list[Finding]:
    """Hold every signed head in the log against the records before it: it has to be a head that this log has had."""
    first = reading.leaves.get(0)
    found = []
    for leaf in reading.leaves.values():
        if leaf.kind is not LeafKind.HEAD:
            continue
        try:
            operation, size, root = read_head(read_note(str(leaf.body.get("note")))[0])
        except VerifierError as error:
            found.append(finding(FindingKind.CHANGED, name_of(leaf), f"holds no signed head ({error})"))
            continue
        if first is not None and operation == first.subject:
            found += check_outside_head(reading, size, root, f"log record {leaf.seq}")
    return found


def check_merges(reading: LogReading) -> list[Finding]:
    """Work the root of every log that was merged in out again from its records, which only have other numbers now."""
    return _check_merges(reading, 0, len(reading.hashes), 0)


def _check_merges(reading: LogReading, base: int, stop: int, depth: int) -> list[Finding]:
    found: list[Finding] = []
    place = base
    while place < stop:
        leaf = reading.leaves.get(place)
        place += 1
        if leaf is None or leaf.kind is not LeafKind.MERGE or "root" not in leaf.body:
            continue
        first, size, root = (leaf.body.get(name) for name in ("first", "size", "root"))
        if not isinstance(first, int) or not isinstance(size, int) or base + first != place or place + size > stop:
            found.append(finding(FindingKind.BROKEN_LOG, name_of(leaf), "does not fit the records after it"))
            continue
        carried = [reading.leaves.get(number) for number in range(place, place + size)]
        if None in carried or _root_before(carried) != root:
            what = "is not followed by the log that it names: records of it were changed, added or left out"
            found.append(finding(FindingKind.BROKEN_LOG, name_of(leaf), what))
        if depth < _DEEPEST:
            found += _check_merges(reading, place, place + size, depth + 1)
        else:
            found.append(finding(FindingKind.BROKEN_LOG, name_of(leaf), f"was merged over {_DEEPEST} times"))
        place += size
    return found


_DEEPEST: Final = 32
"""Merges of merges: each level hashes its records again, and no night has so many laptops."""


def _root_before(carried: Sequence[Leaf | None]) -> str:
    """Return the root that these records had in their own log."""
    own = (dataclasses.replace(leaf, seq=seq) for seq, leaf in enumerate(carried) if leaf is not None)
    return Frontier().extend(leaf_hash(encode(leaf)) for leaf in own).root.hex()


def check_index(reading: LogReading, rows: Iterable[tuple[Any, Any, Any]], vault: Vault) -> list[Finding]:
    """Hold the index of newest records against the leaves; readers go by it."""
    wanted: dict[tuple[bytes, bytes], Leaf] = {}
    for leaf in reading.leaves.values():
        wanted[vault.label(str(leaf.kind)), vault.label(leaf.subject)] = leaf
    found = []
    stored = {(_blob(kind), _blob(subject)): seq for kind, subject, seq in rows}
    for key, leaf in wanted.items():
        seq = stored.pop(key, None)
        if seq is None:
            found.append(
                finding(FindingKind.MISSING, name_of(leaf), "was taken out of the index: readers pass it over")
            )
        elif seq != leaf.seq:
            what = f"is hidden: the index leads to record {seq} in its place"
            found.append(finding(FindingKind.CHANGED, name_of(leaf), what))
    known = {vault.label(str(leaf.kind)): str(leaf.kind) for leaf in reading.leaves.values()}
    for (kind, subject), seq in stored.items():
        text = f"{known.get(kind, kind.decode('utf-8', 'replace'))} {_shown(subject, vault)}"
        what = f"was put into the index without a record of its own; it leads to record {seq}"
        found.append(finding(FindingKind.NOT_COVERED, text, what))
    return found


def _blob(value: object) -> bytes:
    """Return an index value that is no blob as one that no label equals."""
    return value if isinstance(value, bytes) else f"?{value!r}".encode("utf-8", "backslashreplace")


def _shown(subject: bytes, vault: Vault) -> str:
    return f"{subject.hex()[:12]}…" if vault.encrypted else subject.decode("utf-8", "replace")


def check_meta(reading: LogReading, meta: Mapping[Any, Any], vault: Vault) -> list[Finding]:
    """Hold the operation's own values against its first record."""
    first = reading.leaves.get(0)
    if first is None or first.kind is not LeafKind.OPERATION:
        return [finding(FindingKind.BROKEN_LOG, LOG, "does not begin with the record of its operation")]
    wanted = {"format": str(first.body.get("format")), "id": first.subject, "created": str(first.t_utc_ns)}
    found = []
    for key, value in wanted.items():
        if meta.get(key) != value.encode():
            what = f"was changed: its first record says {value}"
            found.append(finding(FindingKind.CHANGED, f"the operation's {key}", what))
    try:
        name = vault.open(meta["name"], context="name") if isinstance(meta.get("name"), bytes) else None
    except SealedFileError:
        name = None
    told = str(first.body.get("name"))
    if name != told.encode("utf-8", "backslashreplace"):
        found.append(finding(FindingKind.CHANGED, "the operation's name", f"was changed: its first record says {told}"))
    for key in meta.keys() - wanted.keys() - {"name"}:
        what = "was added to the operation's own values"
        found.append(finding(FindingKind.NOT_COVERED, f"the value {key!r}", what))
    return found
