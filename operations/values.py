"""What an operation keeps a record of: originals, runs, their parts, and what people decided."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence


class MediaKind(StrEnum):
    """What an original is."""

    VIDEO = "video"
    PICTURES = "pictures"


class RunKind(StrEnum):
    """Where a run's frames came from."""

    RECORD = "record"
    LIVE = "live"


class RunState(StrEnum):
    """How far a run is."""

    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"


class Decision(StrEnum):
    """What a person decided about a hit or a track."""

    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"
    UNDECIDED = "undecided"


class Outcome(StrEnum):
    """What was found on the spot."""

    FOUND = "found"
    NOTHING = "nothing"
    ANIMAL = "animal"
    OTHER = "other"


class _Record:
    """A value that is the body of a leaf: plain JSON there, frozen here."""

    __slots__ = ()

    def body(self) -> dict[str, Any]:
        """Return the JSON body of the leaf that records this value."""
        return {field.name: _plain(getattr(self, field.name)) for field in dataclasses.fields(self)}  # type: ignore[arg-type]

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Self:
        """Read the value back; fields that a later version added are passed over.

        Raises
        ------
        TypeError, ValueError
            When it is no such record.
        """
        if not isinstance(body, Mapping):
            raise TypeError(f"{body!r} stands where a record belongs")
        fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
        return cls(**{name: _typed(cls, fields[name], value) for name, value in body.items() if name in fields})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Member(_Record):
    """One file of an original."""

    path: str
    """Its name, or its path inside the folder that was read; data only, never a path of ours."""
    size_bytes: int
    sha256: str
    suffix: str
    """Of the stored file: lower case letters and digits after a full stop, or empty."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MediaRecord(_Record):
    """One original, sealed by the hash of its bytes before anything was derived from it."""

    id: str
    """SHA-256 of the file's bytes; of a folder, of its members' lines as `sha256sum` prints them, by path."""
    name: str
    kind: MediaKind
    size_bytes: int
    members: tuple[Member, ...]
    """The one file itself, or every file of the folder."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord(_Record):
    """One analysis of recordings with one detector, ground and settings."""

    run_id: str
    media_ids: tuple[str, ...]
    kind: RunKind
    state: RunState
    settings: Mapping[str, Any]
    """All that decides the result: model, terrain, sigmas, sampling; see `run_id_of`."""
    ordinal: int = 0
    """How many runs there were of these recordings before."""
    supersedes: str = ""
    """The run that this one replaces; it stays, and is shown no more."""
    started_t_utc_ns: int = 0
    finished_t_utc_ns: int = 0
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)
    counts: Mapping[str, int] = dataclasses.field(default_factory=dict)
    """Frames, frames_with_pose, klv_packets, klv_bad_checksum, hits, hits_placed, tracks."""
    problems: tuple[str, ...] = ()
    partial: bool = False
    corrections: Mapping[str, float] = dataclasses.field(default_factory=dict)
    """What the poses were wrong by, found from the pictures and taken off the places of hits: means and sigmas."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PartRecord(_Record):
    """One Parquet file of derived rows."""

    run_id: str
    table: str
    file: str
    """Path inside the operation folder."""
    size_bytes: int
    sha256: str
    """Size and hash of the Parquet bytes themselves, before any encryption."""
    rows: int
    bbox_deg: tuple[float, float, float, float] | None = None
    """South, west, north, east of the rows that have a place."""
    seen_bbox_deg: tuple[float, float, float, float] | None = None
    """The same of all ground in footprints, for frames; where it is not said, a footprint may lie anywhere."""
    t_utc_ns: tuple[int, int] | None = None
    """First and last moment."""
    classes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verdict(_Record):
    """What a person decided about a track or about single hits of one run."""

    verdict_id: str
    run_id: str
    decision: Decision
    track_id: str = ""
    hit_ids: tuple[str, ...] = ()
    reason: str = ""
    """Code of why; the closed list belongs to the console."""
    note: str = ""
    carried_from: str = ""
    """Verdict on an earlier run that this one proposes anew."""
    confirmed: bool = True
    """False for a proposal: nobody has looked at it on this run yet."""

    @property
    def record_id(self) -> str:
        """Return the subject of its leaf."""
        return self.verdict_id

    def renamed(self, name: str) -> Self:
        """Return it under another id."""
        return dataclasses.replace(self, verdict_id=name)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PatrolOutcome(_Record):
    """What a patrol found where a track or single hits of one run had been.

    It is kept apart from verdicts: a verdict says what a reader of pictures took it for, an outcome what was there.
    """

    outcome_id: str
    run_id: str
    found: Outcome
    track_id: str = ""
    hit_ids: tuple[str, ...] = ()
    at_t_utc_ns: int = 0
    """When the patrol was there; 0 where nobody said."""
    note: str = ""
    carried_from: str = ""
    """Outcome on an earlier run that was carried over to this one."""
    confirmed: bool = True
    """False while it was only carried over by overlap, and nobody has looked at it on this run yet."""

    @property
    def record_id(self) -> str:
        """Return the subject of its leaf."""
        return self.outcome_id

    def renamed(self, name: str) -> Self:
        """Return it under another id."""
        return dataclasses.replace(self, outcome_id=name)


_RECORDS = TypeVar("_RECORDS", bound=_Record)


def run_id_of(media_ids: Sequence[str], settings: Mapping[str, Any], ordinal: int) -> str:
    """Return the id of a run: the same recordings, settings and number give the same 16 hexadecimal digits."""
    text = json.dumps([list(media_ids), settings, ordinal], sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    if isinstance(value, _Record):
        return value.body()
    if isinstance(value, StrEnum):
        return str(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


_ENUMS: dict[str, type[StrEnum]] = {"state": RunState, "decision": Decision, "found": Outcome}
_SIMPLE: dict[Any, type] = {"str": str, "int": int, "bool": bool}


def _typed(record: type[_Record], field: dataclasses.Field[Any], value: Any) -> Any:
    name, simple = field.name, _SIMPLE.get(field.type)
    if simple is not None and not isinstance(value, simple):
        raise TypeError(f"{name}: {value!r} stands where {field.type} belongs")
    if name == "members":
        return tuple(Member.of(member) for member in value)
    if name == "kind":
        return (RunKind if record is RunRecord else MediaKind)(value)
    if name in _ENUMS and value is not None:
        return _ENUMS[name](value)
    return tuple(value) if isinstance(value, list) else value
