"""Boxes of things as COCO detections: pictures are frames of recordings, annotations their hits."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from operations.exports.boxes import boxes_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from operations.exports.handed import Handed


def coco(handed: Handed) -> bytes:
    """Return COCO's object detection format: boxes x, y, width, height in pixels.

    The size of a frame is not kept with its hits, so `images` state none; `file_name` is the recording's name with
    the frame's number, as its picture lies in no file of its own.
    """
    categories: dict[str, int] = {}
    images: dict[tuple[int, str, int, int], dict[str, Any]] = {}
    annotations: list[dict[str, Any]] = []
    for source, hit, said in boxes_of(handed):
        image = _image(handed, source, hit, images)
        category = categories.setdefault(hit["class_name"], len(categories) + 1)
        told = {"id": len(annotations) + 1, "image_id": image, "category_id": category}
        annotations.append(told | _annotation(hit) | said)
    whole = {
        "info": {"description": handed.origin["what"], **{k: v for k, v in handed.origin.items() if k != "what"}},
        "images": list(images.values()),
        "annotations": annotations,
        "categories": [{"id": number, "name": name} for name, number in categories.items()],
    }
    return (json.dumps(whole, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _image(handed: Handed, source: int, hit: dict[str, Any], images: dict[tuple[int, str, int, int], Any]) -> int:
    key = source, hit["media_id"], hit["stream"], hit["frame_index"]
    if key not in images:
        name = handed.archive.media_name(source, hit["media_id"])
        images[key] = {
            "id": len(images) + 1,
            "file_name": f"{name}#{hit['stream']}.{hit['frame_index']}",
            "recording": name,
            "recording_sha256": hit["media_id"],
            "stream": hit["stream"],
            "frame": hit["frame_index"],
            "media_t_ns": hit["media_t_ns"],
        }
    return int(images[key]["id"])


def _annotation(hit: Mapping[str, Any]) -> dict[str, Any]:
    left, top = hit["box_x0_px"], hit["box_y0_px"]
    width, height = hit["box_x1_px"] - left, hit["box_y1_px"] - top
    return {
        "bbox": [round(value, 3) for value in (left, top, width, height)],
        "area": round(width * height, 3),
        "iscrowd": 0,
        "score": round(hit["score_raw"] if hit["score"] is None else hit["score"], 6),
        "score_is_calibrated": hit["score"] is not None,
        "hit_id": hit["hit_id"],
        "run": hit["run_id"],
    }
