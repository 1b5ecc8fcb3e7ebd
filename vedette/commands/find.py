"""``vedette find``: what was found near the border, in an area, at a time, over all operations given."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from geo.near_words import did_you_mean
from vedette.commands.purpose_options import CaseNumber, Reason, tell_viewed
from vedette.commands.question_options import (
    Actor,
    AreaFile,
    Asker,
    BorderFile,
    BriefFile,
    Classes,
    FromTime,
    MinScore,
    NearBorder,
    Operations,
    Question,
    Singles,
    ToTime,
    TrackIds,
    Verdicts,
    Zone,
    parse_zone,
)  # fmt: skip
from vedette.commands.screen import ERRORS, print_json, print_wide
from vedette.commands.secret_options import KeyFile, PassphraseFile

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from operations.finding.selection import Found
    from vedette.commands.question_options import Asked

app = typer.Typer(add_completion=False)


@app.command(
    epilog="Example: vedette find night-1 night-2 --class person --brief brief.toml --near-border-m 300 "
    '--case 2026-0412 --reason "group at km 31" --map near.html'
)
def find(
    operations: Operations,
    classes: Classes = None,
    near_border_m: NearBorder = None,
    brief: BriefFile = None,
    border: BorderFile = None,
    from_time: FromTime = None,
    to_time: ToTime = None,
    area: AreaFile = None,
    verdicts: Verdicts = None,
    min_score: MinScore = None,
    tracks: TrackIds = None,
    singles: Singles = False,
    limit: Annotated[int, typer.Option(min=1, help="Most things shown; the newest.")] = 200,
    zone: Zone = None,
    as_map: Annotated[Path | None, typer.Option("--map", help="Write one page with them, for any browser.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
    case: CaseNumber = None,
    reason: Reason = None,
    key_file: KeyFile = None,
    passphrase_file: PassphraseFile = None,
    actor: Actor = None,
) -> None:
    """List things that were found: tracks, newest first, with place, time, recording and distance from the border.

    A thing's place is where it was last in the time and area asked for; `closest` is how near it came to the border.
    """
    from operations.consultation import Access
    from operations.finding.described import described
    from operations.finding.selection import find as ask
    from operations.finding.thing_index import ThingIndex

    question = Question(
        classes=classes, from_time=from_time, to_time=to_time, area=area, brief=brief, border=border,
        near_border_m=near_border_m, verdicts=verdicts, min_score=min_score, tracks=tracks, singles=singles,
    )  # fmt: skip
    selection, local = question.selection(), parse_zone(zone)
    asker = Asker(actor=actor, case=case, reason=reason, key_file=key_file, passphrase_file=passphrase_file)
    with asker.opened(operations, Access.VIEW, "find") as asked:
        index = ThingIndex(asked.archive)
        found = ask(asked.archive, index, selection, limit=limit)
        if not found.total and selection.classes:
            beside = ask(asked.archive, index, dataclasses.replace(selection, classes=()))
            _tell_other_classes(selection.classes, set(beside.things.text["class_name"].texts().tolist()))
        logged = tell_things(asked, found, "find", question.told())
        rows = [described(thing, asked.archive, local) for thing in found.things]
        if as_map is not None:
            _write_map(asked, found, question, local, as_map)
    if as_json:
        print_json({"things": rows, "total": found.total, "single_hits_left": found.singles_left, "logged": logged})
        return
    if rows:
        print_wide(_table(rows, several=len(operations) > 1))
    ERRORS.print(summary(found))


def _tell_other_classes(asked: Sequence[str], there: set[str]) -> None:
    """Say what else the things were taken for where none was taken for what was asked: it may be a slip."""
    if there:
        names = ", ".join(f"{name!r}{did_you_mean(name, sorted(there))}" for name in asked)
        ERRORS.print(
            f"note: no thing of that time and place was taken for {names}; others were taken for "
            f"{', '.join(sorted(there))}",
            soft_wrap=True,
        )


def tell_things(asked: Asked, found: Found, what: str, told: dict[str, Any]) -> bool:
    """Log in each operation what is about to be shown of it; True when every log has it."""
    sources = found.things.number["source"].tolist()
    names = found.things.ids["thing_id"].texts().tolist()
    logged = []
    for number, consultation in enumerate(asked.consultations):
        shown = [name for name, source in zip(names, sources, strict=True) if source == number]
        logged.append(tell_viewed(consultation, what, {"asked": told, "things": shown}))
    return all(logged)


def summary(found: Found) -> str:
    """Say how many there are, and what was left out."""
    shown = len(found.things)
    said = f"{found.total} things" if shown == found.total else f"{shown} of {found.total} things, the newest (--limit)"
    if found.singles_left:
        said += f"; {found.singles_left} single hits that belong to no track match as well (--singles)"
    return f"{said}. Machine assessments; a person decides."


def _write_map(asked: Asked, found: Found, question: Question, zone: dt.tzinfo | None, path: Path) -> None:
    from maps.offline_map import write_map
    from maps.operation_map import Surroundings, found_map

    around = Surroundings(border=question.border_lines(), zone=zone)
    report = write_map(found_map(asked.archive, found.things, around, title="Things found"), path)
    ERRORS.print(f"{report.path}: {report.bytes / 1e6:.1f} MB; open it in any browser")


def _table(rows: list[dict[str, Any]], *, several: bool) -> Table:
    heads = [
        "id",
        "assessed as",
        "prob.",
        "local time",
        "MGRS",
        "CE90",
        "border",
        "closest",
        "recording",
        "at",
        "decision",
    ]
    table = Table(*heads, *(["operation"] if several else []), box=None, pad_edge=False)
    for row in rows:
        table.add_row(*_cells(row), *([row["operation"]] if several else []))
    return table


def _cells(row: dict[str, Any]) -> list[str]:
    sure = f"{row['score']:.2f} (score)" if row["probability"] is None and row["score"] is not None else ""
    away = "" if row["border_m"] is None else f"{row['border_m']:.0f} m, {round(row['border_bearing_deg']) % 360:03d}°"
    return [
        row["id"],
        row["assessed_class"],
        sure if row["probability"] is None else f"{row['probability']:.2f}",
        row["local"] or "no date",
        row["mgrs"] or f"no place: {row['no_place_because']}",
        "" if row["ce90_m"] is None else f"{row['ce90_m']:.0f} m",
        away,
        "" if row["closest_to_border_m"] is None else f"{row['closest_to_border_m']:.0f} m",
        row["recording"] or "",
        row["media_time"] or "",
        "" if row["decision"].startswith("nobody") else row["decision"],
    ]
