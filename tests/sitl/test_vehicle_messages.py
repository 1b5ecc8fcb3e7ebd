"""Nothing that a ground station may send brings the vehicle down."""

from __future__ import annotations

import inspect
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.plan_files.dialect import Dialect
from sitl.vehicle import VehicleConfig
from sitl.vehicle.vehicle import Vehicle

KINDS = (
    "command_long", "command_int", "set_mode", "mission_set_current", "param_request_list", "param_request_read",
    "param_set", "request_data_stream", "timesync", "ping", "set_position_target_global_int", "mission_count",
    "mission_item_int", "mission_item", "mission_request_list", "mission_request_int", "mission_request",
    "mission_clear_all", "mission_ack", "heartbeat", "manual_control", "rc_channels_override",
)  # fmt: skip
COMMANDS = (
    *(16, 17, 20, 21, 22, 176, 177, 178, 179, 192, 193, 195, 201, 205, 206, 207, 224),
    *(300, 400, 420, 511, 512, 1000, 2000),
)
FLOATS = st.floats(width=32)


def any_message(draw, kind: str):
    build = getattr(mavlink, f"MAVLink_{kind}_message")
    fields = []
    lengths = dict(zip(build.ordered_fieldnames, build.array_lengths, strict=True))
    for name, type_name in zip(build.fieldnames, build.fieldtypes, strict=True):
        length = lengths[name]
        if name == "command":
            fields.append(draw(st.sampled_from(COMMANDS)))
        elif name in ("target_system", "target_component"):
            fields.append(draw(st.sampled_from([0, 1])))
        elif type_name in ("float", "double"):
            fields.append(draw(FLOATS) if not length else [draw(FLOATS)] * length)
        elif type_name == "char":
            fields.append(draw(st.binary(max_size=max(1, length))))
        else:
            bits = 8 if "8" in type_name else 16 if "16" in type_name else 32 if "32" in type_name else 64
            low = 0 if type_name.startswith("uint") else -(2 ** (bits - 1))
            high = 2**bits - 1 if type_name.startswith("uint") else 2 ** (bits - 1) - 1
            whole = st.one_of(st.integers(0, 8), st.integers(low, high))
            fields.append(draw(whole) if not length else [draw(whole)] * length)
    by_name = dict(zip(build.fieldnames, fields, strict=True))
    order = [name for name in inspect.signature(build.__init__).parameters if name != "self"]
    return build(*[by_name[name] for name in order])


@st.composite
def conversations(draw):
    return [any_message(draw, draw(st.sampled_from(KINDS))) for _ in range(draw(st.integers(1, 12)))]


@pytest.mark.parametrize("dialect", list(Dialect))
@settings(max_examples=60, deadline=None)
@given(messages=conversations())
def test_no_message_breaks_the_vehicle(dialect, messages):
    sent = []
    config = VehicleConfig(home_lat_deg=54.0, home_lon_deg=23.0, dialect=dialect)
    vehicle = Vehicle(config, lambda message, to: sent.append(message))
    packer = mavlink.MAVLink(None, srcSystem=255, srcComponent=190)
    decoder = mavlink.MAVLink(None)
    out = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
    vehicle.step()
    for message in messages:
        vehicle.handle(decoder.decode(bytearray(message.pack(packer))))
        vehicle.tick(float(vehicle.steps))
        for _ in range(5):
            vehicle.step()
    assert math.isfinite(vehicle.state.lat_deg)
    for message in sent:
        message.pack(out)  # every answer can be sent


@pytest.mark.parametrize("place", [(math.inf, 23.0, 0.0), (54.0, math.nan, 0.0), (54.0, 23.0, -math.inf)])
def test_a_place_that_is_no_number_is_not_looked_at(place):
    vehicle = Vehicle(VehicleConfig(home_lat_deg=54.0, home_lon_deg=23.0), lambda message, to: None)
    vehicle.step()
    before = vehicle.gimbal.pitch_deg
    command = mavlink.MAVLink_command_long_message(1, 1, mavlink.MAV_CMD_DO_SET_ROI_LOCATION, 0, 0, 0, 0, 0, *place)
    packed = command.pack(mavlink.MAVLink(None, srcSystem=255, srcComponent=190))
    vehicle.handle(mavlink.MAVLink(None).decode(bytearray(packed)))
    for _ in range(50):
        vehicle.step()
    assert vehicle.gimbal.pitch_deg == pytest.approx(before)
