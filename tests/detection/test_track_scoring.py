from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from detection.ground_hits import GroundHit, GroundHits
from detection.ground_tracks import GroundTrack, GroundTracks
from detection.track_scoring import poisson_bound, score_tracks
from detection.truth import FilmTruth

T0 = 1_750_000_000_000_000_000
FRAMES = 10


def truth() -> FilmTruth:
    """Two persons in ten frames of three a second, far apart in the picture."""
    frame = np.repeat(np.arange(FRAMES), 2)
    thing = np.tile([0, 1], FRAMES)
    left = 100.0 + 200.0 * thing
    some = np.zeros(FRAMES)
    return FilmTruth(
        width_px=640, height_px=512, class_names=("person", "vehicle"),
        frame_t_utc_ns=T0 + np.arange(FRAMES) * 333_000_000,
        camera_lat_deg=some, camera_lon_deg=some, camera_alt_hae_m=some, camera_yaw_deg=some, camera_pitch_deg=some,
        camera_roll_deg=some, hfov_deg=some, thing_frame=frame, object_id=thing, class_number=np.zeros(2 * FRAMES, int),
        boxes_px=np.column_stack([left, np.full(2 * FRAMES, 100.0), left + 10.0, np.full(2 * FRAMES, 120.0)]),
        visible=np.ones(2 * FRAMES), lat_deg=np.full(2 * FRAMES, 52.0), lon_deg=np.full(2 * FRAMES, 23.0),
        alt_hae_m=np.zeros(2 * FRAMES), speed_mps=np.zeros(2 * FRAMES), heading_deg=np.zeros(2 * FRAMES),
    )  # fmt: skip


def hits_of(labels: dict[tuple[int, int], str], false: dict[int, str]) -> tuple[GroundHits, GroundTracks]:
    """Exact boxes with these track ids, by frame and thing, and boxes on nothing by frame."""
    rows = []
    for (frame, thing), track in labels.items():
        left = 100.0 + 200.0 * thing
        rows.append((frame, track, (left, 100.0, left + 10.0, 120.0)))
    rows += [(frame, track, (500.0, 400.0, 510.0, 420.0)) for frame, track in false.items()]
    hits = GroundHits.of(
        [
            GroundHit(
                hit_id=f"{number:04d}", media_id="m", frame_index=frame, t_utc_ns=T0 + frame * 333_000_000,
                class_name="person", score_raw=0.9, box_px=box, track_id=track, lat_deg=52.0, lon_deg=23.0,
            )
            for number, (frame, track, box) in enumerate(rows)
        ]
    )  # fmt: skip
    names = hits.track.names
    blank = GroundTrack(
        track_id="", class_name="person", t_utc_ns=(T0,), lat_deg=(52.0,), lon_deg=(23.0,), ce90_m=(1.0,),
        speed_mps=0.0, heading_deg=0.0, hit_ids=("0000",), existence=0.9,
    )  # fmt: skip
    return hits, GroundTracks.of([dataclasses.replace(blank, track_id=name) for name in names])


def test_perfect_tracks_reach_one() -> None:
    hits, tracks = hits_of({(f, k): "ab"[k] for f in range(FRAMES) for k in (0, 1)}, {})
    score = score_tracks(hits, tracks, truth(), hours=0.5)
    assert (score.reached.hota, score.reached.idf1) == pytest.approx((1.0, 1.0))
    assert (score.id_switches, score.false_tracks, score.visits, score.visits_found) == (0, 0, 2, 2)
    assert score.labelled_share == 1.0


def test_a_swap_and_a_false_track_cost_what_they_should() -> None:
    """Half way the two swap: each truth has half its boxes right, so IDF1 is a half, and the ceiling stays at one."""
    labels = {(f, k): "ab"[k if f < FRAMES // 2 else 1 - k] for f in range(FRAMES) for k in (0, 1)}
    hits, tracks = hits_of(labels, {2: "c", 3: "c", 4: "c"})
    score = score_tracks(hits, tracks, truth(), hours=0.5)
    assert score.id_switches == 2
    assert score.switches_per_thing == 1.0
    assert score.reached.idf1 == pytest.approx(2 * 10 / (20 + 23))
    assert score.ceiling.idf1 == pytest.approx(1.0)
    assert score.false_tracks == 1
    assert score.false_per_hour == 2.0
    assert score.false_per_hour_bound == pytest.approx(4.744 / 0.5, rel=1e-3)


def test_boxes_without_a_track_find_no_visit() -> None:
    hits, tracks = hits_of({(f, 0): "a" for f in range(FRAMES)} | {(f, 1): "" for f in range(FRAMES)}, {})
    score = score_tracks(hits, tracks, truth(), hours=1.0)
    assert (score.visits, score.visits_found, score.labelled_share) == (2, 1, 0.5)


def test_the_poisson_bound_is_that_of_the_tables() -> None:
    """Garwood's one-sided 95 % limits: 3.00 for none, 4.74 for one, 16.96 for ten."""
    assert [round(poisson_bound(count), 2) for count in (0, 1, 10)] == [3.0, 4.74, 16.96]
