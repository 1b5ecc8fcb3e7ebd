"""Tracks of hits as they come: told once, under names that stay, while memory does not grow."""

from __future__ import annotations

import numpy as np

from detection.ground_hits import GroundHits
from detection.ground_tracks import GroundTracks
from detection.live_tracks import MOST_PICTURES, LiveTracks


def walkers(make_hit, seconds, lines=((0.0, 0.0, 1.2, 0.0), (0.0, 60.0, 0.0, -1.0)), start_s=0.0):
    """Return the hits of each picture, three a second, of things on straight lines."""
    rng = np.random.default_rng(8)
    for k in range(int(seconds * 3)):
        t = start_s + k / 3
        rows = [
            make_hit(100_000 * (thing + 1) + round(t * 3), t, e + ve * t, n + vn * t + rng.normal(0.0, 0.1))
            for thing, (e, n, ve, vn) in enumerate(lines)
        ]
        yield GroundHits.of(rows)


def followed(live, pictures):
    return [live.follow(hits, []) for hits in pictures]


def test_a_track_is_there_with_its_second_looks_and_not_at_the_end(make_hit):
    told = followed(LiveTracks(), walkers(make_hit, 6))
    first = next(number for number, tracks in enumerate(told) if len(tracks))
    assert first < 6


def test_each_hit_is_told_once_under_a_name_that_stays_beyond_the_window(make_hit):
    live = LiveTracks(window_s=8.0)
    told = followed(live, walkers(make_hit, 60))
    names = {}
    for tracks in told:
        for row in range(len(tracks)):
            for hit in tracks.hit_id[tracks.points_of(row)].tolist():
                assert hit not in names
                names[hit] = tracks.track_id[row]
    assert len(names) == 2 * 180
    assert len(set(names.values())) == live.count == 2
    for thing in (1, 2):
        assert len({name for hit, name in names.items() if int(hit) // 100_000 == thing}) == 1


def test_memory_is_that_of_the_window(make_hit):
    live = LiveTracks(window_s=5.0)
    followed(live, walkers(make_hit, 60))
    assert len(live._batches) <= 5 * 3 + 1
    assert len(live._track_of) <= 2 * (5 * 3 + 1)


def test_a_stream_whose_clock_stands_still_or_goes_back_stays_bounded(make_hit):
    live = LiveTracks(window_s=5.0)
    still = next(iter(walkers(make_hit, 1)))
    live.follow(still, [])
    live._batches.extend(live._batches[0] for _ in range(2 * MOST_PICTURES))
    assert len(live._batches) == MOST_PICTURES
    live.follow(next(iter(walkers(make_hit, 1, start_s=-3600.0))), [])
    assert len(live._batches) == 1


def test_nothing_is_told_of_nothing():
    assert len(LiveTracks().follow(GroundHits.of([]), [])) == len(GroundTracks.of([])) == 0
