"""Whether places were looked at again: squares of ground, and tracks that end inside and outside of them."""

from __future__ import annotations

import numpy as np
import pytest

from detection.ground_tracks import GroundTrack, GroundTracks
from detection.looked_again import Shown, looked_again


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


def test_a_place_is_looked_at_again_by_a_later_picture_that_shows_it() -> None:
    own = tracks((100.0, 23.005, 52.005), (100.0, 23.005, 52.5), (100.0, 23.02, 52.005))
    assert looked_again([(own, shown((160.0, 52.0)))]).tolist() == [True, False, False]
    assert looked_again([(own, shown((104.0, 52.0)))]).tolist() == [False, False, False]
    assert looked_again([(own, shown((60.0, 52.0)))]).tolist() == [False, False, False]


@pytest.mark.parametrize("earlier", [True, False])
def test_of_two_recordings_at_once_the_later_looks_at_the_earlier_ones_tracks(earlier: bool) -> None:
    """A pair's first track is of the earlier recording, so that the later one's are not asked for there."""
    mine, other = (tracks((100.0, 23.005, 52.005)), shown((20.0, 52.4))), (tracks(), shown((98.0, 52.0)))
    pair = [mine, other] if earlier else [other, mine]
    assert looked_again(pair).tolist() == [earlier]


def test_where_no_outline_is_known_all_may_be_seen_again() -> None:
    nothing = Shown(rings=(), to_ns=np.zeros(0, dtype=np.int64))
    assert looked_again([(tracks((1.0, 23.0, 52.0), (2.0, 23.0, 52.0)), nothing)]).tolist() == [True, True]
