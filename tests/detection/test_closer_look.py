"""A glance and a closer look: what was seen is shown again, whole and larger, and told once, by what both looks say."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from detection.closer_look import AROUND_PX, MARGIN_PX, Looked, both, looked_at_again
from detection.sheets import Tile, laid_out
from detection.tiling import detect_tiles
from detection.values import Detections, Glancing

INPUT = (640, 512)
PICTURE = (1600, 1200)
LIMIT = 0.3
LEFT = Tile(left_px=0, top_px=0, width_px=900, height_px=1000, scale=0.5, closer=1.0)
TILES = (LEFT, dataclasses.replace(LEFT, left_px=700))


class Warm:
    """Finds what is not grey by connected pixels: green is how sure it is at half scale, blue at full, in percent.

    What it is shown is scaled, so that it looks for the level in the middle of each thing. Red tells one from another.
    """

    class_names = ("person", "vehicle")
    input_px = INPUT
    score_min = LIMIT
    height_step_px: int | None = None

    def __init__(self, *, answers: tuple[bool, ...] = (True, True)) -> None:
        self.shown: list[list[np.ndarray]] = []
        self._answers = answers

    def detect(self, images: list[np.ndarray]) -> list[Detections]:
        return [one.take(one.scores >= LIMIT) for one in self.glance(images)]

    def glance(self, images: list[np.ndarray]) -> list[Detections]:
        look = len(self.shown)
        self.shown.append(images)
        if not self._answers[look]:
            return [dataclasses.replace(found_in([], []), answered=False, problems=("too long",)) for _ in images]
        return [self._in(image, 1 + look) for image in images]

    def _in(self, image: np.ndarray, channel: int) -> Detections:
        labelled, _ = ndimage.label(image[..., 0] > 200)
        places = ndimage.find_objects(labelled)
        boxes = [(x.start, y.start, x.stop, y.stop) for y, x in places]
        levels = [image[(y.start + y.stop) // 2, (x.start + x.stop) // 2, channel] for y, x in places]
        told = [(box, level / 100.0) for box, level in zip(boxes, levels, strict=True) if level >= 5]
        return found_in([box for box, _ in told], [score for _, score in told])


def found_in(boxes: list[tuple[float, ...]], scores: list[float], classes: list[int] | None = None) -> Detections:
    return Detections(
        boxes_px=np.array(boxes, dtype=np.float32).reshape(-1, 4),
        classes=np.array(classes or [0] * len(boxes), dtype=np.int64),
        scores=np.array(scores, dtype=np.float32),
        probabilities=np.array(scores, dtype=np.float32) ** 2,
    )


def picture(*things: tuple[tuple[int, int, int, int], float, float]) -> np.ndarray:
    """Draw things: their box, and how sure the first and the second look are of them."""
    image = np.full((PICTURE[1], PICTURE[0], 3), 100, dtype=np.uint8)
    for (left, top, right, bottom), first, second in things:
        image[top:bottom, left:right] = (255, round(100 * first), round(100 * second))
    return image


def test_what_both_saw_has_the_closer_box_and_the_larger_chance() -> None:
    """Odd corners: at half scale the box is off by half a pixel and more, at full scale it is exact."""
    thing = (301, 303, 320, 342)
    detector = Warm()
    found = detect_tiles(detector, picture((thing, 0.8, 0.4)), TILES)
    assert isinstance(detector, Glancing)
    assert found.boxes_px.tolist() == [list(thing)]
    assert found.scores.tolist() == pytest.approx([0.6])
    assert found.probabilities is not None
    assert found.probabilities.tolist() == pytest.approx([0.64])
    assert len(detector.shown[0]) == len(laid_out(TILES, INPUT))
    assert [sheet.shape for sheet in detector.shown[1]] == [(INPUT[1], INPUT[0], 3)]
    assert (detector.shown[1][0][..., 0] == 255).sum() == 19 * 39


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (0.9, 0.0, 0.45), (0.5, 0.0, None), (0.1, 0.4, 0.4), (0.1, 0.2, None), (0.5, 0.2, 0.35), (0.9, 0.8, 0.85),
        (0.04, 0.9, None), (0.0, 0.0, None),
    ],
)  # fmt: skip
def test_a_score_is_the_closer_looks_or_the_mean_of_both(first: float, second: float, told: float | None) -> None:
    """Half of the glance's where the closer look sees nothing; unseen at a glance, nothing is looked at again."""
    detector = Warm()
    found = detect_tiles(detector, picture(((400, 400, 420, 440), first, second)), TILES)
    assert found.scores.tolist() == ([] if told is None else pytest.approx([told]))
    assert len(detector.shown) == (2 if first >= 0.05 else 1)


def test_what_only_the_closer_look_sees_is_told_unless_an_edge_may_have_cut_it() -> None:
    seen = (400, 400, 420, 440), 0.8, 0.8
    beside, at_the_edge = (430, 400, 440, 430), (440, 400, 460, 440)
    for other, count in ((beside, 2), (at_the_edge, 1)):
        found = detect_tiles(Warm(), picture(seen, (other, 0.0, 0.9)), TILES)
        assert len(found) == count, other
    whole = detect_tiles(Warm(), picture(seen, (at_the_edge, 0.1, 0.9)), TILES)
    assert sorted(whole.boxes_px[:, 2].tolist()) == [420.0, 460.0]


def test_a_detector_of_any_height_is_shown_no_more_than_there_is() -> None:
    """The same is found; of the second input it sees the three steps of 32 px that the one part takes."""
    image = picture(((301, 303, 320, 342), 0.8, 0.4))
    alone, free = Warm(), Warm()
    free.height_step_px = 32
    found = [detect_tiles(detector, image, TILES) for detector in (alone, free)]
    assert found[0].boxes_px.tolist() == found[1].boxes_px.tolist()
    assert [sheet.shape[0] for sheet in alone.shown[1]] == [512]
    assert [sheet.shape[0] for sheet in free.shown[1]] == [96]


def test_boxes_of_unlike_classes_are_two_things() -> None:
    """A rider and a bicycle: one box of each class at the glance, and one alone at the closer look."""
    box = (10.0, 10.0, 30.0, 50.0)
    glance = Looked(found_in([box, box], [0.8, 0.6], [0, 1]), np.full(2, 1.0), np.zeros(2, dtype=bool))
    closer = Looked(found_in([box], [0.9], [1]), np.full(1, np.nan), np.zeros(1, dtype=bool))
    told = both(glance, np.array([True, True]), closer)
    assert told.classes.tolist() == [0, 1]
    assert told.scores.tolist() == pytest.approx([0.4, 0.9])
    apart = both(glance, np.array([True, False]), closer)
    assert apart.scores.tolist() == pytest.approx([0.4, 0.6, 0.9])


def test_a_thing_that_two_tiles_show_is_told_once() -> None:
    """It lies across the edge of one, and is whole in the other."""
    thing = (880, 300, 920, 330)
    found = detect_tiles(Warm(), picture((thing, 0.6, 0.6)), TILES)
    assert found.boxes_px.tolist() == [list(thing)]


def test_two_people_who_stand_close_stay_two_and_are_shown_once() -> None:
    pair = (400, 400, 416, 440), (420, 400, 436, 440)
    detector = Warm()
    found = detect_tiles(detector, picture(*((one, 0.2, 0.9) for one in pair)), TILES)
    assert (detector.shown[1][0][..., 0] == 255).sum() == 2 * 16 * 40
    assert sorted(map(tuple, found.boxes_px.tolist())) == sorted(pair)


def test_without_an_answer_the_glance_is_all_there_is_and_that_is_said() -> None:
    thing = (400, 400, 420, 440)
    told = detect_tiles(Warm(answers=(True, False)), picture((thing, 0.9, 0.9)), TILES)
    assert (told.scores.tolist(), told.answered) == (pytest.approx([0.9]), False)
    assert told.problems == ("too long",)
    none = detect_tiles(Warm(answers=(False,)), picture((thing, 0.9, 0.9)), TILES)
    assert (len(none), none.answered) == (0, False)


def test_who_cannot_glance_and_tiles_for_one_look_are_looked_at_once() -> None:
    image = picture(((400, 400, 420, 440), 0.9, 0.0))
    once = [dataclasses.replace(tile, closer=None) for tile in TILES]
    detector = Warm()
    found = detect_tiles(detector, image, once)
    assert (len(detector.shown), found.scores.tolist()) == (1, pytest.approx([0.9]))

    class Blunt:
        class_names = Warm.class_names
        input_px = INPUT

        def __init__(self) -> None:
            self.eye = Warm()

        def detect(self, images: list[np.ndarray]) -> list[Detections]:
            return self.eye.detect(images)

    blunt = Blunt()
    again = detect_tiles(blunt, image, TILES)
    assert (len(blunt.eye.shown), again.boxes_px.tolist()) == (1, found.boxes_px.tolist())


things = st.tuples(
    st.floats(0, PICTURE[0] - 2), st.floats(0, PICTURE[1] - 2), st.floats(1, 300), st.floats(1, 300), st.floats(0.05, 1)
)


@settings(max_examples=200, deadline=None)
@given(st.lists(things, max_size=120), st.sampled_from([0.2, 0.5, 0.77, 1.0, float("nan")]), st.integers(1, 3))
def test_what_is_looked_at_again_is_shown_whole_with_ground_around(
    drawn: list[tuple[float, ...]], scale: float, most: int
) -> None:
    """Each on its own, against all parts; on so few inputs, the surest first, and nothing outside of the picture."""
    boxes = [(x, y, min(x + wide, PICTURE[0]), min(y + high, PICTURE[1])) for x, y, wide, high, _ in drawn]
    found = found_in(boxes, [one[4] for one in drawn])
    glance = Looked(found, np.full(len(drawn), scale), np.zeros(len(drawn), dtype=bool))
    sheets, again = looked_at_again(glance, PICTURE, INPUT, most)
    tiles = [part.tile for sheet in sheets for part in sheet.parts]
    assert len(sheets) <= most
    assert all(tile.left_px >= 0 and tile.left_px + tile.width_px <= PICTURE[0] for tile in tiles)
    assert all(tile.top_px >= 0 and tile.top_px + tile.height_px <= PICTURE[1] for tile in tiles)
    assert all(part.left_px + part.tile.shown_px[0] <= INPUT[0] for sheet in sheets for part in sheet.parts)
    assert all(tile.scale == scale for tile in tiles)
    shown = np.array([any(_whole_in(tile, box) for tile in tiles) for box in found.boxes_px], dtype=bool)
    sides = (found.boxes_px[:, 2:] - found.boxes_px[:, :2]).max(axis=1, initial=0.0) * scale
    assert not (again & ~shown).any()
    assert not again[~(1.6 * sides <= INPUT[1] + 1e-3)].any()
    if scale == scale and len(sheets) < most:  # there was room for more
        assert again[1.6 * sides <= INPUT[1] - 1.0].all()
    if again.any() and (sides < AROUND_PX / 1.6).all():
        left = found.scores[~again]
        assert again[np.argmax(found.scores)]
        assert len(tiles) >= 1 + (left > found.scores[again].min()).any()


def _whole_in(tile: Tile, box: np.ndarray) -> bool:
    margin = MARGIN_PX / (tile.scale or 1.0) - 1e-3
    right, bottom = tile.left_px + tile.width_px, tile.top_px + tile.height_px
    return bool(
        (tile.left_px == 0 or box[0] >= tile.left_px + margin)
        and (tile.top_px == 0 or box[1] >= tile.top_px + margin)
        and (right == PICTURE[0] or box[2] <= right - margin)
        and (bottom == PICTURE[1] or box[3] <= bottom - margin)
    )


def test_where_much_is_seen_the_surest_are_looked_at_again_on_one_input_more_than_the_glance_took() -> None:
    """A crowd of 288, each further from the next than a part shows: one input holds thirty parts."""
    corners = [(20 + 80 * (k % 16), 20 + 56 * (k // 16)) for k in range(288)]
    sure = np.random.default_rng(2).permutation(np.linspace(0.31, 0.99, 288)).round(2)
    crowd = [((x, y, x + 10, y + 20), float(s), 1.0) for (x, y), s in zip(corners, sure, strict=True)]
    detector = Warm()
    found = detect_tiles(detector, picture(*crowd), (dataclasses.replace(LEFT, width_px=1280),))
    assert [len(sheets) for sheets in detector.shown] == [1, 2]
    told = dict(zip(map(tuple, found.boxes_px[:, :2].tolist()), found.scores.tolist(), strict=True))
    assert len(told) == len(crowd)
    rise = np.array([told[box[:2]] - first for box, first, _ in crowd])
    again = rise > 1e-3
    assert rise[again] == pytest.approx(1.0 - sure[again], abs=1e-3)
    assert 50 <= again.sum() < 200
    assert again[np.argsort(-sure)[:50]].all()
