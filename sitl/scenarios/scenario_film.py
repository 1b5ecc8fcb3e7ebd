"""Films a scenario's flight over a world of people and vehicles, reads the film back, and scores what was found."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np

from detection.georeference import Surroundings, place
from detection.ground_hits import GroundHits
from detection.model_manifest_file import default_model
from detection.onnx_detector import OnnxDetector
from detection.scoring import score
from detection.truth_file import read_film_truth, truth_beside
from geo.geoid import undulation_m
from geo.terrain import FlatTerrain
from geo.values import CameraModel, PoseSigmas
from sitl.films.downlink_file import Take, film
from sitl.films.render_look import DAY, THERMAL
from sitl.films.world import Crowd, make_world
from sitl.vehicle.config import DEFAULT_T0_UTC_NS
from telemetry.videos.video_file import read_video

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

    from detection.scoring import Score
    from sitl.films.world import World
    from sitl.scenarios.scenario import FilmTable, Scenario

SIGMAS: Final = PoseSigmas(position_h_m=1.5, position_v_m=2.0, yaw_deg=1.0, pitch_deg=0.5, roll_deg=0.5, terrain_m=1.0)
"""How wrong the filmed telemetry is (a survey-class autopilot), and what the reading is told to expect."""


def film_and_score(
    scenario: Scenario, table: FilmTable, truth: Mapping[str, NDArray[Any]], work_utc_ns: tuple[int, int], clip: Path
) -> Score:
    """Film the working part of a flight, run the detector on the clip, and score hits on the ground.

    Parameters
    ----------
    scenario, table
        The place, and the camera and world of its `[film]`.
    truth
        The vehicle's truth columns.
    work_utc_ns
        First and last time of the work.
    clip
        Where the transport stream goes; its truth is put beside it.
    """
    ground_hae_m = scenario.origin.alt_amsl_m + float(undulation_m(scenario.origin.lat_deg, scenario.origin.lon_deg))
    terrain = FlatTerrain(height_m=ground_hae_m)
    camera = CameraModel.from_fov(hfov_deg=table.hfov_deg, width_px=table.width_px, height_px=table.height_px)
    start = work_utc_ns[0] + round(table.after_s * 1e9)
    take = Take(
        fps=Fraction(table.fps).limit_denominator(1001),
        sigmas=SIGMAS,
        seed=(scenario.seed, 3),
        look=THERMAL if table.look == "thermal" else DAY,
        start_utc_ns=start,
        stop_utc_ns=min(work_utc_ns[1], start + round(table.seconds * 1e9)),
    )
    film(truth, _world(scenario, table, terrain), camera, clip, take)
    return score(_read_back(clip, terrain), read_film_truth(truth_beside(clip)))


def _world(scenario: Scenario, table: FilmTable, terrain: FlatTerrain) -> World:
    along = np.array([scenario.origin.lat_lon(point) for point in table.world_m])
    return make_world(
        corridor_lat_lon=along,
        terrain=terrain,
        seed=scenario.seed,
        epoch_utc_ns=DEFAULT_T0_UTC_NS,
        crowd=Crowd(
            half_width_m=table.world_half_width_m,
            groups_per_km=table.groups_per_km,
            vehicles_per_km=table.vehicles_per_km,
        ),
    )


def _read_back(clip: Path, terrain: FlatTerrain) -> GroundHits:
    """Run the whole reading chain on the clip: demultiplex, pair with poses, detect, place."""
    detector = OnnxDetector(default_model())
    around = Surroundings(terrain=terrain, sigmas=SIGMAS)
    hits: list[GroundHits] = []
    with read_video(clip) as reader:
        for frame in reader.frames():
            (found,) = detector.detect([frame.image])
            hits.append(place(frame, found, around, class_names=detector.class_names))
    return GroundHits.concat(hits)
