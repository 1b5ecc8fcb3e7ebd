"""A filmed patrol in large pictures: ours by ground sample distance, against SAHI's and supervision's slices.

Three stretches of a patrol (100, 80 and 60 m above ground, 45 degrees down, eight pictures of 1920 x 1080 each, three a
second, through H.264; telemetry and terrain with their errors). All use the bundled weights in ONNX Runtime
and the same score limit; supervision calls our detector, SAHI that of ultralytics. Slices are as large as the network's
input with a fifth of overlap, supervision's also by its own defaults. Ours glances, and looks again where it saw
something. It is measured as `ingest` looks, passing over ground that it saw this second, and with every picture looked
at by itself, as the rivals do. AP-small is COCO's (areas under 32 x 32 px, overlaps 0.5 to 0.95) over every picture's
truth, also where a picture was passed over.
None of the rivals is among our dependencies: pip install sahi supervision ultralytics faster-coco-eval to have them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import io
import time
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import Absent, Row, beside
from detection.ground_tiling import GroundTiler
from detection.model_manifest_file import default_model
from detection.model_output import Filter
from detection.onnx_detector import OnnxDetector
from detection.tiling import detect_tiles
from detection.values import Detections
from geo.values import CameraModel
from sitl.films.patrol_flight import PatrolFlight, PatrolShape
from sitl.films.render import render
from sitl.films.render_look import THERMAL
from sitl.films.training_set_file import h264_key_frame
from sitl.films.world import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from geo.values import Pose, Terrain
    from sitl.films.render import TruthBoxes

    Look = Callable[["Picture"], Detections]

SLICE_PX = (640, 512)
SHARED = 0.2
WORLDS = (1, 2, 3)
HEIGHTS_M = (100.0, 80.0, 60.0)
PICTURES = 8
"""Of each world."""
CAMERA = CameraModel.from_fov(hfov_deg=50.0, width_px=1920, height_px=1080)
QUALITY_CRF = 26
VISIBLE_MIN = 0.5
"""Of whom less is in view is neither sought nor wrong."""
SMALL = 1
"""COCO's second range of areas: under 32 x 32 px."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture of the film, what is in it, and what the telemetry says of it."""

    image: np.ndarray
    truth: TruthBoxes
    pose: Pose
    world: int
    ground: Terrain


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """How fast a film was looked at, and what was found of it."""

    by_wall: float
    """Pictures a second."""
    by_processor: float
    """Pictures a second of processor time."""
    ap_small: float
    ap50_small: float
    persons: float
    """Share of persons well in view on whom a box lies by half."""


def _film(above_m: float) -> list[Picture]:
    shape = PatrolShape(
        seconds=PICTURES / 3.0 + 0.01, alt_agl_m=above_m, groups_per_km=40.0, vehicles_per_km=10.0, line_m=1000.0
    )
    film = []
    for seed in WORLDS:
        flight = PatrolFlight.flown(seed, shape, shape.chance(seed))
        for true, told in list(zip(flight.true, flight.measured, strict=True))[:PICTURES]:
            drawn, truth = render(flight.world, true, CAMERA, true.t_utc_ns, THERMAL)
            image = h264_key_frame(drawn, crf=QUALITY_CRF)
            film.append(Picture(image=image, truth=truth, pose=told, world=seed, ground=flight.told_ground))
    return film


def _ours(detector: OnnxDetector, *, each_by_itself: bool) -> Look:
    tilers: dict[int, GroundTiler] = {}

    def look(picture: Picture) -> Detections:
        if each_by_itself or picture.world not in tilers:
            tilers[picture.world] = GroundTiler(detector, picture.ground)
        tiles, _ = tilers[picture.world].plan(picture.image.shape, picture.pose, CAMERA)
        return detect_tiles(detector, picture.image, tiles)

    return look


def _supervision(detector: OnnxDetector, **how: tuple[int, int]) -> Look:
    import supervision

    def look(tile: np.ndarray) -> supervision.Detections:
        (found,) = detector.detect([np.ascontiguousarray(tile)])
        return supervision.Detections(xyxy=found.boxes_px, confidence=found.scores, class_id=found.classes)

    slicer = supervision.InferenceSlicer(callback=look, **how)

    def whole(picture: Picture) -> Detections:
        found = slicer(picture.image)
        return _detections(found.xyxy, found.class_id, found.confidence)

    return whole


def _sahi() -> Look:
    from sahi import AutoDetectionModel
    from sahi.predict import get_sliced_prediction

    model = AutoDetectionModel.from_pretrained(
        "ultralytics", model_path=str(default_model()), confidence_threshold=Filter().score_min, device="cpu"
    )

    def look(picture: Picture) -> Detections:
        found = get_sliced_prediction(
            picture.image, model, slice_width=SLICE_PX[0], slice_height=SLICE_PX[1], overlap_width_ratio=SHARED,
            overlap_height_ratio=SHARED, perform_standard_pred=False, verbose=0, batch_size=4,
        ).object_prediction_list  # fmt: skip
        boxes = [one.bbox.to_xyxy() for one in found]
        return _detections(boxes, [one.category.id for one in found], [one.score.value for one in found])

    return look


def _detections(boxes: Sequence[object], classes: Sequence[object], scores: Sequence[object]) -> Detections:
    return Detections(
        boxes_px=np.array(boxes, dtype=np.float32).reshape(-1, 4),
        classes=np.array(classes, dtype=np.int64).reshape(-1),
        scores=np.array(scores, dtype=np.float32).reshape(-1),
    )


def _measured(look: Look, film: list[Picture]) -> Measured:
    look(dataclasses.replace(film[0], world=0))  # what is loaded with the first picture is no part of it
    wall, processor = time.perf_counter(), time.process_time()
    found = [look(picture) for picture in film]
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    ap, ap50, persons = _small(found, film)
    return Measured(
        by_wall=len(film) / wall, by_processor=len(film) / processor, ap_small=ap, ap50_small=ap50, persons=persons
    )


def _small(found: list[Detections], film: list[Picture]) -> tuple[float, float, float]:
    """Return COCO's AP-small over persons and vehicles, the same at an overlap of 0.5, and the recall of persons."""
    from faster_coco_eval import COCO, COCOeval_faster

    names = ("person", "vehicle")
    sought = [
        _row(image, int(kind != Kind.PERSON), box) | {"iscrowd": int(seen < VISIBLE_MIN)}
        for image, one in enumerate(film)
        for kind, box, seen in zip(one.truth.kind, one.truth.boxes_px.tolist(), one.truth.visible, strict=True)
    ]
    boxes = [
        _row(image, number, box) | {"score": score}
        for image, one in enumerate(found)
        for box, number, score in zip(one.boxes_px.tolist(), one.classes.tolist(), one.scores.tolist(), strict=True)
        if number < len(names)
    ]
    truth = {
        "info": {},
        "images": [{"id": number, "file_name": str(number), "width": 1, "height": 1} for number in range(len(film))],
        "categories": [{"id": number, "name": name} for number, name in enumerate(names)],
        "annotations": [row | {"id": number + 1} for number, row in enumerate(sought)],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        held = COCO(truth)
        run = COCOeval_faster(held, held.loadRes(boxes), iouType="bbox")
        run.evaluate()
        run.accumulate()
    precision = run.eval["precision"][:, :, :, SMALL, -1]  # (overlap, recall level, class)
    recall = run.eval["recall"][0, 0, 0, -1]
    return *(float(part[part > -1.0].mean()) for part in (precision, precision[0])), float(recall)


def _row(image: int, number: int, box: Sequence[float]) -> dict[str, object]:
    wide, high = box[2] - box[0], box[3] - box[1]
    return {"image_id": image, "category_id": number, "bbox": [box[0], box[1], wide, high], "area": wide * high}


def _rows(what: str, ours: Measured, theirs: Measured, name: str) -> list[Row]:
    told = {
        "pictures": ("by_wall", "pictures/s"),
        "pictures by processor time": ("by_processor", "pictures/CPU-s"),
        "AP-small": ("ap_small", ""),
        "AP-small at an overlap of 0.5": ("ap50_small", ""),
        "persons found": ("persons", ""),
    }
    return [
        Row(
            what=f"{what}: {key}", ours=getattr(ours, field), rival=getattr(theirs, field), rival_name=name, unit=unit,
            higher_is_better=True, goal="3" if field == "by_wall" else "",
        )
        for key, (field, unit) in told.items()
    ]  # fmt: skip


def run() -> list[Row | Absent]:
    """Return the table's rows."""
    detector = OnnxDetector(default_model())
    rows: list[Row | Absent] = []
    for above_m in HEIGHTS_M:
        film = _film(above_m)
        rows += beside("faster_coco_eval", functools.partial(_beside_rivals, detector, film, f"{above_m:g} m"))
    return rows


def _beside_rivals(detector: OnnxDetector, film: list[Picture], flown: str) -> list[Row | Absent]:
    ours = {
        "each by itself": _measured(_ours(detector, each_by_itself=True), film),
        "as ingest does": _measured(_ours(detector, each_by_itself=False), film),
    }
    shared = tuple(round(SHARED * side) for side in SLICE_PX)
    rivals: dict[tuple[str, str], Callable[[], Look]] = {
        ("supervision", "supervision"): lambda: _supervision(detector, slice_wh=SLICE_PX, overlap_wh=shared),
        ("supervision", "supervision, its defaults"): lambda: _supervision(detector),
        ("sahi", "sahi"): _sahi,
    }

    def against(name: str, look: Callable[[], Look]) -> list[Row]:
        theirs = _measured(look(), film)
        return [
            row for how, mine in ours.items() for row in _rows(f"1920 x 1080 from {flown}, {how}", mine, theirs, name)
        ]

    found = [beside(package, functools.partial(against, name, look)) for (package, name), look in rivals.items()]
    return [row for some in found for row in some]
