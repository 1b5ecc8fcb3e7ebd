"""``vedette seen``: when the flights of operations saw a piece of ground."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from geo.errors import InputError
from telemetry.tracks.stated_times import parse_span
from vedette.commands.places import read_place
from vedette.commands.purpose_options import CaseNumber, Reason, tell_viewed
from vedette.commands.question_options import Actor, AreaFile, Asker, FromTime, Operations, ToTime, Zone, parse_zone
from vedette.commands.screen import ERRORS, counted, print_json, print_wide
from vedette.commands.secret_options import KeyFile, PassphraseFile

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from operations.finding.archive import Archive
    from operations.finding.ground import Ground
    from operations.finding.seen import Seen

app = typer.Typer(add_completion=False)

_NOT_CERTAIN = "a footprint is worked out every few seconds, and says nothing of what stood behind a hill"


@app.command(
    epilog='Example: vedette seen night-1 night-2 --at 52.0862,23.5411 --case 2026-0412 --reason "tracks at km 31"'
)
def seen(
    operations: Operations,
    at: Annotated[str | None, typer.Option(help="LAT,LON of a place, in degrees.")] = None,
    area: AreaFile = None,
    from_time: FromTime = None,
    to_time: ToTime = None,
    zone: Zone = None,
    limit: Annotated[int, typer.Option(min=1, help="Most passes shown; the newest.")] = 200,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
    case: CaseNumber = None,
    reason: Reason = None,
    key_file: KeyFile = None,
    passphrase_file: PassphraseFile = None,
    actor: Actor = None,
) -> None:
    """List every stretch of time in which a camera had a place, or any of an area, in its picture; newest first.

    Exit status 1 when it was not seen.
    """
    from operations.consultation import Access
    from operations.finding.seen import FootprintIndex
    from operations.finding.seen import seen as ask

    ground, local = _ground(at, area), parse_zone(zone)
    start, end = parse_span(from_time, to_time)
    asker = Asker(actor=actor, case=case, reason=reason, key_file=key_file, passphrase_file=passphrase_file)
    with asker.opened(operations, Access.VIEW, "seen") as asked:
        answer = ask(asked.archive, FootprintIndex(asked.archive), ground, from_utc_ns=start, to_utc_ns=end)
        for consultation in asked.consultations:
            told = {"ground": ground.described(), "passes": len(answer.passes)}
            tell_viewed(consultation, "seen", told)
        rows = [_row(answer, number, asked.archive, local) for number in range(min(limit, len(answer.passes)))]
        verdict = _verdict(answer, local)
    if as_json:
        print_json({"passes": rows, "total": len(answer.passes), **_facts(answer, local)})
    else:
        if rows:
            print_wide(_table(rows))
        ERRORS.print(verdict)
    if not answer.passes:
        raise typer.Exit(1)


def _ground(at: str | None, area: Path | None) -> Ground:
    from operations.finding.ground import Ground

    if (at is None) == (area is None):
        raise InputError("give either --at LAT,LON or --area FILE")
    if area is not None:
        return Ground.read(area)
    return Ground.point(*read_place(at or "", "--at"))


def _row(answer: Seen, number: int, archive: Archive, zone: dt.tzinfo | None) -> dict[str, Any]:
    from operations.finding.described import local_text, media_text, utc_text

    one = answer.passes[number]
    known = one.from_utc_ns >= 0 and one.to_utc_ns >= 0
    return {
        "from_utc": utc_text(one.from_utc_ns),
        "to_utc": utc_text(one.to_utc_ns),
        "from_local": local_text(one.from_utc_ns, zone),
        "seconds": round((one.to_utc_ns - one.from_utc_ns) / 1e9, 3) if known else None,
        "looks": one.looks,
        "recording": archive.media_name(one.source, one.media_id),
        "from_media_time": media_text(one.media_from_ns),
        "to_media_time": media_text(one.media_to_ns),
        "frame": one.frame_index,
        "stream": one.stream,
        "operation": archive.stores[one.source].name,
        "run": one.run_id,
    }


def _facts(answer: Seen, zone: dt.tzinfo | None) -> dict[str, Any]:
    from operations.finding.described import local_text, utc_text

    return {
        "seen": bool(answer.passes),
        "last_utc": utc_text(answer.last_utc_ns),
        "last_local": local_text(answer.last_utc_ns, zone),
        "runs_looked_through": answer.recordings,
        "runs_without_footprints": len(answer.without_footprints),
        "limits": _NOT_CERTAIN,
    }


def _verdict(answer: Seen, zone: dt.tzinfo | None) -> str:
    from operations.finding.described import local_text

    last = local_text(answer.last_utc_ns, zone)
    if not answer.passes:
        said = f"not seen: no footprint of {counted(answer.recordings, 'run')} holds it ({_NOT_CERTAIN})"
    else:
        when = f"last seen {last}" if last else "seen, at times that are not known"
        undated = sum(one.to_utc_ns < 0 for one in answer.passes)
        said = f"{when}; {len(answer.passes)} {'pass' if len(answer.passes) == 1 else 'passes'}" + (
            f", {undated} without a date" if undated else ""
        )
    if answer.without_footprints:
        unknown = counted(len(answer.without_footprints), "run")
        said += f"; of {unknown} no footprint is known, so what they saw is not known"
    return said


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table("from (local)", "seconds", "looks", "recording", "at", "to", "operation", box=None, pad_edge=False)
    for row in rows:
        table.add_row(
            row["from_local"] or "no date",
            "" if row["seconds"] is None else f"{row['seconds']:.1f}",
            str(row["looks"]),
            row["recording"],
            row["from_media_time"] or "",
            row["to_media_time"] or "",
            row["operation"],
        )
    return table
