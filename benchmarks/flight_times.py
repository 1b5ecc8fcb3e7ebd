"""Fly whole plans on a real autopilot and say how long they took.

    python -m benchmarks.flight_times --autopilot px4 --legs

A flight lasts from arming to disarming, in the vehicle's own time; both are heard in heartbeats, once a second. With
``--legs`` each leg is set beside its plan: the moment at which the true track comes nearest to where the leg ends.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import math
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.break_offs import ardupilot, px4
from benchmarks.break_offs.plans import patrol
from benchmarks.break_offs.real import flight_of, fly_through
from missions.links.link import open_link

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.break_offs.plans import Patrol

REAL: Final = {"ardupilot": ardupilot, "px4": px4}
PLANS: Final = {
    "ardupilot": "straight,search,wing,wing-bent",
    "px4": "px4-straight,px4-search,px4-wing,px4-wing-bent",
}
UP_M: Final = 1.0
"""How high above its launch site an aircraft counts as up."""
LATEST_S: Final = 40.0
"""How much later than planned, or earlier, the end of a leg is looked for in the track."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """One flight: seconds since arming, and the true track, (n,) each."""

    flight: Patrol
    t_s: np.ndarray
    lat_deg: np.ndarray
    lon_deg: np.ndarray
    height_m: np.ndarray
    """Above the launch site."""

    @property
    def planned_s(self) -> float:
        """How long it was planned to last."""
        sortie = self.flight.sortie
        return sortie.legs[-1].t_end_s - sortie.t_start_s

    @property
    def up_s(self) -> tuple[float, float]:
        """When it was more than `UP_M` above its launch site first, and last."""
        up = np.flatnonzero(self.height_m > UP_M)
        return float(self.t_s[up[0]]), float(self.t_s[up[-1]])

    def line(self) -> str:
        """Return one row of the table."""
        flown_s, (lifted_s, landed_s) = float(self.t_s[-1]), self.up_s
        return (
            f"{self.flight.name:14} planned {self.planned_s:7.1f} s, flown {flown_s:7.1f} s"
            f" ({100.0 * (flown_s / self.planned_s - 1.0):+.1f} %); up from {lifted_s:.1f} to {landed_s:.1f} s"
        )

    def legs(self) -> Iterator[str]:
        """Return how long each leg took beside its plan."""
        frame, sortie = self.flight.corridor.frame, self.flight.sortie
        at_m = np.column_stack([frame.to_plane(self.lat_deg, self.lon_deg), self.height_m])
        ended = [0.0]
        for leg in sortie.legs:
            goal = frame.to_plane(np.array([leg.lat_end_deg]), np.array([leg.lon_end_deg]))[0]
            goal = np.append(goal, leg.alt_amsl_end_m - sortie.home_alt_amsl_m)
            due_s = leg.t_end_s - sortie.t_start_s + ended[-1] - (leg.t_start_s - sortie.t_start_s)
            near = (self.t_s >= ended[-1]) & (np.abs(self.t_s - due_s) < LATEST_S)
            off = np.linalg.norm(at_m[near] - goal, axis=1)
            ended.append(float(self.t_s[near][off.argmin()]) if near.any() else due_s)
        for k, (leg, (start, end)) in enumerate(zip(sortie.legs, itertools.pairwise(ended), strict=True)):
            planned = leg.t_end_s - leg.t_start_s
            yield f"   leg {k:3} planned {planned:6.1f} s, flown {end - start:6.1f} s ({end - start - planned:+.1f})"


def fly(autopilot: str, plan: str, folder: Path, *, instance: int, speedup: float) -> Timed:
    """Fly a plan from its launch to its landing on a real autopilot."""
    flight = patrol(plan)
    with (
        REAL[autopilot].ready(flight, folder, instance=instance, speedup=speedup) as (simulator, observer),
        open_link(simulator.link_url) as link,
    ):
        fly_through(flight_of(flight, link, longest_s=math.inf))
        track = np.array(observer.track)
    t_s, first = np.unique(track[:, 0], return_index=True)
    _, lat, lon, alt = track[first].T
    return Timed(
        flight=flight, t_s=t_s - t_s[0], lat_deg=lat, lon_deg=lon, height_m=alt - flight.sortie.home_alt_amsl_m
    )


def main() -> None:
    """Fly what is asked for and print a row for each flight."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--autopilot", choices=list(REAL), required=True)
    parser.add_argument("--plans", help="of benchmarks/break_offs/plans.py")
    parser.add_argument("--times", type=int, default=1, help="how often each is flown")
    parser.add_argument("--instance", type=int, default=5)
    parser.add_argument("--speedup", type=float, default=3.0)
    parser.add_argument("--legs", action="store_true", help="show every leg")
    parser.add_argument("--tracks", type=Path, help="folder in which each true track is kept (NumPy)")
    asked = parser.parse_args()
    for plan in (asked.plans or PLANS[asked.autopilot]).split(","):
        for k in range(asked.times):
            with tempfile.TemporaryDirectory() as folder:
                run = Path(folder) / "run"
                timed = fly(asked.autopilot, plan, run, instance=asked.instance, speedup=asked.speedup)
            print(timed.line(), flush=True)
            if asked.tracks:
                asked.tracks.mkdir(parents=True, exist_ok=True)
                rows = {name: getattr(timed, name) for name in ("t_s", "lat_deg", "lon_deg", "height_m")}
                np.savez(asked.tracks / f"{plan}-{k}.npz", **rows)
            if asked.legs:
                print("\n".join(timed.legs()), flush=True)


if __name__ == "__main__":
    main()
