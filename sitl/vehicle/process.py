"""Starts and stops vehicle processes."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Final, Self

from geo.children.process import environment_of_ours
from sitl.errors import SitlError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Any

    from sitl.faults import Fault
    from sitl.vehicle.config import VehicleConfig


STOP_S: Final = 10.0


class VehicleProcess:
    """A running vehicle; a context manager that stops it.

    Attributes
    ----------
    tcp_port, udp_port
        The ports it listens on (loopback), None where it has none.
    """

    def __init__(self, process: subprocess.Popen[str], config: VehicleConfig, truth_path: Path | None) -> None:
        self.config = config
        self.truth_path = truth_path
        self._process = process
        answer = self._first_answer()
        self.tcp_port: int | None = answer["tcp_port"]
        self.udp_port: int | None = answer["udp_port"]

    def _first_answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline() if self._process.stdout else ""
        answer: dict[str, Any] = json.loads(line) if line.strip() else {"error": "it ended without a word"}
        if "error" in answer:
            self._process.wait(timeout=STOP_S)
            self._close_pipes()
            raise SitlError(f"the simulated vehicle did not start: {answer['error']}", sysid=self.config.sysid)
        return answer

    @property
    def link_url(self) -> str:
        """How to reach it: `tcp:` if it has a TCP port, else `udpout:`."""
        if self.tcp_port is not None:
            return f"tcp:127.0.0.1:{self.tcp_port}"
        return f"udpout:127.0.0.1:{self.udp_port}"

    @property
    def udp_url(self) -> str:
        """How to reach it over UDP."""
        return f"udpout:127.0.0.1:{self.udp_port}"

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process.poll() is None

    def order(self, **order: object) -> None:
        """Send one line down the control channel."""
        if self._process.stdin and self.running:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()

    def set_speedup(self, speedup: float) -> None:
        """Change how fast simulated time runs in the air."""
        self.order(do="speedup", speedup=speedup)

    def inject(self, fault: Fault) -> None:
        """Let a fault happen; its `at_s` counts from now (after take-off)."""
        self.order(do="fault", fault=dataclasses.asdict(fault))

    def stop(self) -> None:
        """Stop the vehicle, wait until its truth file is in place, and end the process whatever happens."""
        if self.running:
            try:
                self.order(do="stop")
                self._process.wait(timeout=STOP_S)
            except (subprocess.TimeoutExpired, BrokenPipeError):
                self._process.kill()
                self._process.wait()
        self._close_pipes()

    def _close_pipes(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None and not pipe.closed:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start_vehicle(
    config: VehicleConfig, *, truth_path: Path | None = None, told_path: Path | None = None
) -> VehicleProcess:
    """Start a vehicle in its own process and return once its ports are open.

    The truth is written to `truth_path` when it ends, and told row by row in `told_path` while it flies.
    The process ends when `stop` is called, when the context is left, or when
    this process ends, however it ends.

    Raises
    ------
    SitlError
        When it cannot start (a port that is taken, a folder that is missing).
    """
    if truth_path is not None and not truth_path.resolve().parent.is_dir():
        raise SitlError(f"the folder for the truth file {truth_path} does not exist; make it first")
    process = subprocess.Popen(
        [sys.executable, "-m", "sitl.vehicle"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=environment_of_ours(os.environ),
    )
    paths = {"truth_path": truth_path, "told_path": told_path}
    first = {"config": config.to_json()} | {name: str(path.resolve()) if path else "" for name, path in paths.items()}
    if process.stdin:
        process.stdin.write(json.dumps(first) + "\n")
        process.stdin.flush()
    return VehicleProcess(process, config, truth_path)
