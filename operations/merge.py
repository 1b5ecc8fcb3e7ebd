"""Two operations of one night become one: same originals once, both logs whole, contradictions kept and told.

The new log begins with its own record, then holds each log that went in: a record with
that log's size and root, and after it every record of it, with its own actor, moment and
salt. Only their numbers are new, so that the root can be worked out again from the new
log alone: nobody can merge in something else than was there, also not later.

The index leads to the newest record of a subject. What counts is said again at the end
where another log's record stands after it: of a run the first operation's, whose parts are
the ones kept; of a verdict all that differ, each under a name of its own, so that all are
shown; of what one log has gone on from, the later state.
"""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
from typing import TYPE_CHECKING, Any, Final

from operations import durable_file
from operations.backup import require_sound
from operations.case_access import CASE_FILE, HEAD_FILE
from operations.case_file import FORMAT, new_case_file
from operations.errors import DamagedError
from operations.log.leaves import Leaf, LeafKind, encode
from operations.new_folder import new_folder
from operations.originals import stored_path
from operations.staging import LOCKS, MEDIA, PARTS
from operations.store import OperationStore
from operations.vault import PlainVault
from operations.vault.keys_file import create_vault
from operations.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from operations.values import PatrolOutcome, Verdict
    from operations.vault import Vault
    from operations.vault.key_ring import Secret
    from operations.verify import Verification

_CHUNK_BYTES: Final = 1 << 20


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An operation that goes into another one."""

    path: Path
    secret: Secret | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What merging did."""

    verification: Verification
    conflicts: tuple[str, ...]
    """What the two say differently, in sentences; all of it is kept."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Clerk:
    """Who merges, when, and what the result is called and opened with."""

    name: str
    actor: str
    clock: Callable[[], int]
    secret: Secret | None = None
    """Encrypts the result."""


def merge(sources: Sequence[Source], into: Path, clerk: Clerk) -> Merged:
    """Make one new operation of several; they stay as they are.

    Raises
    ------
    BrokenSealError
        When one of them does not verify.
    DamagedError
        When two hold the same run with other parts, so that they cannot lie in one folder.
    DiskError, OperationExistsError
        When the new one cannot be written; nothing is left behind.
    """
    with contextlib.ExitStack() as opened, new_folder(into) as unfinished:
        stores = [opened.enter_context(_open(source, clerk)) for source in sources]
        for store in stores:
            require_sound(verify(store.path, vault=store.vault), store.path)
        logs = [list(store.leaves()) for store in stores]
        for name in (MEDIA, PARTS, LOCKS):
            durable_file.make_folder(unfinished / name)
        vault: Vault = PlainVault() if clerk.secret is None else create_vault(unfinished, clerk.secret)
        _copy_files(stores, unfinished, vault)
        leaves, conflicts = _merged_log(stores, logs, clerk)
        first = leaves[0]
        meta = {
            "format": str(FORMAT).encode(),
            "id": first.subject.encode(),
            "name": vault.seal(clerk.name.encode("utf-8", "backslashreplace"), context="name"),
            "created": str(first.t_utc_ns).encode(),
        }
        data, head = new_case_file(vault, meta, leaves)
        durable_file.write(unfinished / HEAD_FILE, (head.to_bytes(),))
        durable_file.write(unfinished / CASE_FILE, (data,))
        result = verify(unfinished, vault=vault)
        require_sound(result, unfinished)
    return Merged(verification=result, conflicts=tuple(conflicts))


def _open(source: Source, clerk: Clerk) -> OperationStore:
    return OperationStore.open(source.path, actor=clerk.actor, clock=clerk.clock, secret=source.secret, read_only=True)


def _merged_log(
    stores: Sequence[OperationStore], logs: Sequence[Sequence[Leaf]], clerk: Clerk
) -> tuple[list[Leaf], list[str]]:
    """Return the new log, and what the logs in it say differently."""
    own_id = secrets.token_hex(16)
    leaves: list[Leaf] = []

    def say(kind: LeafKind, subject: str, body: dict[str, Any]) -> None:
        now = clerk.clock()
        leaves.append(Leaf(seq=len(leaves), t_utc_ns=now, actor=clerk.actor, kind=kind, subject=subject, body=body))

    say(LeafKind.OPERATION, own_id, {"name": clerk.name, "id": own_id, "format": FORMAT})
    for store, log in zip(stores, logs, strict=True):
        head = store.head()
        told = {"name": store.name, "size": head.size, "root": head.root.hex(), "first": len(leaves) + 1}
        say(LeafKind.MERGE, store.id, told)
        leaves += [dataclasses.replace(leaf, seq=seq) for seq, leaf in enumerate(log, start=len(leaves))]
    restored, conflicts = _settle(logs)
    for leaf in restored:
        leaves.append(dataclasses.replace(leaf, seq=len(leaves), t_utc_ns=clerk.clock(), actor=clerk.actor))
    conflicts += _contradictions(stores)
    if conflicts:
        say(LeafKind.MERGE, "conflicts", {"conflicts": conflicts})
    return leaves, conflicts


def _settle(logs: Sequence[Sequence[Leaf]]) -> tuple[list[Leaf], list[str]]:
    """Return what has to be said again so that the index leads to what counts, and which parts differ."""
    newest = [{(leaf.kind, leaf.subject): leaf for leaf in log if leaf.kind not in _HEADS} for log in logs]
    former = [_former(log, own) for log, own in zip(logs, newest, strict=True)]
    again: list[Leaf] = []
    differing: set[str] = set()
    for key in dict.fromkeys(key for own in newest for key in own):
        said = [own[key] for own in newest if key in own]
        # What another log has, and has gone on from, is history there and no other opinion.
        current = [leaf for leaf in said if not any((*key, leaf.salt) in old for old in former)]
        distinct = list({encode(dataclasses.replace(leaf, seq=0)): leaf for leaf in current or said}.values())
        valid = distinct[0] if key[0] in _FIRST else distinct[-1]
        if valid.body != said[-1].body:
            again.append(valid)
        if key[0] in _OPINIONS:
            others = [leaf for leaf in distinct if leaf.body != valid.body]
            again += [_renamed(leaf, f"{leaf.subject}~{number}") for number, leaf in enumerate(others, start=1)]
        elif key[0] is LeafKind.PART and any(leaf.body != valid.body for leaf in distinct):
            differing.add(str(valid.body.get("run_id")))
    return again, [
        f"run {run} has other parts in the second log: the first one's are used" for run in sorted(differing)
    ]


_HEADS: Final = frozenset({LeafKind.OPERATION, LeafKind.MERGE})
_FIRST: Final = frozenset({LeafKind.RUN, LeafKind.PART})
"""Records that have to fit the files kept, which are the first operation's."""
_OPINIONS: Final = {LeafKind.VERDICT: "verdict_id", LeafKind.OUTCOME: "outcome_id"}
"""What people say of a thing, all of which is shown, and the field that holds the record's name."""


def _former(log: Sequence[Leaf], newest: Mapping[tuple[LeafKind, str], Leaf]) -> set[tuple[LeafKind, str, str]]:
    """Return kind, subject and salt of the records that later ones of the same log replaced."""
    return {
        (leaf.kind, leaf.subject, leaf.salt)
        for leaf in log
        if (current := newest.get((leaf.kind, leaf.subject))) is not None and current.seq != leaf.seq
    }


def _renamed(leaf: Leaf, name: str) -> Leaf:
    """Return a verdict or an outcome under another name, so that the index leads to both."""
    return dataclasses.replace(leaf, subject=name, body={**leaf.body, _OPINIONS[leaf.kind]: name})


def _contradictions(stores: Sequence[OperationStore]) -> list[str]:
    """Return where people decided differently about the same thing, and where one original has several runs."""
    decided: dict[tuple[str, str], dict[str, str]] = {}
    for store in stores:
        for verdict in store.verdicts():
            if verdict.confirmed:
                for target in _targets(verdict):
                    decided.setdefault(target, {})[f"{store.name} ({store.id[:6]})"] = str(verdict.decision)
    found = [
        f"{what} of run {run_id}: " + ", ".join(f"{decision} in {name}" for name, decision in said.items())
        for (run_id, what), said in decided.items()
        if len(set(said.values())) > 1
    ]
    found += _differing_outcomes(stores)
    names = {media.id: media.name for store in stores for media in store.media()}
    runs: dict[str, set[str]] = {}
    for store in stores:
        for run in store.runs():
            for media_id in run.media_ids:
                runs.setdefault(media_id, set()).add(run.run_id)
    erased = {media_id for store in stores for media_id in store.erased()} & set(names)
    found += [f"{names[one]} was erased in one of them: it is not in the result either" for one in sorted(erased)]
    for media_id, run_ids in runs.items():
        if len(run_ids) > 1 and media_id not in erased:
            found.append(f"{names[media_id]} has {len(run_ids)} runs that all count: {', '.join(sorted(run_ids))}")
    return found


def _differing_outcomes(stores: Sequence[OperationStore]) -> list[str]:
    """Return where patrols found different things at the same track or hit."""
    told: dict[tuple[str, str], dict[str, str]] = {}
    for store in stores:
        for outcome in store.outcomes():
            for target in _targets(outcome):
                told.setdefault(target, {})[f"{store.name} ({store.id[:6]})"] = str(outcome.found)
    return [
        f"{what} of run {run_id}, on the spot: " + ", ".join(f"{found} in {name}" for name, found in said.items())
        for (run_id, what), said in told.items()
        if len(set(said.values())) > 1
    ]


def _targets(verdict: Verdict | PatrolOutcome) -> list[tuple[str, str]]:
    hits = [(verdict.run_id, f"hit {hit_id}") for hit_id in verdict.hit_ids]
    return [(verdict.run_id, f"track {verdict.track_id}"), *hits] if verdict.track_id else hits


def _copy_files(stores: Sequence[OperationStore], root: Path, vault: Vault) -> None:
    """Copy every original and part that a record names; what two operations share is copied once."""
    wanted: dict[Path, tuple[OperationStore, Path]] = {}
    erased = frozenset[str]().union(*(store.erased() for store in stores))
    for store in stores:
        for media in store.media():
            for member in media.members if media.id not in erased else ():
                kept = stored_path(store.path, member, store.vault)
                wanted.setdefault(stored_path(root, member, vault), (store, kept))
    parts: dict[str, tuple[OperationStore, dict[str, str]]] = {}
    for store in stores:
        for run in store.runs(superseded=True):
            if erased.intersection(run.media_ids):
                continue
            own = {part.file: part.sha256 for part in store.parts(runs=[run.run_id])}
            other, known = parts.setdefault(run.run_id, (store, own))
            if known.keys() != own.keys():
                raise DamagedError(
                    f"run {run.run_id} has other parts in {store.path} than in {other.path}: redo it in one of them "
                    "('vedette ingest --redo'), then merge",
                    run=run.run_id,
                )
    for store, files in parts.values():
        wanted.update({root / file: (store, store.path / file) for file in files})
    _copy(wanted, vault)


def _copy(wanted: dict[Path, tuple[OperationStore, Path]], vault: Vault) -> None:
    folders = sorted({target.parent for target in wanted})
    for folder in folders:
        durable_file.make_folder(folder)
    for target, (store, source) in wanted.items():
        vault.write(_opened(store, source), target)
    for folder in folders:
        durable_file.sync_folder(folder)


def _opened(store: OperationStore, source: Path) -> Iterator[bytes]:
    with store.vault.reader(source) as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            yield chunk
