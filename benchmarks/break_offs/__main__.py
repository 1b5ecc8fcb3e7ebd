"""Break flights off on a real autopilot or on the embedded vehicle, and say what they kept.

    python -m benchmarks.break_offs --autopilot ardupilot --plans straight,retrace --count 14 --out flown.json

Cases that the file holds already are not flown again.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import multiprocessing
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.break_offs import ardupilot, embedded, px4
from benchmarks.break_offs.cases import BreakOff, cases
from benchmarks.break_offs.flown import Flown, read_flown, write_flown
from benchmarks.break_offs.plans import NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence


def fly(autopilot: str, case: BreakOff, instance: int, speedup: float) -> Flown:
    """Fly one case in this process."""
    if autopilot == "embedded":
        return embedded.fly(case)
    real = px4 if autopilot == "px4" else ardupilot
    with tempfile.TemporaryDirectory() as folder:
        try:
            return real.fly(case, Path(folder) / "run", instance=instance + os.getpid() % 2, speedup=speedup)
        except Exception as error:  # the table says what happened to each case
            return real.failed(case, f"{type(error).__name__}: {error}")


def chosen(plans: Sequence[str], counts: int, seed: int) -> list[BreakOff]:
    """Return the cases of all plans, one of each plan after the other, so that a part of them is a sample."""
    rows = [cases(plan, counts, seed) for plan in plans]
    return [row[k] for k in range(counts) for row in rows]


def main() -> None:
    """Fly what is asked for and print a row for each case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--autopilot", choices=["ardupilot", "px4", "embedded"], default="embedded")
    parser.add_argument("--plans", default=",".join(NAMES), help="of " + ", ".join(NAMES))
    parser.add_argument("--count", type=int, default=14, help="break-offs of each plan")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--vehicles", type=int, default=1, help="how many fly at a time")
    parser.add_argument("--instance", type=int, default=20, help="the simulator's first port")
    parser.add_argument("--speedup", type=float, default=15.0)
    parser.add_argument("--for-s", type=float, default=1e9, help="begin no case after so many seconds")
    parser.add_argument("--out", type=Path, help="file of the flights")
    asked = parser.parse_args()
    flown = read_flown(asked.out) if asked.out and asked.out.exists() else []
    done = {one.case for one in flown if not one.problem}
    flown = [one for one in flown if not one.problem]
    waiting = [case for case in chosen(asked.plans.split(","), asked.count, asked.seed) if case not in done]
    until = time.monotonic() + asked.for_s
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(asked.vehicles, mp_context=context) as pool:
        running: set[concurrent.futures.Future[Flown]] = set()
        while waiting or running:
            while waiting and len(running) < asked.vehicles and time.monotonic() < until:
                running.add(pool.submit(fly, asked.autopilot, waiting.pop(0), asked.instance, asked.speedup))
            if not running:
                break
            finished, running = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
            for future in finished:
                flown.append(future.result())
                print(flown[-1].line(), flush=True)
            if asked.out:
                write_flown(asked.out, flown)
    held = sum(one.held for one in flown if not one.problem)
    print(f"{held} of {len(flown)} held; {len(waiting)} not flown")


if __name__ == "__main__":
    main()
