"""One flight on a real autopilot, planned, uploaded, checked and started as `vedette fly` does it, then broken off."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.break_offs.flown import Flown
from benchmarks.break_offs.moment import Moment
from benchmarks.break_offs.plans import patrol
from geo.errors import VedetteError
from missions.flight.run import Flight
from missions.flight.values import FlightOptions
from missions.links.link import open_link
from missions.transfer.values import Peer
from sitl.backend import Launch
from sitl.planned import launched_deg

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.break_offs.cases import BreakOff
    from benchmarks.break_offs.plans import Patrol
    from missions.flight.values import FlightStatus
    from missions.links.link import Link
    from sitl.observer import Observer

READY_S: Final = 240.0
LONGEST_S: Final = 900.0
"""Wall seconds that a way home may take on a loaded machine."""
CIRCLES_S: Final = 200.0
"""Simulated seconds after which a fixed wing that circles over its end has arrived."""


class _BrokenOffError(Exception):
    """The flight has come to where it is broken off."""


def fly_and_break(
    case: BreakOff, url: str, observer: Observer, break_off: Callable[[Link, Peer], bool], autopilot: str
) -> Flown:
    """Fly until the moment of a case, break the flight off there, and follow it to the ground.

    Parameters
    ----------
    url
        The vehicle's link.
    break_off
        Makes the cause happen; called with the link and the vehicle on it. Says whether the link goes on.
    autopilot
        Its name in tables.
    """
    row, problem = _flight(case, url, observer, break_off)
    track = np.array(observer.track or [(0.0, 0.0, 0.0, 0.0)])
    t_s, first = track[:, 0], np.unique(np.floor(track[:, 0]), return_index=True)[1]
    modes = [mode for _, mode in observer.modes[_mode_at(observer, row) :]]
    at = int(np.searchsorted(t_s[first], t_s[row], side="right") - 1) if row >= 0 else -1
    lat, lon, alt = track[first, 1:].T
    return Flown(
        case=case, autopilot=autopilot, modes=tuple(modes), lat_deg=lat, lon_deg=lon, alt_m=alt, broken_at=at,
        ended=observer.flew and not observer.armed, problem=problem,
    )  # fmt: skip


def _flight(case: BreakOff, url: str, observer: Observer, break_off: Callable[[Link, Peer], bool]) -> tuple[int, str]:
    """Return the row of the track at which it was broken off, and what went wrong."""
    flight, moment, come = patrol(case.plan), Moment(case), threading.Event()

    def place(t_s: float, lat: float, lon: float, _alt: float) -> None:
        if moment.come(lat, lon, t_s - observer.track[0][0]):
            come.set()

    def watch(_status: FlightStatus) -> None:
        if come.is_set():
            raise _BrokenOffError

    observer.on_place = place

    link = open_link(url)
    try:
        run = flight_of(flight, link, on_status=watch)
        try:
            fly_through(run)
        except _BrokenOffError:
            row = len(observer.track) - 1
        except VedetteError as error:
            return -1, f"{error.message}; {observer.texts[-3:]}"
        else:
            flown = " > ".join(mode for _, mode in observer.modes)
            return -1, f"never came to its moment: {flown}; {observer.texts[-3:]}"
        peer = Peer(system=run.state.system, component=run.state.component, dialect=flight.dialect)
        goes_on = break_off(link, peer)
        if not goes_on:
            link.close()
        _until_landed(observer, link if goes_on else None, flight)
        return row, ""
    finally:
        link.close()


def launched(flight: Patrol, instance: int, speedup: float) -> Launch:
    """Return where a plan's vehicle starts, and as which instance."""
    sortie = flight.sortie
    return Launch(
        lat_deg=sortie.home_lat_deg, lon_deg=sortie.home_lon_deg, alt_amsl_m=sortie.home_alt_amsl_m, speedup=speedup,
        instance=instance, heading_deg=launched_deg(sortie),
    )  # fmt: skip


def flight_of(
    flight: Patrol, link: Link, on_status: Callable[[FlightStatus], None] | None = None, longest_s: float = LONGEST_S
) -> Flight:
    """Return a plan's flight as `vedette fly` makes it, patient with a simulator in fast time."""
    options = FlightOptions(
        dialect=flight.dialect, enable_fence=True, ready_timeout_s=READY_S, max_flight_s=longest_s, telemetry_hz=2.0
    )
    return Flight(link, flight.sortie, options, on_status=on_status)


def fly_through(run: Flight) -> None:
    """Do all of a flight's steps, one after the other."""
    run.connect()
    run.upload()
    run.check()
    run.take_off()
    run.watch()


def _until_landed(observer: Observer, link: Link | None, flight: Patrol) -> None:
    until, since = time.monotonic() + LONGEST_S, observer.t_s
    limit_s = CIRCLES_S + 1.5 * (flight.sortie.legs[-1].t_end_s - flight.sortie.t_start_s)
    while observer.armed and time.monotonic() < until and observer.t_s - since < limit_s:
        if link is None:
            time.sleep(0.2)
        else:
            link.receive(0.2)


def failed(case: BreakOff, autopilot: str, problem: str) -> Flown:
    """Return the row of a flight that did not come about."""
    none = np.zeros(1)
    return Flown(
        case=case, autopilot=autopilot, modes=(), lat_deg=none, lon_deg=none, alt_m=none, broken_at=-1, ended=False,
        problem=problem,
    )  # fmt: skip


def _mode_at(observer: Observer, row: int) -> int:
    before = [k for k, (at, _) in enumerate(observer.modes) if at <= row]
    return before[-1] if before else 0
