"""What an item is on the wire: numbers that are none, places that are none, by command and autopilot."""

from __future__ import annotations

import math

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.plan import MissionItem
from missions.plan_files.dialect import Dialect, MissionType
from missions.transfer import messages
from missions.transfer.values import Peer

YAW_MAY_BE_NONE = ("WAYPOINT", "LAND", "TAKEOFF", "VTOL_TAKEOFF", "VTOL_LAND")
"""ArduPilot, AP_Mission::sanity_check_params (4.6): in these NaN is the yaw that the vehicle has anyway."""
COMMANDS = sorted({number for number in mavlink.enums["MAV_CMD"] if 16 <= number <= 215})


def sent(dialect, command, **changes):
    item = MissionItem(
        seq=3, command=command, frame=3, **({"lat_deg": 50.25, "lon_deg": -8.5, "alt_m": 60.0} | changes)
    )
    return messages.item_message(Peer(system=1, component=1, dialect=dialect), item, 3, MissionType.MISSION)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_number_that_is_none_is_sent_as_such_where_the_autopilot_takes_it(command):
    none = dict.fromkeys(("p1", "p2", "p3", "p4"), math.nan)
    there = sent(Dialect.PX4, command, **none)
    assert all(math.isnan(value) for value in (there.param1, there.param2, there.param3, there.param4))
    there = sent(Dialect.ARDUPILOT, command, **none)
    assert (there.param1, there.param2, there.param3) == (0.0, 0.0, 0.0)
    allowed = {getattr(mavlink, f"MAV_CMD_NAV_{name}") for name in YAW_MAY_BE_NONE}
    assert math.isnan(there.param4) is (command in allowed)
    assert there.param4 == 0.0 or command in allowed


@pytest.mark.parametrize("dialect", [Dialect.ARDUPILOT, Dialect.PX4])
def test_an_item_keeps_its_numbers_and_its_place_to_ten_millionths_of_a_degree(dialect):
    there = sent(dialect, 16, p1=1.5, p2=2.5, p3=-3.5, p4=45.0)
    assert (there.param1, there.param2, there.param3, there.param4) == (1.5, 2.5, -3.5, 45.0)
    assert (there.x, there.y, there.z) == (502_500_000, -85_000_000, 60.0)
    assert (there.seq, there.command, there.frame, there.mission_type) == (3, 16, 3, 0)
    assert (there.target_system, there.target_component, there.autocontinue) == (1, 1, 1)
