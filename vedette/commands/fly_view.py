"""The live view of `vedette fly`: one line a vehicle, alarms below, single keys for the pilot."""

from __future__ import annotations

import math
import os
import queue
import select
import sys
import threading
from typing import TYPE_CHECKING, Any, Final, Self

from rich.console import Group
from rich.live import Live
from rich.prompt import Confirm
from rich.table import Table

from missions.flight.values import FlightPhase, LinkState, PilotCommand
from missions.plan import Severity
from vedette.commands.screen import ERRORS, line

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType
    from rich.text import Text

    from missions.flight.run import Flight
    from missions.flight.values import FlightReport, FlightStatus
    from missions.plan import Finding

KEYS: Final = {
    "p": PilotCommand.PAUSE,
    "c": PilotCommand.RESUME,
    "r": PilotCommand.RETURN,
    "l": PilotCommand.LAND,
    "m": PilotCommand.RESTORE,
    "q": PilotCommand.QUIT,
}
HELP: Final = "p pause · c continue · r return · l land · m mission back · q stop watching · 1-9 one vehicle, 0 all"
_LINK_STYLE: Final = {
    LinkState.LIVE: "green",
    LinkState.STALE: "yellow",
    LinkState.LOST: "bold red",
    LinkState.RECOVERED: "cyan",
}
_POLL_S: Final = 0.1


class FlightScreen:
    """Show every flight's latest status and pass keys to the flights they are meant for."""

    def __init__(self, flights: int) -> None:
        self._statuses: dict[str, FlightStatus] = {}
        self._orders: dict[str, queue.SimpleQueue[PilotCommand]] = {}
        self._lock = threading.Lock()
        self._chosen = 0
        self._flights = flights
        self._keyboard = Keyboard(self._press)
        self._live = Live(console=ERRORS, get_renderable=self._picture, refresh_per_second=4)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._keyboard.stop()
        self._live.stop()
        if not ERRORS.is_terminal:  # there the table's last line is left open
            ERRORS.line()

    def pilot_of(self, sortie: str) -> Callable[[], PilotCommand | None]:
        """Return the function a flight asks for its pilot's next command."""
        orders = self._orders.setdefault(sortie, queue.SimpleQueue())

        def next_order() -> PilotCommand | None:
            try:
                return orders.get_nowait()
            except queue.Empty:
                return None

        return next_order

    def update(self, status: FlightStatus) -> None:
        """Take in one flight's status; called from its thread."""
        with self._lock:
            self._statuses[status.sortie] = status

    def confirm(self, flights: list[Flight]) -> bool:
        """Ask a person to let the motors run; no terminal is no yes."""
        if not sys.stdin.isatty():
            return False
        self._live.stop()
        names = ", ".join(f"{f.sortie.name} on system {f.state.system}" for f in flights)
        said = Confirm.ask(line(f"Arm and fly {names}?"), console=ERRORS, default=False)
        self._live.start(refresh=True)
        if said:
            self._keyboard.start()
        return said

    def start_keys(self) -> bool:
        """Read keys from now on, where there is a terminal; always true: the yes was given before."""
        self._keyboard.start()
        return True

    def show_preflight(self, flight: Flight) -> None:
        """Print what the checks before take-off found."""
        for report in flight.uploads:
            ERRORS.print(f"{flight.sortie.name}: {report.message}")
        for finding in flight.preflight:
            ERRORS.print(_finding_line(flight.sortie.name, finding))

    def show_reports(self, reports: list[FlightReport]) -> None:
        """Print the table of how the flights went."""
        table = Table(title="Flights")
        for name in ("sortie", "done", "coverage", "off path", "standoff", "battery", "time", "link losses"):
            table.add_column(name, justify="left" if name == "sortie" else "right")
        for r in reports:
            table.add_row(
                r.sortie,
                "yes" if r.completed else line(("no", "red")),
                _number(r.coverage_pct, "%"),
                _number(r.max_cross_track_m, "m", 1),
                _number(r.min_standoff_m, "m"),
                _number(r.min_battery_pct, "%"),
                _clock(r.flight_s),
                str(r.link_losses),
            )
        if reports:
            ERRORS.print(table)
        for r in reports:
            for finding in r.findings:
                ERRORS.print(_finding_line(r.sortie, finding))

    def _press(self, key: str) -> None:
        if key.isdigit():
            self._chosen = min(int(key), self._flights)
            return
        command = KEYS.get(key.lower())
        if command is None:
            return
        names = sorted(self._orders)
        for number, name in enumerate(names, start=1):
            if self._chosen in (0, number):
                self._orders[name].put(command)

    def _picture(self) -> RenderableType:
        with self._lock:
            statuses = [self._statuses[name] for name in sorted(self._statuses)]
        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))  # one vehicle a line, also on 80 columns
        for name in ("", "sortie (id)", "mode", "leg", "battery (plan)", "to go", "off path", "standoff", "link"):
            table.add_column(name, no_wrap=True)
        for number, s in enumerate(statuses, start=1):
            mark = ">" if self._chosen in (0, number) and self._keyboard.running else " "
            flying = s.phase in (FlightPhase.FLYING, FlightPhase.LANDED)
            table.add_row(
                f"{mark}{number}",
                f"{s.sortie} ({s.system or '?'})",
                f"{s.mode or s.phase}{' armed' if s.armed else ''}",
                f"{s.leg + 1}/{s.legs}" if flying else str(s.phase),
                f"{_number(s.battery_pct, '%')} ({_number(s.planned_battery_pct, '%')})",
                _clock(s.time_to_go_s) if flying else "",
                _number(s.cross_track_m, "m", 1),
                _number(s.standoff_m, "m"),
                line((str(s.link), _LINK_STYLE[s.link])),
            )
        beneath = [line((f"{s.sortie}: {s.note}", "yellow")) for s in statuses if s.note]
        beneath += [_finding_line(s.sortie, finding) for s in statuses for finding in s.findings[-3:]]
        return Group(table, *beneath, *([line((HELP, "dim italic"))] if self._keyboard.running else []))


class Keyboard:
    """Read single keys from the terminal in a thread; does nothing where there is no terminal."""

    def __init__(self, press: Callable[[str], None]) -> None:
        self._press = press
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._saved: list[Any] | None = None

    @property
    def running(self) -> bool:
        """Whether keys are being read."""
        return self._thread is not None

    def start(self) -> None:
        """Begin to read keys, unbuffered."""
        import termios
        import tty

        if self.running or not sys.stdin.isatty():
            return
        self._saved = termios.tcgetattr(sys.stdin.fileno())
        tty.setcbreak(sys.stdin.fileno())
        self._thread = threading.Thread(target=self._read, name="keys", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Give the terminal back as it was."""
        import termios

        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=1.0)
        if self._saved is not None:
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, self._saved)
            self._saved = None

    def _read(self) -> None:
        descriptor = sys.stdin.fileno()
        while not self._stop.is_set():
            if select.select([descriptor], [], [], _POLL_S)[0]:
                self._press(os.read(descriptor, 1).decode("ascii", "ignore"))


def _number(value: float, unit: str, digits: int = 0) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f} {unit}"


def _clock(seconds: float) -> str:
    return "-" if math.isnan(seconds) else f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _finding_line(sortie: str, finding: Finding) -> Text:
    style = "bold red" if finding.severity is Severity.ERROR else "yellow"
    return line((f"{finding.severity} {finding.rule} ({sortie}): {finding.message}", style))
