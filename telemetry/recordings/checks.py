"""The one table of checks: everything that a recording's data are held against, with tolerance and source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from telemetry.klv.klv_check import STREAM_CHECKS
from telemetry.pictures.picture_checks import PICTURE_CHECKS, PictureEvidence
from telemetry.tracks.contradictions import Check, Verdict, judge
from telemetry.tracks.track_checks import TRACK_CHECKS, TrackEvidence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geo.values import PoseSigmas, Terrain
    from telemetry.klv import KlvStream
    from telemetry.tracks.pose_track import PoseTrack, Problem

CHECKS: Final[tuple[Check[TrackEvidence] | Check[PictureEvidence] | Check[KlvStream], ...]] = (
    *TRACK_CHECKS,
    *PICTURE_CHECKS,
    *STREAM_CHECKS,
)
"""Every check: of tracks, of single pictures, of KLV streams."""


def held_against(
    tracks: Sequence[PoseTrack],
    others: Sequence[PoseTrack],
    klv: KlvStream | None,
    terrain: Terrain | None,
    sigmas: PoseSigmas,
) -> Verdict:
    """Hold the tracks of a clip against everything known; what one segment's track fails, the clip fails.

    `klv` is the stream that the tracks were made of, None where they were made of something else.
    """
    problems: list[Problem] = []
    unplaced = ""
    if klv is not None:
        verdict = judge(STREAM_CHECKS, klv, sigmas)
        problems, sigmas = [*verdict.problems], verdict.sigmas
    for track in tracks:
        if not len(track):
            continue
        evidence = TrackEvidence(track=track, others=tuple(other for other in others if len(other)), terrain=terrain)
        verdict = judge(TRACK_CHECKS, evidence, sigmas)
        problems += verdict.problems
        sigmas, unplaced = verdict.sigmas, unplaced or verdict.unplaced
    return Verdict(problems=tuple(problems), sigmas=sigmas, unplaced=unplaced)
