from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detection.errors import TruthError
from detection.ground_hits import GroundHits
from detection.scoring import InView, Sightings, count_id_switches, match, score
from detection.truth import FilmTruth
from detection.truth_file import read_film_truth, write_film_truth

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from detection.ground_hits import GroundHit

T0 = 1_750_000_000_000_000_000
THIRD_NS = 333_333_000


@pytest.fixture
def truth() -> FilmTruth:
    """Three frames: a person in each, a vehicle in the last two, a tiny and a hidden person in the first."""
    frames = np.array([0, 0, 0, 1, 1, 2, 2])
    ids = np.array([7, 20, 21, 7, 9, 7, 9])
    person, vehicle = [100.0, 100.0, 104.0, 110.0], [300.0, 200.0, 340.0, 220.0]
    tiny, hidden = [10.0, 10.0, 12.0, 14.0], [200.0, 100.0, 204.0, 110.0]
    count = len(frames)
    zeros = np.zeros(3)
    return FilmTruth(
        width_px=640,
        height_px=512,
        class_names=("person", "vehicle"),
        frame_t_utc_ns=T0 + THIRD_NS * np.arange(3),
        camera_lat_deg=zeros,
        camera_lon_deg=zeros,
        camera_alt_hae_m=zeros,
        camera_yaw_deg=zeros,
        camera_pitch_deg=zeros,
        camera_roll_deg=zeros,
        hfov_deg=zeros + 32.0,
        thing_frame=frames,
        object_id=ids,
        class_number=np.array([0, 0, 0, 0, 1, 0, 1]),
        boxes_px=np.array([person, tiny, hidden, person, vehicle, person, vehicle]),
        visible=np.array([1.0, 1.0, 0.2, 1.0, 1.0, 1.0, 1.0]),
        lat_deg=np.full(count, 52.0),
        lon_deg=np.full(count, 23.5),
        alt_hae_m=np.full(count, 180.0),
        speed_mps=np.zeros(count),
        heading_deg=np.zeros(count),
    )


@pytest.fixture
def hit_at(make_hit: Callable[..., GroundHit]) -> Callable[..., GroundHit]:
    def make(number: int, frame: int, box: tuple[float, ...], north_m: float = 0.0, **changes: object) -> GroundHit:
        return make_hit(number, 0.0, 0.0, north_m, box_px=box, t_utc_ns=T0 + THIRD_NS * frame, **changes)

    return make


PERSON, VEHICLE = (100.0, 100.0, 104.0, 110.0), (301.0, 201.0, 341.0, 221.0)


def test_a_hand_counted_film(truth: FilmTruth, hit_at: Callable[..., GroundHit]) -> None:
    hits = [
        hit_at(1, 0, PERSON, 3.0, track_id="A", ce90_m=5.0),
        hit_at(2, 0, (10.0, 10.0, 12.0, 14.0)),  # on the tiny one: neither right nor wrong
        hit_at(3, 0, (200.0, 100.0, 204.0, 110.0)),  # on the hidden one: neither
        hit_at(4, 1, PERSON, 6.0, track_id="B", ce90_m=5.0),  # the id changed
        hit_at(5, 1, (500.0, 400.0, 504.0, 410.0)),  # nothing there
        hit_at(6, 2, PERSON, 1.0, track_id="B", ce90_m=5.0),
        hit_at(7, 2, VEHICLE, 2.0, class_name="vehicle", track_id="C", ce90_m=5.0),
    ]
    result = score(GroundHits.of(hits), truth)
    assert result.truths_in_view == 5
    assert result.hits == 7
    assert result.recall == pytest.approx(4 / 5)
    assert result.precision == pytest.approx(4 / 5)
    assert result.median_error_m == pytest.approx(2.5, abs=0.01)
    assert result.inside_ce90_pct == pytest.approx(75.0)
    assert (result.track_truths, result.tracks, result.id_switches) == (2, 3, 1)
    assert result.as_json()["tracks"] == {"truths": 2, "tracks": 3, "id_switches": 1}


def test_a_box_of_another_class_is_wrong(truth: FilmTruth, hit_at: Callable[..., GroundHit]) -> None:
    found = match(GroundHits.of([hit_at(1, 0, PERSON, class_name="vehicle")]), truth, view=InView())
    assert found.false_hits.tolist() == [0]
    assert len(found.missed_truths) == 5


def test_two_boxes_on_one_thing_count_once(truth: FilmTruth, hit_at: Callable[..., GroundHit]) -> None:
    found = match(
        GroundHits.of([hit_at(1, 0, PERSON), hit_at(2, 0, (101.0, 100.0, 105.0, 110.0))]), truth, view=InView()
    )
    assert found.hit_row.tolist() == [0]
    assert found.false_hits.tolist() == [1]


def test_frames_the_detector_never_saw_miss_nothing(truth: FilmTruth, hit_at: Callable[..., GroundHit]) -> None:
    seen = score(GroundHits.of([hit_at(1, 0, PERSON)]), truth, frames_seen=[T0])
    assert (seen.truths_in_view, seen.recall, seen.precision) == (1, 1.0, 1.0)


def test_a_hit_between_frames_belongs_to_none(truth: FilmTruth, hit_at: Callable[..., GroundHit]) -> None:
    late = dataclasses.replace(hit_at(1, 0, PERSON), t_utc_ns=T0 + 100_000_000)
    found = match(GroundHits.of([late]), truth, view=InView())
    assert found.ignored_hits.tolist() == [0]


def test_no_hits_are_no_precision_and_no_recall(truth: FilmTruth) -> None:
    result = score(GroundHits.of([]), truth)
    assert (result.recall, result.truths_in_view) == (0.0, 5)
    assert math.isnan(result.precision)
    assert math.isnan(result.median_error_m)


def test_switches_are_counted_as_clear_mot_does() -> None:
    ids = np.array([1, 1, 1, 1, 2, 2])
    assert count_id_switches(ids, np.array([0, 1, 2, 3, 0, 1]), ["a", "b", "", "a", "a", "a"]) == 2


def test_sightings_say_after_how_long_and_whether_under_the_same_name() -> None:
    t_ns = np.array([0, 9, 1, 60, 2]) * 10**9
    seen = Sightings.of(np.array([7, 7, 8, 7, 8]), t_ns, ["a", "a", "b", "c", ""])
    assert seen.gap_s.tolist() == [9.0, 51.0]
    assert seen.renamed.tolist() == [False, True]


def test_a_truth_file_comes_back_as_it_was(truth: FilmTruth, tmp_path: Path) -> None:
    write_film_truth(truth, tmp_path / "t.npz")
    again = read_film_truth(tmp_path / "t.npz")
    for field in dataclasses.fields(FilmTruth):
        assert np.array_equal(getattr(again, field.name), getattr(truth, field.name)), field.name
    assert list(tmp_path.iterdir()) == [tmp_path / "t.npz"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short", b"text"])
def test_a_damaged_truth_file_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.npz"
    path.write_bytes(content)
    with pytest.raises(TruthError, match=r"t\.npz: cannot be read as the truth of a film"):
        read_film_truth(path)


def test_another_npz_is_no_truth(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", a=np.zeros(3))
    with pytest.raises(TruthError, match="lacks .*boxes_px"):
        read_film_truth(tmp_path / "t.npz")
