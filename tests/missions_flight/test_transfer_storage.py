"""What ArduPilot and PX4 give back of an item, from their sources, and what counts as different."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from missions.checks.autopilot_rules_ardupilot import SUPPORTED as ARDUPILOT_SUPPORTED
from missions.plan import MissionItem
from missions.plan_files.dialect import Dialect, MissionType
from missions.transfer.storage import differences, kept
from missions.transfer.storage_tables import ARDUPILOT, PX4_MISSION, PX4_PLACED
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


ARDUPILOT_ROWS = [
    # command, sent, back: worked out by hand from the packed structures of AP_Mission.h and the two conversions
    (16, (2.9, 5, 6, 90), (2, 0, 0, 0)),
    (16, (NAN, NAN, NAN, NAN), (0, 0, 0, 0)),
    (17, (0, 0, -80.5, 0), (0, 0, -80, 0)),
    (18, (3, 9, -120.7, 1), (3, 0, -120, 1)),
    (18, (0.5, 0, 987, 0), (0.5, 0, 980, 0)),
    (18, (0.3, 0, 9000, -1), (76 / 256, 0, 2550, 0)),
    (18, (300, 0, 255, 0), (255, 0, 255, 0)),
    (19, (30.7, 0, -50, 1), (30, 0, -1, 1)),
    (20, (1, 2, 3, 4), (0, 0, 0, 0)),
    (21, (0, 0, 0, NAN), (0, 0, 0, 1)),
    (21, (12.8, 2, 0, -90), (12, 0, 0, -1)),
    (22, (15.5, 0, 0, NAN), (15, 0, 0, 0)),
    (30, (1, 1, 1, 1), (1, 0, 0, 0)),
    (31, (1, -60.9, 0, 1), (0, -60, 0, 1)),
    (82, (5.5, 1, 1, 1), (5, 0, 0, 0)),
    (83, (1200.5, -2.5, 300, 9), (1200.5, -2.5, 44, 0)),
    (84, (1, 2, 3, NAN), (0, 0, 0, 0)),
    (85, (1, 2, 40, NAN), (1, 0, 0, 0)),
    (92, (1, 5, 5, 5), (1, 0, 0, 0)),
    (93, (12.5, -1, 30, 59), (12.5, -1, 30, 59)),
    (93, (-1, 23, 200, 0), (-1, 23, -56, 0)),
    (94, (7.256, 1, 1, 1), (7.25, 0, 0, 0)),
    (112, (3.5, 1, 1, 1), (3.5, 0, 0, 0)),
    (114, (25.5, 1, 1, 1), (25.5, 0, 0, 0)),
    (115, (123.4, 5.5, -1, 1), (123.4, 5.5, -1, 1)),
    (115, (90, 0, 0, 2), (90, 0, 0, 2)),
    (115, (90, 0, 0.7, 300), (90, 0, 0, 44)),
    (176, (4, 5, 6, 0), (4, 0, 0, 0)),
    (177, (3.0, -1.0, 9, 9), (3, -1, 0, 0)),
    (177, (3.0, 40_000, 0, 0), (3, -25_536, 0, 0)),
    (178, (1, 12.5, -1, 1), (1, 12.5, -1, 0)),
    (178, (257, 12.5, 0, 0), (1, 12.5, 0, 0)),
    (179, (1, 1, 1, 45), (1, 0, 0, 0)),
    (181, (300, 1, 1, 1), (44, 1, 0, 0)),
    (182, (2, -5.5, 2.5, 1), (2, -5, 2.5, 0)),
    (183, (9, 1500.5, 1, 1), (9, 1500, 0, 0)),
    (184, (9, 1500, 3.9, 2.5), (9, 1500, 3, 2.5)),
    (188, (1, 1, 1, 1), (0, 0, 0, 0)),
    (189, (1, 1, 1, 1), (0, 0, 0, 0)),
    (191, (30, 1, 1, 1), (0, 0, 0, 0)),
    (193, (1, 1, 1, 1), (1, 0, 0, 0)),
    (194, (1, 1, 1, 1), (1, 0, 0, 0)),
    (195, (2, 1, 1, 1), (2, 0, 0, 0)),
    (197, (2, 1, 1, 1), (2, 0, 0, 0)),
    (201, (3, 1, 1, 1), (3, 0, 0, 0)),
    (202, (1, 1000, 56, 400), (1, 1000, 56, 400)),
    (203, (1, 0, -1, 0), (1, 0, -1, 0)),
    (205, (-45.5, 0.5, 12.25, 1), (-45.5, 0.5, 12.25, 0)),
    (206, (25.5, 9, 1, 4), (25.5, 0, 1, 0)),
    (206, (25.5, 0, 2.5, 0), (25.5, 0, 2, 0)),
    (207, (2, 1, 1, 1), (2, 0, 0, 0)),
    (208, (2, 1, 1, 1), (2, 0, 0, 0)),
    (210, (1, 1, 1, 1), (1, 0, 0, 0)),
    (211, (1, 1, 1, 1), (1, 1, 0, 0)),
    (212, (1, 1, 1, 1), (1, 0, 0, 0)),
    (213, (45.5, 2.5, 1, 1), (45.5, 2.5, 1, 0)),
    (215, (30, 1, 1, 1), (30, 0, 0, 0)),
    (216, (1, 1, 1, 1), (1, 0, 0, 0)),
    (217, (70_000, 1.5, 2.5, 3.5), (4464, 1.5, 2.5, 3.5)),
    (218, (300, 258, 1, 1), (300, 2, 0, 0)),
    (222, (9.5, 10.5, 120.5, 300.5), (9, 10.5, 120.5, 300.5)),
    (223, (1, 0, 12.345, 3), (1, 0, 12.34, 1)),
    (531, (2, 45.5, 1, 1), (2, 45.5, 0, 0)),
    (532, (2, 45.5, 1, 1), (2, 45.5, 0, 0)),
    (534, (1, 2, 300, 1), (1, 2, 44, 0)),
    (600, (7.5, 1, 1, 1), (7, 0, 0, 0)),
    (601, (7, -1, 1, 1), (7, -1, 0, 0)),
    (1000, (-47.6, 123.9, NAN, NAN), (-47, 123, 0, 0)),
    (1000, (-200.0, 0, 0, 0), (56, 0, 0, 0)),
    (2000, (0, 2.5, 70_000, 3), (0, 2.5, 4464, 3)),
    (2001, (300, 1, 1, 1), (300, 0, 0, 0)),
    (2500, (1, 2, 3, 0), (1, 0, 0, 0)),
    (2501, (1, 2, 3, 0), (1, 0, 0, 0)),
    (3000, (4, 1, 1, 1), (4, 0, 0, 0)),
    (42600, (1, 2, -3.5, 0.5), (1, 2, -3.5, 0.5)),
    (42702, (1, 300, 0.1, 3), (1, 44, 0.0999755859375, 3)),
    (42703, (70_000, 181, -45.5, -181), (65_535, 0, -45, 0)),
    (16, (-5, 0, 0, 0), (0, 0, 0, 0)),
]
PX4_ROWS = [
    # worked out by hand from parse_mavlink_mission_item and format_mavlink_mission_item
    (16, (1.5, 2.5, 3, 270), (1.5, 2.5, 0, 270)),
    (16, (0, 0, 0, -45), (0, 0, 0, 315)),
    (17, (1, 2, -80.5, 90), (0, 0, -80.5, 90)),
    (19, (30.5, 0.5, 80, 90), (30.5, 1, 80, 1)),
    (21, (25, 2.7, 1, NAN), (0, 2, 0, NAN)),
    (22, (15, 0, 0, NAN), (0, 0, 0, NAN)),
    (31, (1, -60.5, 1, 1), (1, -60.5, 0, 1)),
    (84, (1, 2, 3, 90), (0, 0, 0, 90)),
    (85, (1, 2, 3, NAN), (0, 0, 0, NAN)),
    (195, (1, 1, 1, 1), (0, 0, 0, 0)),
]
FENCE_ROWS = [
    # inclusion and exclusion polygons hold their number of corners, circles their radius; nothing else is kept
    *((PX4, c, (4.0, 7, 8, 9), (4.0, 0, 0, 0)) for c in (5001, 5002)),
    *((PX4, c, (250.5, 7, 8, 9), (250.5, 0, 0, 0)) for c in (5003, 5004)),
    *((COPTER, c, (4.0, 7, 8, 9), (4.0, 0, 0, 0)) for c in (5001, 5002)),
    *((COPTER, c, (250.5, 7, 8, 9), (250.5, 0, 0, 0)) for c in (5003, 5004)),
]
PX4_MISSION_ROWS = [
    *((c, (1.5, -2.5, 3.5, NAN), (1.5, -2.5, 3.5, NAN)) for c in (93, 112, 178, 203, 205, 206, 211, 530, 532, 1000)),
    (177, (3.9, -1, 5, 6), (3, 0, 5, 6)),
]


@pytest.mark.parametrize(
    ("peer", "sent", "back"),
    [
        *((COPTER, item(c, *p), back) for c, p, back in ARDUPILOT_ROWS),
        (PLANE, item(16, 2.9, 25, 7, 90), (0, 25, 7, 0)),
        (PLANE, item(16, 2.9, 300, 256.5, 90), (0, 255, 255, 0)),
        *((PX4, item(c, *p), back) for c, p, back in PX4_ROWS),
        *((PX4, item(c, *p, frame=2), back) for c, p, back in PX4_MISSION_ROWS),
    ],
)
def test_parameters_as_the_autopilot_keeps_them(peer, sent, back) -> None:
    held = kept(sent, peer, MissionType.MISSION)
    assert (held.p1, held.p2, held.p3, held.p4) == pytest.approx(back, nan_ok=True)
    assert differences([item(16, seq=0), sent], [item(16, seq=0), held], peer, MissionType.MISSION) == ()


@pytest.mark.parametrize(("peer", "command", "sent", "back"), FENCE_ROWS)
def test_a_fence_keeps_its_corners_and_radii(peer, command, sent, back) -> None:
    held = kept(item(command, *sent), peer, MissionType.FENCE)
    assert (held.p1, held.p2, held.p3, held.p4) == back
    other = dataclasses.replace(held, p1=held.p1 + 2.0)
    assert [one.field for one in differences([item(command, *sent)], [other], peer, MissionType.FENCE)] == ["p1"]


def test_every_command_has_a_row_worked_out_by_hand() -> None:
    assert set(ARDUPILOT) == {command for command, *_ in ARDUPILOT_ROWS}
    assert {c for c in PX4_PLACED if c < 5000} <= {command for command, *_ in PX4_ROWS}
    assert {c for c in PX4_PLACED if c >= 5000} == {command for peer, command, *_ in FENCE_ROWS if peer is PX4}
    assert set(PX4_MISSION) <= {command for command, *_ in PX4_MISSION_ROWS}


def test_every_command_that_is_judged_accepted_has_its_storage_described() -> None:
    assert set(ARDUPILOT) == ARDUPILOT_SUPPORTED | {176}


@pytest.mark.parametrize(
    ("command", "sent", "back"),
    [
        (1000, (12, 0, 2.0), (12, 0, 2.0)),
        (1000, (300, 7, 1.0), (44, 0, 1.0)),
        (203, (1, 5, 3.0), (1, 5, 0.0)),
        (202, (2, 3, 1.5), (2, 3, 1.5)),
        (205, (0, 0, 2.0), (0, 0, 2.0)),
        (205, (0, 0, 4.0), (0, 0, 2.0)),
        (42702, (40_000, -5, 0.0), (-25_536, -5, 0.0)),
        (42703, (250, 3, 0.0), (250, 0, 0.0)),
        (178, (5, 6, 7.0), (0, 0, 0.0)),
    ],
)
def test_parameters_5_to_7_of_commands_without_a_place(command, sent, back) -> None:
    row = MissionItem(seq=1, command=command, frame=2, lat_deg=sent[0], lon_deg=sent[1], alt_m=sent[2])
    held = kept(row, COPTER, MissionType.MISSION)
    numbers = tuple(0.0 if math.isnan(v) else v for v in (held.lat_deg, held.lon_deg, held.alt_m))
    assert numbers == back
    first = item(16, seq=0)
    assert differences([first, row], [first, held], COPTER, MissionType.MISSION) == ()
    assert differences([row], [kept(row, PX4, MissionType.MISSION)], PX4, MissionType.MISSION) == ()
    assert kept(row, PX4, MissionType.MISSION).alt_m == row.alt_m
    changed = dataclasses.replace(held, lat_deg=99.0)
    assert [d.field for d in differences([first, row], [first, changed], COPTER, MissionType.MISSION)] == ["lat_deg"]


@pytest.mark.parametrize(
    ("sent", "back"),
    [
        (item(18, 0.5, 0, 300, 0), (0, 0, 44, 0)),
        (item(16, -5), (65_531, 0, 0, 0)),
        (item(21, 0, 0, 0, NAN), (0, 0, 0, 1)),
        (item(42702, 1, 2, 0.1, 0.1), (1, 2, 0.1, 0.1)),
    ],
)
def test_earlier_firmware_and_the_simulator_may_read_back_otherwise(sent, back) -> None:
    held = dataclasses.replace(sent, **dict(zip(("p1", "p2", "p3", "p4"), map(float, back), strict=True)))
    first = item(16, seq=0)
    assert differences([first, sent], [first, held], COPTER, MissionType.MISSION) == ()


@settings(max_examples=300, deadline=None)
@given(
    command=st.sampled_from(sorted(ARDUPILOT)),
    p=st.tuples(*[st.floats(width=32)] * 4),
    z=st.floats(width=32),
    peer=st.sampled_from([COPTER, PLANE, PX4]),
    mission_type=st.sampled_from(list(MissionType)),
)
def test_any_item_can_be_stored_and_its_read_back_is_foreseen(command, p, z, peer, mission_type) -> None:
    sent = item(command, *p, alt=z)
    held = kept(sent, peer, mission_type)
    first = item(16, seq=0)
    assert differences([first, sent], [first, held], peer, mission_type) == ()


@pytest.mark.parametrize("command", [20, 115, 177, 178, 203])
def test_the_frame_of_commands_without_a_place_reads_back_zero(command) -> None:
    assert kept(item(command, frame=2), COPTER, MissionType.MISSION).frame == 0


@pytest.mark.parametrize("peer", [COPTER, PX4])
@pytest.mark.parametrize(("sent", "back"), [(0, 0), (3, 3), (10, 10), (5, 0), (6, 3), (11, 10)])
def test_the_int_frames_read_back_as_their_plain_twins(peer, sent, back) -> None:
    assert kept(item(16, frame=sent), peer, MissionType.MISSION).frame == back


def test_px4_reads_a_heading_back_the_other_way_round() -> None:
    sent, first = item(16, 0, 0, 0, 200.0), item(16, seq=0)
    assert kept(sent, PX4, MissionType.MISSION).p4 == 200.0
    for back, same in ((200.0, True), (-160.0, True), (-161.0, False)):
        held = dataclasses.replace(sent, p4=back)
        assert (differences([first, sent], [first, held], PX4, MissionType.MISSION) == ()) is same


def test_px4_rounds_the_place_of_a_command_without_one_to_a_float():
    """DO_LAND_START at 47.3787038 N, in the frame of commands: 473787038 is kept in 24 bits, a multiple of 32."""
    sent = MissionItem(seq=8, command=189, frame=2, lat_deg=47.3787038, lon_deg=112.59, alt_m=40.0)
    for back_deg, same in ((47.378704, True), (47.3787038, True), (47.3787072, False)):
        held = dataclasses.replace(sent, lat_deg=back_deg)
        assert bool(differences([sent], [held], PX4, MissionType.MISSION)) is not same
    placed = dataclasses.replace(sent, command=16, frame=3)
    assert differences([placed], [dataclasses.replace(placed, lat_deg=47.378704)], PX4, MissionType.MISSION)


def test_heights_read_back_in_centimetres() -> None:
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
