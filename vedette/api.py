"""What the commands do, for Python programs: ``import vedette``.

Nothing heavy is imported before a function that needs it is called. Paths may be `str` or `pathlib.Path`. Errors are
the command line's own: `geo.errors.VedetteError`, each with one sentence in `message` and the `exit_status` that the
command would end with. Nothing here prints.
"""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from geo.errors import VedetteError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geo.values import GroundPoints
    from missions.briefs.brief import Brief
    from missions.checks.check import Judgement
    from missions.flight.values import FlightReport
    from missions.patterns.values import PatternRequest
    from missions.planned import Planned
    from operations.ingest import Ingested
    from telemetry.tracks.pose_track import PoseTrack
    from vedette.operation import Operation
    from vedette.reading import Reading

    Place = str | Path


def plan(brief: Place | Brief, *, search: PatternRequest | None = None, out: Place | None = None) -> Planned:
    """Plan a patrol of a brief's border, or a search within it.

    Parameters
    ----------
    brief
        A brief, or the file that holds it.
    search
        What to search; none for a patrol of the border.
    out
        Folder to write the plan into, as ``vedette plan --out`` does.

    Returns
    -------
    missions.planned.Planned
        The plan with its findings (`plan.findings`), what its cameras see, and the situation it was made in.

    Raises
    ------
    BriefError, InputError
        Naming the key or file.
    PlanRefusedError
        When no sortie can keep the rules: which, where, and the smallest change that would do.
    """
    from missions.airspace.ground_file import open_situation
    from missions.plan_files.plan_folder_file import write_plan_folder
    from missions.tasks.plan_door import PATROL, answered
    from missions.tasks.search import Search

    made = answered(open_situation(_brief(brief)), PATROL if search is None else Search(request=search))
    if out is not None:
        write_plan_folder(made, Path(out))
    return made


def check(
    files: Place | Sequence[Place],
    *,
    brief: Place | Brief | None = None,
    dialect: str | None = None,
    aircraft: str | None = None,
) -> tuple[Judgement, ...]:
    """Judge plan files of any kind, as ``vedette check`` does: legs, turns and ways home, not only waypoints.

    Parameters
    ----------
    files
        Plan files, or folders of them; the format is found by content.
    brief
        What they are held against: border, zones, ground, battery.
    dialect
        ``ardupilot`` or ``px4``; what the file says unless given.
    aircraft
        Which of the brief's aircraft flies them, where it has several.

    Returns
    -------
    tuple of missions.checks.check.Judgement
        One a plan, with its `findings`.

    Raises
    ------
    InputError
        A file cannot be read, or holds no plan.
    """
    from missions.airspace.ground_file import open_situation
    from missions.checks.autopilot_rules_values import settings_for
    from missions.checks.check import check_document
    from missions.checks.check_tried import Tries
    from missions.plan_files.dialect import as_dialect
    from missions.plan_files.plan_sources_file import read_all_plans

    tries = Tries(None if brief is None else open_situation(_brief(brief)), aircraft)
    told = None if dialect is None else as_dialect(dialect)
    judged = []
    for name, document in read_all_plans([files] if isinstance(files, (str, Path)) else files):
        if isinstance(document, VedetteError):
            raise document
        settings = settings_for(document.vehicle_type)
        judge = partial(check_document, document, name=name, dialect=told, settings=settings)
        judged.append(tries.judged(document, judge))
    return tuple(judged)


async def fly(plan_folder: Place, sortie: str, link: str) -> FlightReport:
    """Upload a sortie, prove that it is there, check the vehicle, arm, and watch it to its end.

    The plan must have been approved by a named person (``vedette fly --approve``), exactly as it is now. Calling this
    is the word to arm. Recording, progress and event log go into the plan folder, as with the command.

    Parameters
    ----------
    plan_folder
        As `plan` wrote it.
    sortie
        Which of its sorties.
    link
        ``udp:HOST:PORT`` (listen), ``udpout:HOST:PORT``, ``tcp:HOST:PORT``, ``serial:DEVICE:BAUD``.

    Raises
    ------
    RefusedError
        It is not approved, or a preflight rule forbids the flight.
    LinkError, TransferError
        The vehicle does not answer, or does not keep what was sent.
    """
    return await asyncio.to_thread(_fly, Path(plan_folder), sortie, link)


def _fly(folder: Path, name: str, url: str) -> FlightReport:
    import datetime

    from missions.flight import choose_sortie
    from missions.flight.approval_file import read_plan_to_fly, require_approval
    from missions.flight.session import FlightSession, FlightTask
    from vedette.approval_keys import approval_check, known_keys

    now = datetime.datetime.now(datetime.UTC)
    made = read_plan_to_fly(folder, now)
    approval = require_approval(made, folder, now, approval_check(known_keys()))
    with FlightSession(folder, made, approval) as session:
        session.add(FlightTask(sortie=choose_sortie(made, name), link=url))
        session.prepare()
        (report,) = session.fly()
    if isinstance(report, VedetteError):
        raise report
    return report


def read_track(
    source: Place, *, start: str | None = None, utc_offset: str | None = None, home_alt_amsl_m: float | None = None
) -> PoseTrack:
    """Read where the camera was from any log, subtitle, picture, table or KLV; the format is found by content.

    Parameters
    ----------
    source
        The file.
    start
        UTC at which a recording without a date began, as ``2024-05-01T10:00:00Z``.
    utc_offset
        Zone of the camera's clock, as ``+02:00``.
    home_alt_amsl_m
        Height of the take-off point, for sources that state only heights over it.

    Raises
    ------
    SourceError
        No track is in it.
    """
    from telemetry.tracks.sources import SourceOptions
    from telemetry.tracks.sources import read_track as read
    from telemetry.tracks.stated_times import parse_start, parse_utc_offset

    said = SourceOptions(
        utc_offset_s=parse_utc_offset(utc_offset), home_alt_amsl_m=home_alt_amsl_m, start_utc_ns=parse_start(start)
    )
    return read(source, said)


def locate(
    picture: Place,
    pixels: Sequence[tuple[float, float]],
    *,
    terrain: Place | None = None,
    terrain_datum: str | None = None,
    flat_alt_amsl_m: float | None = None,
    home_alt_amsl_m: float | None = None,
) -> GroundPoints:
    """Place pixels of a drone's picture on the ground, each with covariance and CE90, or with the reason why not.

    Parameters
    ----------
    picture
        A picture with EXIF and XMP that state where its camera was.
    pixels
        (u, v) from the top-left corner, x right and y down.
    terrain
        GeoTIFF, ``.hgt``, DTED, or a folder of tiles.
    terrain_datum
        What its heights count from where it does not say: ``egm96``, ``hae``, or a geoid's grid file.
    flat_alt_amsl_m
        A plane at this height instead.
    home_alt_amsl_m
        Height of the take-off point; the picture's height over it is then used.

    Raises
    ------
    InputError
        The picture states no pose, a pixel lies outside it, or beside the centre of one that does not name its lens.
    """
    from geo.locate import locate as place
    from geo.stated_ground_file import read_stated_ground
    from geo.values import PoseSigmas
    from telemetry.pictures.picture_view import read_view

    ground = read_stated_ground(None if terrain is None else Path(terrain), flat_alt_amsl_m, datum=terrain_datum)
    usual = PoseSigmas(yaw_deg=2.0, pitch_deg=1.0, terrain_m=2.0)
    view = read_view(Path(picture), usual, ground, home_alt_amsl_m=home_alt_amsl_m)
    view.require_placeable(pixels, "use a picture that names its lens")
    return place(poses=view.pose, camera=view.camera, uv_px=list(pixels), terrain=ground, sigmas=view.sigmas)


def ingest(
    sources: Place | Sequence[Place],
    out: Place,
    reading: Reading | None = None,
    *,
    name: str = "operation",
    actor: str | None = None,
) -> tuple[Ingested, ...]:
    """Read recordings into an operation folder: detect, place on the ground, link into tracks, keep all of it.

    Tracks that are likely one thing, seen on several passes, are joined.

    Parameters
    ----------
    sources
        Clips, pictures, folders or whole cards; files beside a clip are found.
    out
        Operation folder: a new one, or one to add to.
    reading
        The ground, the detector and what is stated of the recordings, as `vedette.Reading(terrain="dem/")`; without
        ground nothing is placed.
    name, actor
        Of a new operation; and whose name goes into the log (the login unless given).

    Raises
    ------
    InputError
        A source is not there or cannot be read; what was ingested before it stays.
    """
    import getpass
    import time

    from operations.ingest import IngestJob
    from operations.ingest import ingest as take
    from operations.same_things import join_same
    from operations.store import OperationStore
    from vedette.reading import Reading

    how = reading or Reading()
    settings, (detector, described) = how.settings(), how.detector()
    cards = how.cards([sources] if isinstance(sources, (str, Path)) else sources)
    who = actor or getpass.getuser()
    with OperationStore.open_or_create(Path(out), name=name, actor=who, clock=time.time_ns) as store:
        job = IngestJob(store=store, detector=detector, model=described, settings=settings)
        done = tuple(take(recording, job) for card in cards for recording in card.recordings)
        join_same(store)
    return done


def map(operation: Operation, out: Place, *, brief: Place | Brief | None = None) -> Path:  # noqa: A001 - what it makes
    """Write an operation's tracks, hits, events and coverage as one page that needs no network; return its path."""
    from maps.offline_map import write_map
    from maps.operation_map import Surroundings, operation_map
    from missions.briefs.brief_file import terrain_of
    from operations.finding.archive import Archive

    drawn = None if brief is None else _brief(brief)
    with Archive([operation.store]) as archive:
        content = operation_map(archive, Surroundings(brief=drawn, terrain=terrain_of(drawn) if drawn else None))
    operation.told("map", {"path": str(out)})
    return Path(write_map(content, Path(out)).path)


def _brief(brief: Place | Brief) -> Brief:
    from missions.briefs.brief_file import read_brief

    return read_brief(Path(brief)) if isinstance(brief, (str, Path)) else brief
