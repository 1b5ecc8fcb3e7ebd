"""What preflight knows of a vehicle that tells late: it waits by the vehicle's own clock, not by the wall."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from missions.flight.preflight_facts import FactsAsked, gather
from missions.flight.state import VehicleState


class SlowVehicle:
    """A positioned vehicle on a machine so busy that a second of the wall is a tenth of one of its own."""

    def __init__(self, tells_at_s: float) -> None:
        self.state, self.wall_s = VehicleState(), 0.0
        self.state.autopilot, self.state.t_boot_s, self.state.version = 3, 100.0, 0x04060000
        self.state.lat_deg, self.state.lon_deg, self.state.home = 50.0, 8.0, (50.0, 8.0, 100.0)
        self.state.gps_fix, self.state.ekf_flags = 3, 0x33F
        self.asked: list[int] = []
        self.tells_at_s = tells_at_s
        self.parameters = SimpleNamespace(values=lambda names: {})

    def tell(self, _number: int, message_id: int) -> None:
        self.asked.append(message_id)

    def wait(self, seconds: float, until) -> None:
        end_s = self.wall_s + seconds
        while self.wall_s < end_s and not until():
            self.wall_s += 0.1
            self.state.t_boot_s += 0.01
            if self.state.t_boot_s >= 100.0 + self.tells_at_s:
                self.state.battery_pct = 87.0


@pytest.mark.parametrize(("tells_at_s", "heard_pct", "longest_wall_s"), [
    (0.02, 87.0, 1.1),  # at once: nobody waits
    (4.5, 87.0, 46.0),
    (math.inf, math.nan, 54.0),  # no battery monitor: three seconds of asking, then five of the vehicle's own
])  # fmt: skip
def test_a_battery_is_waited_for_by_the_vehicles_clock(tells_at_s, heard_pct, longest_wall_s):
    vehicle = SlowVehicle(tells_at_s)
    asked = FactsAsked(ready_timeout_s=240.0, fence_uploaded=False, will_enable_fence=False)
    facts = gather(vehicle, vehicle.state, vehicle.wait, asked, now_unix_s=0.0)
    assert facts.battery_pct == pytest.approx(heard_pct, nan_ok=True)
    assert vehicle.wall_s <= longest_wall_s
    assert 1 in vehicle.asked  # SYS_STATUS
