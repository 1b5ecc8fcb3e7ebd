"""Events held against what things really did: hand-made walks over a line, into a zone, together, standing, turning."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from detection.event_scoring import SCORED, EventScore, added, score_events
from detection.events import CROSSING, ENTERING, STANDING, TOGETHER, TURNING, Event, Watched
from detection.truth import FilmTruth

T0 = 1_750_000_000_000_000_000
NORTH, EAST = 111_259.0, 68_678.0
SECONDS = 40
WATCHED = Watched(
    lines=(((52.0, 23.5), (52.0, 23.6)),),
    zones={"yard": tuple((52.0 + n / NORTH, 23.5 + e / EAST) for e, n in ((0, 0), (60, 0), (60, 80), (0, 80)))},
    standing_s=20.0,
)
"""Our side is north of the line."""


def truth(walks: list[tuple[float, float, float, float]]) -> FilmTruth:
    """Things at east, north with rates, a picture a second; the third turns round half way."""
    frame, thing = (axis.ravel() for axis in np.meshgrid(np.arange(SECONDS), np.arange(len(walks)), indexing="ij"))
    start, rate = (np.array([walk[at : at + 2] for walk in walks])[thing] for at in (0, 2))
    gone = np.where(thing == 2, SECONDS / 2 - np.abs(frame - SECONDS / 2), frame)
    place = start + rate * gone[:, None]
    some, count = np.zeros(SECONDS), len(frame)
    return FilmTruth(
        width_px=640, height_px=512, class_names=("person",), frame_t_utc_ns=T0 + np.arange(SECONDS) * 10**9,
        camera_lat_deg=some, camera_lon_deg=some, camera_alt_hae_m=some, camera_yaw_deg=some, camera_pitch_deg=some,
        camera_roll_deg=some, hfov_deg=some, thing_frame=frame, object_id=thing, class_number=np.zeros(count, int),
        boxes_px=np.tile([100.0, 100.0, 110.0, 120.0], (count, 1)), visible=np.ones(count),
        lat_deg=52.0 + place[:, 1] / NORTH, lon_deg=23.5 + place[:, 0] / EAST, alt_hae_m=np.zeros(count),
        speed_mps=np.zeros(count), heading_deg=np.zeros(count),
    )  # fmt: skip


WALKS = [(30.0, 20.0, 0.0, -1.0), (-20.0, 40.0, 1.0, 0.0), (300.0, 300.0, 1.0, 0.0), (30.0, -300.0, 0.0, 0.0)]
"""Over the line outward, leaving the zone by it; into the zone from the west; to and fro; standing far off."""


def event(kind: str, tracks: tuple[str, ...], chance: float, **details: str) -> Event:
    return Event(
        event_id="E", kind=kind, t_utc_ns=T0 + 10 * 10**9, t_to_utc_ns=T0 + 20 * 10**9, track_ids=tracks,
        probability=chance, lat_deg=52.0, lon_deg=23.5, ce90_m=1.0, details=details,
    )  # fmt: skip


def by_kind(events: list[Event], there: FilmTruth) -> dict[str, EventScore]:
    things = {f"T-{k}": k for k in range(8)}
    return {one.kind: one for one in score_events(events, things, there, WATCHED)}


def test_what_happened_is_counted_kind_by_kind() -> None:
    score = by_kind([], truth(WALKS))
    happened = {kind: score[kind].happened for kind in SCORED}
    assert happened == {
        CROSSING: 1, ENTERING: 1, "leaving a zone": 1, STANDING: 1, TURNING: 1, TOGETHER: 0
    }  # fmt: skip
    near = [(30.0 + 4.0 * k, -300.0, 0.0, 0.0) for k in range(3)]
    assert by_kind([], truth([*WALKS[:3], *near]))[TOGETHER].happened == 1
    apart = [(30.0 + 20.0 * k, -300.0, 0.0, 0.0) for k in range(3)]
    assert by_kind([], truth([*WALKS[:3], *apart]))[TOGETHER].happened == 0


def test_told_events_are_right_by_thing_kind_and_direction() -> None:
    told = [
        event(CROSSING, ("T-0",), 0.9, direction="outward"),
        event(CROSSING, ("T-0",), 0.7, direction="inward"),
        event(CROSSING, ("T-1",), 0.8, direction="outward"),
        event(CROSSING, ("T-9",), 0.6, direction="outward"),
        event(CROSSING, ("T-0",), 0.3, direction="outward"),
        event(ENTERING, ("T-1",), 0.4, zone="yard"),
        event(ENTERING, ("T-1",), 0.9, zone="field"),
    ]
    score = by_kind(told, truth(WALKS))
    crossing = score[CROSSING]
    assert (crossing.happened, crossing.found, crossing.told, crossing.right) == (1, 1, 4, 1)
    assert crossing.expected == pytest.approx(3.3)
    assert crossing.came_true == 2
    assert (score[ENTERING].happened, score[ENTERING].found, score[ENTERING].told, score[ENTERING].right) == (
        1,
        0,
        1,
        0,
    )


def test_an_event_of_another_time_is_another_event() -> None:
    later = dataclasses.replace(
        event(CROSSING, ("T-0",), 0.9, direction="outward"), t_utc_ns=T0 + 90 * 10**9, t_to_utc_ns=T0 + 91 * 10**9
    )
    assert by_kind([later], truth(WALKS))[CROSSING].right == 0


def test_scores_of_films_add_up() -> None:
    one = score_events([], {}, truth(WALKS), WATCHED)
    both = added([one, one])
    assert [score.happened for score in both] == [2 * score.happened for score in one]
    assert added([]) == ()
