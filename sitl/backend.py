"""What the real simulators have in common: a program found, started in a folder of its own, waited for, stopped."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from missions.links.link import open_link
from missions.links.link_transport import LinkError
from sitl.ends_with_parent import ending_with_us
from sitl.errors import SitlError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from missions.links.link import Link

STOP_S: Final = 1.0
"""Wall seconds in which it may end by itself: what it would still write nobody reads."""
STATION_S: Final = 15.0
"""Wall seconds that a simulator in fast time waits for a ground station: on a loaded machine one is late."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """Where an instance starts, and as which one."""

    lat_deg: float
    lon_deg: float
    alt_amsl_m: float
    heading_deg: float = 0.0
    instance: int = 0
    speedup: float = 1.0


def waits_s(usual_s: float, most_s: float, speedup: float) -> float:
    """Return how many simulated seconds a timer waits for a station that counts wall seconds."""
    return usual_s if speedup <= 1.0 else min(max(usual_s, STATION_S * speedup), most_s)


def find_binary(names: Sequence[str], *, option: Path | None, variable: str) -> Path:
    """Return the simulator's program: the option, the environment variable, or the first name on PATH.

    Raises
    ------
    SitlError
        When there is none, saying all three ways.
    """
    for given, source in ((option, "--binary"), (os.environ.get(variable), variable)):
        if given:
            path = Path(given)
            if not path.is_file() or not os.access(path, os.X_OK):
                raise SitlError(f"{source} names {path}, which is no program that can be run", path=str(path))
            return path.resolve()
    for name in names:
        found = shutil.which(name)
        if found:
            return Path(found).resolve()
    raise SitlError(f"no {names[0]} found: put it on PATH, set {variable}, or give --binary PATH", names=list(names))


class Simulator:
    """A running real autopilot simulator; a context manager that stops it and all it started.

    It ends too when the thread that started it is gone, by a SIGKILL of the process for one (Linux).

    Parameters
    ----------
    command
        The program and its arguments.
    folder
        Its run directory (its parameters, logs and terrain stay there).
    link_url
        Where it answers.
    """

    def __init__(self, command: Sequence[str], folder: Path, link_url: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.link_url = link_url
        self._console = folder / "console.log"
        self._output = self._console.open("wb")
        self._process = subprocess.Popen(  # noqa: S603 - the program that a person named or installed
            ending_with_us(command),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def running(self) -> bool:
        """Whether the program is alive."""
        return self._process.poll() is None

    def require_running(self) -> None:
        """Go on only while the program is alive.

        Raises
        ------
        SitlError
            When it has ended, with the last that it said.
        """
        if not self.running:
            said = self._console.read_text(encoding="utf-8", errors="replace").split("\n")
            last = next((line.strip() for line in reversed(said) if line.strip()), "nothing")
            raise SitlError(f"the simulator ended with status {self._process.returncode}; it said last: {last}")

    def wait_until(self, ready: Callable[[Link], bool], timeout_s: float) -> None:
        """Open the link and wait until `ready` says so.

        Raises
        ------
        SitlError
            When the program ends or is not ready in time.
        """
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            self.require_running()
            try:
                with open_link(self.link_url) as link:
                    while time.monotonic() < until and self.running:
                        if ready(link):
                            return
            except LinkError:
                time.sleep(0.2)
        raise SitlError(f"the simulator was not ready to arm within {timeout_s:.0f} s; see its console.log")

    def stop(self) -> None:
        """End the program and its children, gently first."""
        if self.running:
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        self._output.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
