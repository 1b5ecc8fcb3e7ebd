"""What a real detector finds on a simulated patrol whose every picture is drawn: a fifth of a second a picture.

It is what `sitl.films.seen_patrol`'s error model is learned from, and held to.
"""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np

from detection.contrast import with_contrast
from detection.georeference import Surroundings, place
from detection.ground_hits import GroundHits
from detection.ground_registration import GroundRegistration
from detection.looks import Look
from geo.terrain import FlatTerrain
from sitl.films.downlink_file import film_truth
from sitl.films.patrol_flight import GROUND_HAE_M, PatrolFlight, PatrolShape, SeenPatrol
from sitl.films.render import render
from sitl.films.render_look import THERMAL
from sitl.films.training_set_file import CLASS_NAMES, h264_key_frame
from telemetry.videos.frame import Frame

if TYPE_CHECKING:
    from detection.values import Detections, Detector
    from sitl.films.render import TruthBoxes

QUALITY_CRF: Final = 26


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FilmedPatrol:
    """What was found, and the same boxes placed with the true poses on the true ground: what stays has one place."""

    seen: SeenPatrol
    on_true_ground: GroundHits
    flight: PatrolFlight


def filmed_patrol(
    seed: int,
    detector: Detector,
    shape: PatrolShape | None = None,
) -> FilmedPatrol:
    """Fly the patrol of world `seed`, draw every picture, and look at each through an H.264 key frame.

    Parameters
    ----------
    seed
        The world, its clutter, and the telemetry's errors.
    detector
        Finds persons and vehicles; boxes of other classes are left out.
    shape
        How it is flown.
    """
    shape = shape or PatrolShape()
    flight = PatrolFlight.flown(seed, shape, shape.chance(seed))
    camera = shape.camera
    grounds = flight.told_ground, FlatTerrain(height_m=GROUND_HAE_M)
    around = [Surroundings(terrain=ground, sigmas=shape.sigmas) for ground in grounds]
    registration = GroundRegistration(flight.told_ground)
    found: tuple[list[GroundHits], list[GroundHits]] = ([], [])
    boxes: list[TruthBoxes] = []
    looks: list[Look] = []
    for row, (true, told) in enumerate(zip(flight.true, flight.measured, strict=True)):
        drawn, there = render(flight.world, true, camera, true.t_utc_ns, THERMAL)
        image = h264_key_frame(drawn, crf=QUALITY_CRF)
        boxes.append(there)
        looks.append(Look(told, camera, shift=registration.shift(image, told, camera)))
        ours = with_contrast(image, _of_our_classes(detector.detect([image])[0], detector.class_names))
        for hits, pose, ground in zip(found, (told, true), around, strict=True):
            posed = dataclasses.replace(pose, hfov_deg=shape.hfov_deg)
            frame = Frame(index=row, pts_s=Fraction(row) / shape.fps, t_utc_ns=pose.t_utc_ns, image=image, pose=posed)
            hits.append(place(frame, ours, ground, class_names=CLASS_NAMES))
    seen = SeenPatrol(
        hits=GroundHits.concat(found[0]), truth=film_truth(*flight.true_columns(), camera, boxes),
        taken=tuple(looks), ground=flight.told_ground, sigmas=shape.sigmas, seconds=shape.seconds,
    )  # fmt: skip
    return FilmedPatrol(seen=seen, on_true_ground=GroundHits.concat(found[1]), flight=flight)


def _of_our_classes(found: Detections, names: tuple[str, ...]) -> Detections:
    """Keep boxes of the simulator's classes, numbered as the simulator does."""
    numbers = np.array([CLASS_NAMES.index(name) if name in CLASS_NAMES else -1 for name in names], dtype=np.int64)
    ours = dataclasses.replace(found, classes=numbers[found.classes])
    return ours.take(ours.classes >= 0)
