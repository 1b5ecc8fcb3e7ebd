"""``vedette map``: the self-contained map of an operation folder."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from geo.errors import InputError
from vedette.commands.purpose_options import CaseNumber, Reason, tell_viewed
from vedette.commands.question_options import Zone, parse_zone
from vedette.commands.screen import ERRORS, counted, line, print_json, utc_now_ns
from vedette.commands.secret_options import KeyFile, PassphraseFile, secret_for
from vedette.commands.signing_options import signed_at_close

if TYPE_CHECKING:
    from missions.planned import Planned

app = typer.Typer(add_completion=False)


@app.command(name="map")
def map_operation(
    operation: Annotated[Path, typer.Argument(help="An operation folder.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The page to write (default: beside the folder).")
    ] = None,
    brief: Annotated[Path | None, typer.Option(help="brief.toml: draws border, standoff and zones.")] = None,
    plan: Annotated[Path | None, typer.Option(help="Plan folder: draws the planned legs.")] = None,
    frames_mb: Annotated[
        float, typer.Option("--frames", min=0.0, max=500.0, help="MB of whole frames from the originals, best first.")
    ] = 0.0,
    basemap: Annotated[
        Path | None, typer.Option(help="MBTiles, PMTiles or GeoTIFF: what it has of this ground goes into the page.")
    ] = None,
    basemap_mb: Annotated[float, typer.Option(min=0.1, max=500.0, help="MB its tiles may take.")] = 20.0,
    lean: Annotated[
        bool, typer.Option("--lean", help="Hits with position, time, class and score alone: under half the size.")
    ] = False,
    zone: Zone = None,
    case: CaseNumber = None,
    reason: Reason = None,
    key_file: KeyFile = None,
    passphrase_file: PassphraseFile = None,
    actor: Annotated[str | None, typer.Option(help="Whose name goes into the log (default: the login).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object on standard output.")] = False,
) -> None:
    """Write one page with tracks, hits, events and coverage that opens without any network.

    Example: vedette map night-1 --case 2026-0412 --reason "group at km 31" --brief brief.toml --out night-1.html
    """
    from maps.offline_map import external_references, write_map
    from maps.operation_map import Surroundings, operation_map
    from missions.briefs.brief_file import read_brief, terrain_of
    from missions.plan_files.plan_folder_file import read_plan_folder
    from operations.arrow_alone import leave_pandas_out
    from operations.consultation import Access, consult
    from operations.finding.archive import Archive
    from operations.store import OperationStore

    leave_pandas_out()
    drawn = read_brief(brief) if brief else None
    secret = secret_for(operation, key_file, passphrase_file)
    if secret is not None and out is None:
        raise InputError(
            f"a map of {operation} can be read by everybody, and that is encrypted: name a page with --out if it is "
            "meant",
            path=str(operation),
        )
    target = out or operation.resolve().with_name(f"{operation.resolve().name}.html")
    who = actor or getpass.getuser()
    with signed_at_close(OperationStore.open(operation, actor=who, clock=utc_now_ns, secret=secret)) as store:
        if store.why_not_writable and out is None:
            raise InputError(f"{operation} cannot be written: name the page with --out", path=str(operation))
        consultation = consult(store, access=Access.VIEW, what="map", case=case, reason=reason)
        around = Surroundings(
            brief=drawn,
            plan=read_plan_folder(plan) if plan else None,
            terrain=terrain_of(drawn) if drawn else None,
            zone=parse_zone(zone),
            frames_mb=frames_mb,
            lean=lean,
            basemap=basemap,
            basemap_mb=basemap_mb,
        )
        with Archive([store]) as archive:
            content = operation_map(archive, around)
        logged = tell_viewed(consultation, "map", {"path": str(target), "hits": content.hits})
        report = write_map(content, target)
    if as_json:
        requests = external_references(Path(report.path).read_text(encoding="utf-8"))
        print_json(
            {
                "path": report.path,
                "bytes": report.bytes,
                "hits": report.hits,
                "external_requests": requests,
                "logged": logged,
                "problems": list(content.problems),
            }
        )
    else:
        for problem in content.problems:
            ERRORS.print(line(("left out:", "yellow"), f" {problem}"))
        ERRORS.print(
            f"{report.path}: {counted(report.hits, 'hit')}, {report.bytes / 1e6:.1f} MB; open it in any browser"
        )
    if content.problems:
        raise typer.Exit(1)


def write_plan_map(planned: Planned, folder: Path) -> None:
    """Write `map.html` into a plan folder."""
    from maps.offline_map import write_map
    from maps.plan_map import plan_map

    write_map(plan_map(planned), folder / "map.html")
