"""The demo's last stage: everything measured against what the simulator knows."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from detection.calibration import reliability
from detection.scoring import InView, Sightings, ground_errors, match
from detection.track_stitching import STITCH_GAP_S
from detection.truth_file import read_film_truth
from geo.footprint import footprint
from geo.values import CameraModel, GimbalFrame, Pose
from missions.airspace.corridor import build_corridor
from missions.plan_files.plan_folder_file import sortie_length_m
from missions.sight.coverage import covered_pct
from operations.analysis import FOOTPRINT_RANGE_M
from operations.regrouping import Regrouping
from sitl.vehicle.truth_file import read_truth
from telemetry.videos.stream_writer_file import START_TICKS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from detection.ground_hits import GroundHits
    from geo.values import Terrain
    from missions.briefs.brief import Brief
    from missions.plan import Plan
    from operations.store import OperationStore
    from operations.values import RunRecord
    from vedette.demo.flight import SortieFlight

START_NS: Final = START_TICKS * 1_000_000_000 // 90_000
"""Presentation time of a film's first picture."""
_FOOTPRINT_EVERY_S = 2.0
"""At 15 m/s the aircraft moves 30 m between two footprints, a third of what one spans along the track."""


def flown_coverage_pct(brief: Brief, flights: Sequence[SortieFlight], terrain: Terrain) -> float:
    """Return how much of the corridor the cameras really saw, from the true poses of the flights."""
    camera = CameraModel.from_fov(
        hfov_deg=brief.camera.hfov_deg, width_px=brief.camera.width_px, height_px=brief.camera.height_px
    )
    corridor = build_corridor(brief)
    seen = []
    for flight in flights:
        truth = read_truth(flight.truth_path)
        step = max(1, round(_FOOTPRINT_EVERY_S * 1e9 / float(np.median(np.diff(truth["t_utc_ns"])))))
        for row in range(0, len(truth["t_utc_ns"]), step):
            ring = footprint(pose=_pose(truth, row), camera=camera, terrain=terrain, max_range_m=FOOTPRINT_RANGE_M)
            if ring is not None:
                polygon = shapely.Polygon(corridor.frame.to_plane(ring[:, 1], ring[:, 0]))
                seen.append(polygon if polygon.is_valid else polygon.buffer(0))
    return covered_pct(corridor.watched, seen)


def _pose(truth: Mapping[str, Any], row: int) -> Pose:
    return Pose(
        t_utc_ns=int(truth["t_utc_ns"][row]),
        lat_deg=float(truth["lat_deg"][row]),
        lon_deg=float(truth["lon_deg"][row]),
        alt_hae_m=float(truth["alt_hae_m"][row]),
        yaw_deg=float(truth["yaw_deg"][row]),
        pitch_deg=float(truth["pitch_deg"][row]),
        roll_deg=float(truth["roll_deg"][row]),
        gimbal_yaw_deg=float(truth["gimbal_yaw_deg"][row]),
        gimbal_pitch_deg=float(truth["gimbal_pitch_deg"][row]),
        gimbal_frame=GimbalFrame.EARTH,
    )


def plan_score(plan: Plan) -> dict[str, Any]:
    """Return the plan's numbers."""
    return {
        "sorties": len(plan.sorties),
        "legs": sum(len(sortie.legs) for sortie in plan.sorties),
        "length_m": round(sum(sortie_length_m(sortie) for sortie in plan.sorties), 1),
        "min_standoff_m": round(plan.min_standoff_m, 1),
        "required_standoff_m": plan.required_standoff_m,
    }


def flight_score(flights: Sequence[SortieFlight], coverage_pct: float) -> dict[str, Any]:
    """Return the flights' numbers: sums, and the worst of each."""
    reports = [flight.report for flight in flights]
    return {
        "uploaded_items": sum(report.uploaded_items for report in reports),
        "readback_equal": all(report.readback_equal for report in reports),
        "completed": all(report.completed for report in reports),
        "coverage_pct": round(coverage_pct, 2),
        "max_cross_track_m": round(max(report.max_cross_track_m for report in reports), 2),
        "min_standoff_m": round(min(report.min_standoff_m for report in reports), 1),
    }


def ingest_score(runs: Sequence[RunRecord]) -> dict[str, int]:
    """Return what was read, summed over the recordings."""
    names = ("frames", "frames_with_pose", "klv_packets", "klv_bad_checksum")
    return {name: sum(run.counts[name] for run in runs) for name in names}


@dataclasses.dataclass(slots=True, kw_only=True)
class _Tally:
    truths: int = 0
    right: int = 0
    wrong: int = 0
    hits: int = 0
    things: int = 0
    tracks: int = 0
    switches: int = 0
    seen_again: int = 0
    joined: int = 0
    chances: list[np.ndarray[Any, Any]] = dataclasses.field(default_factory=list)
    true: list[np.ndarray[Any, Any]] = dataclasses.field(default_factory=list)
    errors_m: list[np.ndarray[Any, Any]] = dataclasses.field(default_factory=list)
    inside: list[np.ndarray[Any, Any]] = dataclasses.field(default_factory=list)

    def add(self, hits: GroundHits, truth_path: Path, name_of: Mapping[str, str]) -> None:
        """Count one recording against its truth; `name_of` gives the name of joined tracks by their own."""
        truth = read_film_truth(truth_path)
        found = match(hits, truth, view=InView())
        distance, inside = ground_errors(hits, truth, found)
        self.truths += found.counted_truths
        self.right += len(found.hit_row)
        self.wrong += len(found.false_hits)
        self.hits += len(hits)
        self.things += len(np.unique(truth.object_id[found.truth_row]))
        self.tracks += len(hits.track.counts())
        ids = [name_of.get(own, own) for own in hits.track.take(found.hit_row).texts().tolist()]
        taken_ns = truth.frame_t_utc_ns[truth.thing_frame[found.truth_row]]
        sightings = Sightings.of(truth.object_id[found.truth_row], taken_ns, ids)
        later = sightings.gap_s > STITCH_GAP_S
        self.switches += int(sightings.renamed[~later].sum())
        self.seen_again += int(later.sum())
        self.joined += int((later & ~sightings.renamed).sum())
        judged = np.concatenate([found.hit_row, found.false_hits])
        self.chances.append(hits.score[judged].astype(np.float64))
        self.true.append(np.arange(len(judged)) < len(found.hit_row))
        self.errors_m.append(distance)
        self.inside.append(inside)


def _honesty(tally: _Tally) -> dict[str, Any]:
    """Say which numbers the hits' scores are, and how far calibrated ones are from what was right."""
    chances = np.concatenate([np.zeros(0), *tally.chances])
    known = np.isfinite(chances)
    if not known.any():
        return {"scores": "the model's own numbers"}
    true = np.concatenate([np.zeros(0, bool), *tally.true])
    error = reliability(chances[known], true[known]).expected_error
    return {"scores": "calibrated probabilities", "calibration_error": round(error, 3)}


def run_ids_of(store: OperationStore, films: Mapping[str, Path]) -> dict[str, Path]:
    """Return the truth file of each run over recordings, which `films` gives by the recording's id."""
    return {run: truth for media_id, truth in films.items() for run in store.run_ids(media_id)}


def _at_true_times(store: OperationStore, run_id: str, truth_path: Path) -> GroundHits:
    """Return a run's hits, each dated as its picture was taken: a film shows its pictures at the true pace."""
    hits, frames = store.hits(runs=[run_id]), store.frames(runs=[run_id])
    taken = read_film_truth(truth_path).frame_t_utc_ns
    if not len(hits):
        return hits
    shown = dict(zip(frames.frame_index.tolist(), frames.media_t_ns.tolist(), strict=True))
    since = np.array([shown[index] for index in hits.frame_index.tolist()], dtype=np.int64) - START_NS
    return dataclasses.replace(hits, t_utc_ns=taken[0] + since)


def detection_score(store: OperationStore, truth_of: Mapping[str, Path]) -> dict[str, dict[str, Any]]:
    """Return detection, ground and track numbers of runs together.

    `truth_of` gives the truth file of each run by the run's id. Id switches are those while a thing is followed; one
    that was out of sight for longer than tracks bridge is seen again, and joined or not.
    """
    tally = _Tally()
    joins = Regrouping.of(store).joins
    for run_id, truth_path in truth_of.items():
        name_of = {track: "".join(together[0]) for (run, track), together in joins.items() if run == run_id}
        tally.add(_at_true_times(store, run_id, truth_path), truth_path, name_of)
    errors = np.concatenate(tally.errors_m) if tally.errors_m else np.zeros(0)
    inside = np.concatenate(tally.inside) if tally.inside else np.zeros(0, bool)
    nan = float("nan")
    return {
        "detection": {
            "truths_in_view": tally.truths,
            "hits": tally.hits,
            "precision": round(tally.right / (tally.right + tally.wrong), 4) if tally.right + tally.wrong else nan,
            "recall": round(tally.right / tally.truths, 4) if tally.truths else nan,
            **_honesty(tally),
        },
        "ground": {
            "median_error_m": round(float(np.median(errors)), 2) if len(errors) else nan,
            "p90_error_m": round(float(np.percentile(errors, 90)), 2) if len(errors) else nan,
            "inside_ce90_pct": round(100.0 * float(inside.mean()), 1) if len(inside) else nan,
        },
        "tracks": {
            "truths": tally.things,
            "tracks": tally.tracks,
            "id_switches": tally.switches,
            "seen_again": tally.seen_again,
            "seen_again_joined": tally.joined,
        },
    }
