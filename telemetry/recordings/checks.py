"""The one table of checks: everything that a recording's data are held against, with tolerance and source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from telemetry.pictures.picture_checks import PICTURE_CHECKS, PictureEvidence
from telemetry.tracks.contradictions import Check, Verdict, judge
from telemetry.tracks.track_checks import TRACK_CHECKS, TrackEvidence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geo.values import PoseSigmas, Terrain
    from telemetry.tracks.pose_track import PoseTrack, Problem

CHECKS: Final[tuple[Check[TrackEvidence] | Check[PictureEvidence], ...]] = (*TRACK_CHECKS, *PICTURE_CHECKS)
"""Every check, of tracks and of single pictures."""


def held_against(
    tracks: Sequence[PoseTrack], others: Sequence[PoseTrack], terrain: Terrain | None, sigmas: PoseSigmas
) -> Verdict:
    """Hold the tracks of a clip against everything known; what one segment's track fails, the clip fails."""
    problems: list[Problem] = []
    unplaced = ""
    for track in tracks:
        if not len(track):
            continue
        evidence = TrackEvidence(track=track, others=tuple(other for other in others if len(other)), terrain=terrain)
        verdict = judge(TRACK_CHECKS, evidence, sigmas)
        problems += verdict.problems
        sigmas, unplaced = verdict.sigmas, unplaced or verdict.unplaced
    return Verdict(problems=tuple(problems), sigmas=sigmas, unplaced=unplaced)
