"""Runs one vehicle against the wall clock, with its sockets and a control line."""

from __future__ import annotations

import json
import logging
import os
import select
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from sitl.errors import SitlError
from sitl.faults import fault_from_table
from sitl.vehicle.config import VehicleConfig
from sitl.vehicle.ports import Ports
from sitl.vehicle.vehicle import STEP_S, Vehicle

if TYPE_CHECKING:
    from typing import Any

BATCH_S: Final = 0.01
"""Wall seconds of stepping between two looks at the sockets."""
BEHIND_S: Final = 0.25
"""When simulated time is this far (wall seconds) behind, the lost time is let go rather than run after."""
logger = logging.getLogger(__name__)


class Runner:
    """One vehicle, its ports and its clock.

    Parameters
    ----------
    config
        The vehicle.
    truth_path
        Where the truth file goes, None for nowhere.
    """

    def __init__(self, config: VehicleConfig, truth_path: Path | None) -> None:
        self.ports = Ports(config)
        self.vehicle = Vehicle(config, self.ports.send, self.ports.link)
        self.vehicle.truth.path = truth_path
        self.stopping = False
        self.speedup = config.speedup
        self._anchor_wall = time.monotonic()
        self._anchor_steps = 0
        self._was_under_way = False

    def run(self, control: int | None = None) -> None:
        """Run until told to stop; `control` is a file descriptor of JSON lines, whose end also stops the vehicle."""
        pending = b""
        try:
            while not self.stopping:
                for message in self.ports.poll(self._advance()):
                    if message.get_type() == "SETUP_SIGNING":
                        self.ports.use_key(bytes(message.secret_key))
                    else:
                        self.vehicle.handle(message)
                self.vehicle.tick(time.monotonic())
                if control is not None and select.select([control], [], [], 0.0)[0]:
                    data = os.read(control, 65536)
                    self.stopping = not data
                    *lines, pending = (pending + data).split(b"\n")
                    for line in lines:
                        self.obey(json.loads(line))
        finally:
            self.vehicle.truth.save()
            self.ports.close()

    def obey(self, order: dict[str, Any]) -> None:
        """Carry out one line of the control channel."""
        if order.get("do") == "stop":
            self.stopping = True
        elif order.get("do") == "speedup":
            self.speedup = float(order["speedup"])
            self._anchor()
        elif order.get("do") == "fault":
            self.vehicle.faults.add(fault_from_table(order["fault"]), from_now=True)

    def _anchor(self) -> None:
        self._anchor_wall = time.monotonic()
        self._anchor_steps = self.vehicle.steps

    def _advance(self) -> float:
        """Step up to where the clock says, and return how long to wait for messages (seconds)."""
        vehicle = self.vehicle
        if vehicle.under_way is not self._was_under_way:
            self._was_under_way = vehicle.under_way
            self._anchor()
        now = time.monotonic()
        deadline = now + BATCH_S
        rate = self.speedup if vehicle.under_way else 1.0
        due = (now - self._anchor_wall) * rate / STEP_S if rate > 0.0 else float("inf")
        while vehicle.steps - self._anchor_steps < due and time.monotonic() < deadline:
            vehicle.step()
            if vehicle.under_way is not self._was_under_way:
                return 0.0
        if rate <= 0.0:
            return 0.0
        behind_s = (due - (vehicle.steps - self._anchor_steps)) * STEP_S / rate
        if behind_s > BEHIND_S:
            self._anchor()
        next_wall = self._anchor_wall + (vehicle.steps + 1 - self._anchor_steps) * STEP_S / rate
        return max(0.0, min(0.02, next_wall - time.monotonic()))


def serve(stdin: TextIO = sys.stdin, stdout: TextIO = sys.stdout) -> None:
    """Be a vehicle process: read the configuration from the first line, say which ports, run until the input ends."""
    first = json.loads(stdin.readline())
    config = VehicleConfig.from_json(first["config"])
    truth = Path(first["truth_path"]) if first["truth_path"] else None
    try:
        runner = Runner(config, truth)
    except SitlError as error:
        stdout.write(json.dumps({"error": error.message}) + "\n")
        stdout.flush()
        sys.exit(error.exit_status)
    if first["told_path"]:
        runner.vehicle.truth.tell(Path(first["told_path"]))
    stdout.write(json.dumps({"tcp_port": runner.ports.tcp_port, "udp_port": runner.ports.udp_port}) + "\n")
    stdout.flush()
    runner.run(stdin.fileno())
