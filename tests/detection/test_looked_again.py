"""Whether places were looked at again: squares of ground, and tracks that end inside and outside of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from detection.ground_tracks import GroundTrack, GroundTracks
from detection.looked_again import Shown, looked_again
from tests.detection.test_newcomers import tracks as begun

if TYPE_CHECKING:
    from detection.traces import Traces


def tracks(*ends: tuple[float, float, float]) -> GroundTracks:
    """One track an end: seconds, degrees of longitude and latitude; each begins five seconds before."""
    return GroundTracks.of(
        [
            GroundTrack(
                track_id=f"T{row}", class_name="person", t_utc_ns=(round((t_s - 5.0) * 1e9), round(t_s * 1e9)),
                lat_deg=(lat, lat), lon_deg=(lon, lon), ce90_m=(3.0, 3.0), speed_mps=0.0, heading_deg=0.0,
                hit_ids=(f"{row}a", f"{row}b"),
            )
            for row, (t_s, lon, lat) in enumerate(ends)
        ]
    )  # fmt: skip


def shown(*squares: tuple[float, float]) -> Shown:
    """Squares of a hundredth of a degree from the meridian 23 on: at which second until, from which latitude on."""
    corner = np.array([(0.0, 0.0), (0.01, 0.0), (0.01, 0.01), (0.0, 0.01), (0.0, 0.0)])
    return Shown(
        rings=tuple(corner + (23.0, lat) for _, lat in squares), to_ns=np.array([round(t * 1e9) for t, _ in squares])
    )


def left(recordings: list[tuple[GroundTracks, Shown]]) -> list[float]:
    """How often the place where each track ended was looked at afterwards."""
    told = looked_again(recordings)
    assert told is not None
    return told.left(traces(recordings)).tolist()


def traces(recordings: list[tuple[GroundTracks, Shown]]) -> Traces:
    begin = np.concatenate([some.t_utc_ns[some.offsets[:-1]] for some, _ in recordings])
    return begun(begin / 1e9, run=np.repeat(np.arange(len(recordings)), [len(some) for some, _ in recordings]))


def test_a_place_is_looked_at_again_by_a_later_picture_that_shows_it() -> None:
    own = tracks((100.0, 23.005, 52.005), (100.0, 23.005, 52.5), (100.0, 23.02, 52.005))
    assert left([(own, shown((160.0, 52.0)))]) == [1.0, 0.0, 0.0]
    assert left([(own, shown((104.0, 52.0)))]) == [0.0, 0.0, 0.0]
    assert left([(own, shown((60.0, 52.0)))]) == [0.0, 0.0, 0.0]
    assert left([(own, shown((160.0, 52.0), (169.0, 52.0), (300.0, 52.0), (301.0, 52.495)))]) == [2.0, 1.0, 0.0]


@pytest.mark.parametrize("earlier", [True, False])
def test_of_two_recordings_at_once_the_later_looks_at_the_earlier_ones_tracks(earlier: bool) -> None:
    """A pair's first track is of the earlier recording, so that the later one's are not asked for there."""
    mine, other = (tracks((100.0, 23.005, 52.005)), shown((20.0, 52.4))), (tracks(), shown((98.0, 52.0)))
    pair = [mine, other] if earlier else [other, mine]
    assert left(pair) == [float(earlier)]
    told = looked_again(pair)
    assert told is not None
    assert [some.tolist() for some in told.begun(traces(pair))] == [[float(not earlier)], [float(not earlier)], [0.0]]


def test_looks_between_two_tracks_are_counted_where_both_were() -> None:
    """Five looks at one place, at the first and the fourth of which something was followed; another place has one."""
    own = tracks((101.0, 23.005, 52.005), (401.0, 23.005, 52.005), (402.0, 23.005, 52.4))
    recording = [(own, shown(*((t, 52.0) for t in (98.0, 200.0, 300.0, 398.0, 500.0)), (400.0, 52.395)))]
    told = looked_again(recording)
    assert told is not None
    first, second = np.array([0, 0, 1]), np.array([1, 2, 2])
    assert told.skipped(traces(recording), first, second).tolist() == [2.0, 0.0, 0.0]


def test_where_no_outline_is_known_nothing_is_told_of_looks() -> None:
    nothing = Shown(rings=(), to_ns=np.zeros(0, dtype=np.int64))
    assert looked_again([(tracks((1.0, 23.0, 52.0), (2.0, 23.0, 52.0)), nothing)]) is None
