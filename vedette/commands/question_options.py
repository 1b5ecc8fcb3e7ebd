"""What a person asks operations for: a question's options, and the operations it goes to, opened with a purpose."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import getpass
import zoneinfo
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from geo.errors import InputError, RefusedError
from geo.near_words import did_you_mean
from telemetry.tracks.stated_times import parse_moment, parse_utc_offset
from vedette.commands.screen import ERRORS, utc_now_ns
from vedette.commands.secret_options import secrets_for
from vedette.commands.signing_options import signed_at_close

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from missions.briefs.places import GeoLine
    from operations.consultation import Access, Consultation
    from operations.finding.archive import Archive
    from operations.finding.selection import ThingSelection
    from operations.store import OperationStore

Operations = Annotated[list[Path], typer.Argument(help="Operation folders, one or several.")]
Classes = Annotated[list[str] | None, typer.Option("--class", help="What it was taken for; again for more.")]
FromTime = Annotated[str | None, typer.Option("--from", help="From this moment on, as 2026-01-01T18:00+01:00.")]
ToTime = Annotated[str | None, typer.Option("--to", "--until", help="Up to this moment.")]
UntilTime = Annotated[str | None, typer.Option("--until", help="Up to this moment.")]
"""Where `--to` is something else."""
AreaFile = Annotated[Path | None, typer.Option("--area", help="Polygons (GeoJSON, KML, GeoPackage, Shapefile).")]
BriefFile = Annotated[Path | None, typer.Option("--brief", help="brief.toml: its border is measured to.")]
BorderFile = Annotated[Path | None, typer.Option("--border", help="Border lines, instead of a brief.")]
NearBorder = Annotated[float | None, typer.Option("--near-border-m", min=0.0, help="Came this near the border.")]
Verdicts = Annotated[
    list[str] | None, typer.Option("--verdict", help="confirmed, dismissed, undecided, or none; again for more.")
]
MinScore = Annotated[float | None, typer.Option("--min-score", min=0.0, max=1.0, help="Least score of its best hit.")]
TrackIds = Annotated[list[str] | None, typer.Option("--track", help="Ids of tracks or single hits.")]
Singles = Annotated[bool, typer.Option("--singles", help="Also hits that belong to no track.")]
Zone = Annotated[
    str | None,
    typer.Option("--utc-offset", help="Zone of local times, as Europe/Warsaw or +02:00 (default: the machine's)."),
]
Actor = Annotated[str | None, typer.Option("--actor", help="Whose name goes into the log (default: the login).")]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The options of a question as they were typed."""

    classes: Sequence[str] | None = None
    from_time: str | None = None
    to_time: str | None = None
    area: Path | None = None
    brief: Path | None = None
    border: Path | None = None
    near_border_m: float | None = None
    verdicts: Sequence[str] | None = None
    min_score: float | None = None
    tracks: Sequence[str] | None = None
    singles: bool = False

    def selection(self) -> ThingSelection:
        """Read the files named, and return what is wanted.

        Raises
        ------
        InputError
            One sentence that names the option.
        """
        from operations.finding.border import BorderLine
        from operations.finding.ground import Ground
        from operations.finding.selection import NOBODY, ThingSelection
        from operations.finding.verdict_marks import DECISIONS

        known = (*DECISIONS, NOBODY)
        for verdict in self.verdicts or ():
            if verdict not in known:
                raise InputError(f"--verdict: {verdict!r}{did_you_mean(verdict, known)} is none of {', '.join(known)}")
        lines = self.border_lines()
        return ThingSelection(
            classes=tuple(self.classes or ()),
            from_utc_ns=parse_moment(self.from_time, "--from"),
            to_utc_ns=parse_moment(self.to_time, "--to"),
            score_min=self.min_score,
            verdicts=tuple(self.verdicts or ()),
            thing_ids=tuple(self.tracks or ()),
            area=None if self.area is None else Ground.read(self.area),
            border=BorderLine(lines) if lines else None,
            near_border_m=self.near_border_m,
            singles=self.singles,
        )

    def border_lines(self) -> Sequence[GeoLine]:
        """Read the border that the brief or the file named draws; none where neither is named."""
        from missions.briefs.brief_file import read_brief
        from missions.briefs.brief_geometry_file import read_lines

        if self.brief is not None and self.border is not None:
            raise InputError("--brief and --border exclude each other: keep one of them")
        if self.brief is not None:
            return read_brief(self.brief).border.lines
        return () if self.border is None else read_lines(self.border, "--border")

    def told(self) -> dict[str, Any]:
        """Return what the log keeps of it: what was asked, not where files lie."""
        plain = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        asked = {name: value for name, value in plain.items() if value not in (None, False, (), [])}
        return {name: value.name if isinstance(value, Path) else value for name, value in asked.items()}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Open operations, with the right to look into each."""

    archive: Archive
    consultations: tuple[Consultation, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks, for which case and why, and what opens the operations."""

    actor: str | None
    case: str | None
    reason: str | None
    key_file: Path | None
    passphrase_file: Path | None

    @contextlib.contextmanager
    def opened(self, operations: Sequence[Path], access: Access, what: str) -> Iterator[Asked]:
        """Open operations for one question; without case and reason it is refused and the attempt logged."""
        from operations.arrow_alone import leave_pandas_out
        from operations.consultation import consult
        from operations.finding.archive import Archive
        from operations.store import OperationStore

        leave_pandas_out()
        who = self.actor or getpass.getuser()
        with contextlib.ExitStack() as stack:
            stores: dict[Path, OperationStore] = {}
            for path, secret in secrets_for(operations, self.key_file, self.passphrase_file).items():
                store = OperationStore.open(path, actor=who, clock=utc_now_ns, secret=secret)
                stores[path] = stack.enter_context(signed_at_close(store))
            _tell_copies(stores)
            granted = tuple(
                consult(store, access=access, what=what, case=self.case, reason=self.reason)
                for store in stores.values()
            )
            yield Asked(archive=stack.enter_context(Archive(tuple(stores.values()))), consultations=granted)


def _tell_copies(stores: Mapping[Path, OperationStore]) -> None:
    """Say which of the operations named are copies of one: their things are found once in each."""
    first: dict[str, Path] = {}
    for path, store in stores.items():
        other = first.setdefault(store.id, path)
        if other != path:
            ERRORS.print(
                f"note: {other} and {path} are copies of one operation: what both hold is found twice; name one of "
                "them, or make one of them with 'vedette merge'",
                soft_wrap=True,
            )


def require_new(out: Path) -> None:
    """Refuse a file that cannot be made, before anything is in a log.

    Raises
    ------
    RefusedError
        When it exists already: nothing that left is written over.
    InputError
        When its folder does not exist.
    """
    if out.exists():
        raise RefusedError(f"{out} exists already; name another file or move it away", path=str(out))
    if not out.parent.is_dir():
        raise InputError(f"{out}: there is no folder {out.parent}; make it, or name another", path=str(out))


def require_new_stream(out: Path) -> None:
    """Refuse, as `require_new` does, and another ending than that of the transport stream which is written.

    Raises
    ------
    RefusedError, InputError
        See `require_new`; or the name ends otherwise.
    """
    require_new(out)
    if out.suffix.lower() != ".ts":
        raise InputError(
            f"{out}: what is written is an MPEG transport stream, whatever it is called: let its name end in .ts",
            path=str(out),
        )


def parse_zone(text: str | None) -> dt.tzinfo | None:
    """Read a zone: a name of the IANA data base, or hours and minutes from UTC; None is the machine's own.

    Raises
    ------
    InputError
        The text is no zone.
    """
    if text is None:
        return None
    if text[:1] in {"+", "-"}:
        return dt.timezone(dt.timedelta(seconds=parse_utc_offset(text, "--utc-offset") or 0.0))
    try:
        return zoneinfo.ZoneInfo(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InputError(f"--utc-offset: {text!r} is no zone; write it as Europe/Warsaw or +02:00") from error
