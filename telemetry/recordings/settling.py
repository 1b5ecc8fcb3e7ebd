"""Which of a clip's pose sources poses it: each is tried in order, and what is not used says why."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.errors import VedetteError
from telemetry.pictures.picture_metadata import ESTIMATED_FOCAL_REL
from telemetry.recordings.candidates import Candidate, candidate_of
from telemetry.recordings.checks import held_against
from telemetry.recordings.mounts import has_camera_angles, mounted
from telemetry.recordings.recording import LeftOut, Pairing, PoseSource, SourceKind
from telemetry.recordings.slow_angles import bridged
from telemetry.tracks.pose_track import Problem
from telemetry.tracks.time_bases import ahead_of_now
from telemetry.videos.posing import Posing, klv_posing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telemetry.recordings.reading_options import ReadingOptions
    from telemetry.recordings.recording import Recording
    from telemetry.tracks.pose_track import PoseTrack
    from telemetry.videos.video_file import StreamFacts
    from telemetry.videos.video_scan import ClipTelemetry

NO_LENS: Final = "no_field_of_view"
"""Kind of the problem that nothing tells the lens."""


SAME_ROLL_DEG: Final = 30.0
"""A gimbal that holds the horizon rolls less; one that films upright is 60 degrees further."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What poses a clip, in a phrase each: what was used and what not."""

    posing: Posing
    used: tuple[str, ...]
    unused: tuple[LeftOut, ...]


def settle(
    clip: ClipTelemetry,
    facts: StreamFacts,
    recording: Recording,
    options: ReadingOptions,
    given: Candidate | None = None,
) -> Settled:
    """Choose what poses a clip: the first source with camera angles, else the first with positions.

    A person's choice comes first (also `given`, which is no file: the link beside a live stream), then what lies in the
    file (KLV, subtitles, metadata tracks), then files of its name, then logs of its time.
    """
    whole: Candidate | None = given if given is not None and has_camera_angles(given.posing.tracks[0]) else None
    partial: list[Candidate] = [given] if given is not None and whole is None else []
    spare: list[Candidate] = []
    unused: list[LeftOut] = []
    for source in _in_order(clip, recording):
        if whole is not None and source.pairing in (Pairing.TIME, Pairing.ALONE):
            unused.append(LeftOut(name=source.describe(), why=f"not needed: {whole.source.describe()} poses the clip"))
            continue
        try:
            found = candidate_of(source, clip, facts, recording, options)
        except VedetteError as error:
            unused.append(LeftOut(name=source.describe(), why=error.message))
            continue
        if not has_camera_angles(found.posing.tracks[0]):
            partial.append(found)
        elif whole is None:
            whole = found
        else:
            spare.append(found)
    chosen = whole or (partial.pop(0) if partial else None)
    if chosen is None:
        return _nothing(clip, facts, options, unused)
    for other in (*spare, *partial):
        why = f"held against {chosen.source.describe()}, which poses the clip"
        unused.append(LeftOut(name=other.source.describe(), why=why))
    return _finish(chosen, [*spare, *partial], clip, recording, options, unused)


def _in_order(clip: ClipTelemetry, recording: Recording) -> list[PoseSource]:
    """Order sources by how surely they belong to the clip; the chosen KLV stands for all that it carries."""
    path = recording.paths[0]
    inside = [s for s in recording.sources if s.pairing is Pairing.INSIDE and s.kind is not SourceKind.KLV]
    listed = {source.number for source in inside}
    for side in clip.sides:
        if side.kind == "text" and side.number not in listed:
            kind = SourceKind.SUBTITLES
            inside.insert(0, PoseSource(kind=kind, path=path, pairing=Pairing.INSIDE, number=side.number))
    if len(clip.klv):
        number = clip.klv_number
        inside.insert(0, PoseSource(kind=SourceKind.KLV, path=path, pairing=Pairing.INSIDE, number=number))
    by = {pairing: [s for s in recording.sources if s.pairing is pairing] for pairing in Pairing}
    after = (Pairing.NAME, Pairing.SHARED, Pairing.TIME, Pairing.ALONE)
    return [*by[Pairing.STATED], *inside, *(source for pairing in after for source in by[pairing])]


def _nothing(clip: ClipTelemetry, facts: StreamFacts, options: ReadingOptions, unused: list[LeftOut]) -> Settled:  # noqa: ARG001
    """Give the clip its own clock, if any, and say why nothing poses it."""
    posing = klv_posing(clip, source="", start_utc_ns=options.start_utc_ns, undulation=options.undulation)
    why = "nothing in or beside this clip says where the camera was"
    if unused:
        why = f"{why} ({unused[0].name}: {unused[0].why})"
    problem = Problem(kind="no_pose_source", message=f"{why}; state a log with --track FILE")
    posing = dataclasses.replace(posing, problems=(*posing.problems, problem), no_pose=why)
    return Settled(posing=posing, used=(), unused=tuple(unused))


def _finish(
    chosen: Candidate,
    others: list[Candidate],
    clip: ClipTelemetry,
    recording: Recording,
    options: ReadingOptions,
    unused: list[LeftOut],
) -> Settled:
    """Add the mount where the source has no camera angles, and hold the poses against everything else there is."""
    posing, sigmas = chosen.posing, options.sigmas
    problems = list(posing.problems)
    used = [chosen.source.describe()]
    refusal = ""
    tracks = posing.tracks
    if not any(has_camera_angles(track) for track in tracks):
        if options.mount is None:
            refusal = _no_angles(chosen)
            text = f"{refusal}; state it with --mount YAW,PITCH,ROLL"
            problems.append(Problem(kind="no_camera_angles", message=text))
        else:
            given = [mounted(track, options.trusted_mount or options.mount, sigmas) for track in tracks]
            tracks, sigmas = tuple(track for track, _, _ in given), given[0][1]
            problems += given[0][2]
            used.append(options.mount.describe())
    elif options.mount is not None:
        why = "the source says where the camera looks"
        unused.append(LeftOut(name=options.mount.describe(), why=why))
    turned, unsure = _turned(chosen, recording, options)
    problems += turned
    problems += _no_lens(tracks, options, used[0])
    gaps = bridged(tracks, sigmas, posing.clock.utc_ns(clip.picture_pts_s, clip.picture_segment))
    sigmas = gaps.sigmas
    problems += gaps.problems
    if any(problem.kind == "fov_estimated" for problem in problems):
        sigmas = dataclasses.replace(sigmas, focal_rel=max(sigmas.focal_rel, ESTIMATED_FOCAL_REL))
    klv = clip.klv if chosen.source.kind is SourceKind.KLV else None
    verdict = held_against(tracks, [other.posing.tracks[0] for other in others], klv, options.terrain, sigmas)
    problems += verdict.problems
    if any(segment.dated for segment in posing.clock.segments):
        last_utc_ns = max((int(track.t_utc_ns[-1]) for track in tracks if len(track)), default=0)
        problems += ahead_of_now(last_utc_ns, options.clock())
    changed = dataclasses.replace(
        posing,
        tracks=tracks,
        problems=tuple(dict.fromkeys(problems)),
        refusal=refusal or unsure or verdict.unplaced,
        max_attitude_gap_s=gaps.attitude_s,
        max_position_gap_s=gaps.position_s,
        sigmas=verdict.sigmas if verdict.sigmas != options.sigmas else None,
    )
    return Settled(posing=changed, used=tuple(used), unused=tuple(unused))


def _no_lens(tracks: Sequence[PoseTrack], options: ReadingOptions, name: str) -> list[Problem]:
    """Say where neither source nor person tells the lens: its poses are whole, and nothing is placed by them."""
    if options.camera is not None or any(np.isfinite(track.hfov_deg).any() for track in tracks):
        return []
    text = f"{name} says nothing of how wide the camera sees; state its name or field of view with --camera"
    return [Problem(kind=NO_LENS, message=text)]


def _turned(chosen: Candidate, recording: Recording, options: ReadingOptions) -> tuple[list[Problem], str]:
    """Say where players turn the pictures, and refuse angles that may be those of the turned picture.

    KLV is of the sensor, and a stated mount of the pictures as they are stored. A source that states a roll as large as
    the turn has told it itself.
    """
    turned_deg = next((one.turned_deg for one in recording.streams if one.index == options.stream), 0)
    if not turned_deg or chosen.source.kind is SourceKind.KLV:
        return [], ""
    text = f"players turn this clip by {turned_deg} degrees; pixels count as they are stored"
    track = chosen.posing.tracks[0]
    rolls_deg = np.abs(track.gimbal_roll_deg[np.isfinite(track.gimbal_roll_deg)])
    tells = len(rolls_deg) and abs(float(np.median(rolls_deg)) - min(turned_deg, 360 - turned_deg)) < SAME_ROLL_DEG
    if tells or not has_camera_angles(track):
        return [Problem(kind="orientation", message=text)], ""
    unsure = (
        f"{text}, and whether the angles of {chosen.source.describe()} are those of the picture as it is stored or as "
        "it is shown is not known; store it upright, without the turn, and ingest that"
    )
    return [Problem(kind="orientation", message=unsure)], unsure


def _no_angles(chosen: Candidate) -> str:
    name = chosen.source.describe()
    if np.isfinite(chosen.posing.tracks[0].yaw_deg).any():
        return (
            f"{name} has the aircraft's attitude but says nothing of a gimbal: a fixed camera, whose mount is not known"
        )
    return f"{name} has positions only, and says nothing of where the camera looks"
