"""Answers of pictures, kept under the hash of all they depend on."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest

from detection.ground_registration import SeenGround
from detection.kept_answers import Remembering, as_row, from_row
from detection.looking import Picture, Seen, Stretch
from detection.looks import Shift
from detection.sheets import Tile
from detection.values import Detections
from geo.values import Geodetic
from telemetry.videos.grey import in_three_channels

TILES = (Tile(left_px=0, top_px=0, width_px=8, height_px=6),)
DETECTOR = {"model": "m", "versions": {"onnxruntime": "1"}}


class Held(dict):
    """Answers in memory."""

    def known(self, key):
        return self.get(key)

    def keep(self, found):
        self.update(found)


class Counting:
    """An executor that tells the mean of each picture, and how many it was asked for."""

    stretch_pictures, ahead = 2, 1

    def __init__(self, answered=True):
        self.asked, self.answered = 0, answered

    def begin(self, stretch):
        self.asked += len(stretch.pictures)
        found = [Seen(detections=boxes(float(p.image.mean()), self.answered), shift=None) for p in stretch.pictures]
        return lambda: found


def boxes(score, answered=True):
    return Detections(
        boxes_px=np.zeros((1, 4), np.float32), classes=np.zeros(1, np.int64), scores=np.array([score], np.float32),
        answered=answered,
    )  # fmt: skip


def picture(value, **changed):
    whole = {"image": np.full((6, 8, 3), value, np.uint8), "tiles": TILES, "compared": False, "ground": None}
    return Picture(**(whole | changed))


def ask(held, stretch, detector=DETECTOR):
    """Return how many pictures were looked at for a stretch."""
    inner = Counting()
    Remembering(inner, held, detector).begin(stretch)()
    return inner.asked


def stretch(*pictures, before=None):
    return Stretch(before=before, pictures=pictures)


def test_what_was_looked_at_before_is_not_again_and_gives_the_same():
    held, inner = Held(), Counting()
    first = Remembering(inner, held, DETECTOR)
    wanted = first.begin(stretch(picture(1), picture(2)))()
    again = Remembering(inner, held, DETECTOR)
    found = again.begin(stretch(picture(1), picture(2)))()
    assert (inner.asked, first.taken_over, again.taken_over) == (2, 0, 2)
    assert [one.detections.scores for one in found] == [one.detections.scores for one in wanted]
    assert ask(held, stretch(picture(2), picture(1))) == 0, "stretches may be cut elsewhere the second time"
    assert ask(held, stretch(picture(1), picture(3))) == 2


@pytest.mark.parametrize(
    "other",
    [
        stretch(picture(2)),
        stretch(picture(1, tiles=(*TILES, *TILES))),
        stretch(picture(1, image=np.full((8, 6, 3), 1, np.uint8))),
        stretch(picture(1, compared=True)),
    ],
    ids=["pixels", "tiles", "shape", "comparison"],
)
def test_whatever_decides_an_answer_is_in_its_key(other):
    held = Held()
    assert ask(held, stretch(picture(1))) == 1
    assert ask(held, other) == 1


def test_pictures_held_as_one_channel_have_the_keys_of_their_own_pixels():
    held = Held()
    channels = [np.full((6, 8), value, np.uint8) for value in (1, 2, 1)]
    channels[2][5, 7] = 2
    asked = [ask(held, stretch(picture(0, image=in_three_channels(one)))) for one in (*channels, *channels)]
    assert asked == [1, 1, 1, 0, 0, 0]


def test_ground_that_differs_in_the_last_bit_is_other_ground():
    middle = Geodetic(lat_deg=52.0, lon_deg=23.5, alt_hae_m=180.0)
    matrix = np.arange(12.0).reshape(3, 4)
    turned = matrix.copy()
    turned[0, 1] = np.nextafter(1.0, 2.0)
    grounds = [SeenGround(5, one, middle, 40.0) for one in (matrix, turned)]
    held = Held()
    assert [ask(held, stretch(picture(1, ground=one, compared=True))) for one in (*grounds, *grounds)] == [1, 1, 0, 0]


def test_another_detector_has_answers_of_its_own():
    held = Held()
    ask(held, stretch(picture(1)))
    assert ask(held, stretch(picture(1)), DETECTOR | {"model": "n"}) == 1
    assert ask(held, stretch(picture(1)), DETECTOR | {"versions": {"onnxruntime": "2"}}) == 1


def test_what_a_picture_is_compared_with_is_in_its_key_wherever_the_stretch_begins():
    held, one, two = Held(), picture(1, compared=True), picture(2, compared=True)
    ask(held, stretch(one, two))
    assert ask(held, stretch(two, before=one)) == 0
    assert ask(held, stretch(two, before=picture(3, compared=True))) == 1
    assert ask(held, stretch(two)) == 1
    ask(held, stretch(picture(7)))
    assert ask(held, stretch(one, picture(7), two)) == 0, "7 is compared with nothing, and nothing with it"


def test_no_answer_is_not_kept():
    held = Held()
    Remembering(Counting(answered=False), held, DETECTOR).begin(stretch(picture(1)))()
    assert held == {}


def test_an_answer_comes_back_from_json_to_the_last_bit():
    rng = np.random.default_rng(1)
    found = Detections(
        boxes_px=rng.normal(300, 100, (50, 4)).astype(np.float32), classes=rng.integers(0, 2, 50),
        scores=rng.random(50).astype(np.float32), probabilities=rng.random(50).astype(np.float32),
        problems=("a tile gave 3 boxes that are no numbers",), contrast=rng.normal(size=50).astype(np.float32),
    )  # fmt: skip
    found.probabilities[3] = found.contrast[4] = math.nan
    seen = Seen(detections=found, shift=Shift(*rng.normal(size=3).tolist()))
    back = from_row(json.loads(json.dumps(as_row(seen))))
    for field in dataclasses.fields(Detections):
        wanted, got = (getattr(one.detections, field.name) for one in (seen, back))
        if isinstance(wanted, np.ndarray):
            assert (got.dtype, got.shape, got.tobytes()) == (wanted.dtype, wanted.shape, wanted.tobytes())
        else:
            assert got == wanted
    assert back.shift == seen.shift


@pytest.mark.parametrize(
    "changed",
    [
        {"scores": [0.5, 0.5]},
        {"boxes_px": [[1, 2, 3]]},
        {"shift": [1, 2]},
        {"probabilities": ["x"]},
        {"contrast": [1.0, 2.0]},
    ],
)
def test_what_is_no_answer_is_refused(changed):
    row = as_row(Seen(detections=boxes(0.5), shift=Shift(1.0, 2.0, 3.0)))
    from_row(row)
    with pytest.raises((ValueError, TypeError)):
        from_row(row | changed)


def test_an_answer_from_before_contrasts_were_measured_is_none() -> None:
    row = as_row(Seen(detections=boxes(0.5), shift=None))
    del row["contrast"]
    with pytest.raises(KeyError):
        from_row(row)
