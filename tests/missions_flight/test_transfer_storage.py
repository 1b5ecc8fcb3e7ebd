"""What ArduPilot and PX4 give back of an item, from their sources, and what counts as different."""

from __future__ import annotations

import math

import pytest

from missions.plan import MissionItem
from missions.plan_files.dialect import Dialect, MissionType
from missions.transfer.storage import differences, kept
from missions.transfer.values import Peer

COPTER = Peer(system=1, component=1)
PLANE = Peer(system=1, component=1, fixed_wing=True)
PX4 = Peer(system=1, component=1, dialect=Dialect.PX4)
NAN = math.nan


def item(command: int, *p: float, frame: int = 3, alt: float = 50.0, seq: int = 1) -> MissionItem:
    p1, p2, p3, p4 = (*p, *([0.0] * (4 - len(p))))
    return MissionItem(
        seq=seq, command=command, frame=frame, p1=p1, p2=p2, p3=p3, p4=p4, lat_deg=51.0, lon_deg=4.0, alt_m=alt
    )


@pytest.mark.parametrize(
    ("peer", "sent", "back"),
    [
        (COPTER, item(16, 2.9, 5, 6, 90), (2, 0, 0, 0)),
        (PLANE, item(16, 2.9, 25, 7, 90), (0, 25, 7, 0)),
        (COPTER, item(16, NAN, NAN, NAN, NAN), (0, 0, 0, 0)),
        (COPTER, item(17, 0, 0, -80.5, 0), (0, 0, -80, 0)),
        (COPTER, item(19, 30.7, 0, -50, 1), (30, 0, -1, 1)),
        (COPTER, item(21, 0, 0, 0, NAN), (0, 0, 0, 1)),
        (COPTER, item(22, 15.5, 0, 0, NAN), (15, 0, 0, 0)),
        (COPTER, item(31, 1, -60.9, 0, 1), (0, -60, 0, 1)),
        (COPTER, item(177, 3.0, -1.0), (3, -1, 0, 0)),
        (COPTER, item(203, 1, 0, -1, 0), (1, 0, -1, 0)),
        (COPTER, item(206, 25.5, 9, 1, 4), (25.5, 0, 1, 0)),
        (COPTER, item(1000, -47.6, 123.9, NAN, NAN), (-47, 123, 0, 0)),
        (COPTER, item(1000, -200.0, 0, 0, 0), (56, 0, 0, 0)),
        (COPTER, item(2000, 0, 2.5, 70_000, 3), (0, 2.5, 4464, 3)),
        (PX4, item(16, 1, 2, 3, 270), (1, 2, 0, -90)),
        (PX4, item(22, 15, 0, 0, NAN), (0, 0, 0, NAN)),
    ],
)
def test_parameters_as_the_autopilot_keeps_them(peer, sent, back) -> None:
    held = kept(sent, peer, MissionType.MISSION)
    assert (held.p1, held.p2, held.p3, held.p4) == pytest.approx(back, nan_ok=True)
    assert differences([item(16, seq=0), sent], [item(16, seq=0), held], peer, MissionType.MISSION) == ()


@pytest.mark.parametrize("command", [20, 115, 177, 178, 203])
def test_the_frame_of_commands_without_a_place_reads_back_zero(command) -> None:
    assert kept(item(command, frame=2), COPTER, MissionType.MISSION).frame == 0


def test_the_int_frames_read_back_plain_and_heights_in_centimetres() -> None:
    held = kept(item(16, frame=6, alt=60.128), COPTER, MissionType.MISSION)
    assert (held.frame, held.alt_m) == (3, 60.12)


def test_a_fence_loses_its_height_and_a_rally_point_its_decimals() -> None:
    assert kept(item(5001, 4, alt=30.0), COPTER, MissionType.FENCE).alt_m == 0.0
    assert kept(item(5100, alt=50.9), COPTER, MissionType.RALLY).alt_m == 50.0


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("command", 17), ("frame", 0), ("frame", 10), ("p1", 7.0), ("lat_deg", 51.0000001), ("lon_deg", 4.0000002),
        ("alt_m", 50.05), ("alt_m", 0.0),
    ],
)  # fmt: skip
@pytest.mark.parametrize("peer", [COPTER, PLANE, PX4])
def test_any_other_value_is_a_difference(peer, field, change) -> None:
    import dataclasses

    if peer is PLANE and field == "p1":
        change = 8.0
    sent = item(16, 3)
    held = dataclasses.replace(sent, **{field: change})
    first = item(16, seq=0)
    found = differences([first, sent], [first, held], peer, MissionType.MISSION)
    assert [(d.seq, d.field) for d in found] == [(1, field)]


def test_home_is_the_vehicles_own_and_only_counted() -> None:
    home, other = item(16, seq=0), item(16, 5, alt=3.0, seq=0)
    assert differences([home], [other], COPTER, MissionType.MISSION) == ()
    assert differences([home], [other], PX4, MissionType.MISSION) != ()
    assert differences([home, item(16)], [other], COPTER, MissionType.MISSION)[0].field == "items"


def test_an_empty_mission_may_keep_home_on_ardupilot() -> None:
    assert differences([], [item(16, seq=0)], COPTER, MissionType.MISSION) == ()
    assert differences([], [item(16, seq=0)], PX4, MissionType.MISSION) != ()
