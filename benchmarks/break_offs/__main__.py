"""Break flights off on a real autopilot or on the embedded vehicle, and say what they kept.

    python -m benchmarks.break_offs --autopilot ardupilot --plans straight,retrace --count 14 --out flown.json

Cases that the file holds already are not flown again.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import multiprocessing
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.break_offs.cases import CAUSES, BreakOff, cases
from benchmarks.break_offs.flown import Flown, read_flown, write_flown
from benchmarks.break_offs.fly import fly
from benchmarks.break_offs.plans import NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence


def chosen(plans: Sequence[str], counts: int, seed: int, causes: Sequence[str] = CAUSES) -> list[BreakOff]:
    """Return the cases of all plans, one of each plan after the other, so that a part of them is a sample."""
    rows = [cases(plan, counts, seed) for plan in plans]
    return [row[k] for k in range(counts) for row in rows if row[k].cause in causes]


def main() -> int:
    """Fly what is asked for and print a row for each case; 1 where one did not hold, or was not flown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--autopilot", choices=["ardupilot", "px4", "embedded"], default="embedded")
    parser.add_argument("--plans", default=",".join(NAMES), help="of " + ", ".join(NAMES))
    parser.add_argument("--count", type=int, default=14, help="break-offs of each plan")
    parser.add_argument("--causes", default=",".join(CAUSES), help="of " + ", ".join(CAUSES))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--vehicles", type=int, default=1, help="how many fly at a time")
    parser.add_argument("--instance", type=int, help="the simulator's first port (20; 3 of a PX4, which has ten)")
    parser.add_argument("--speedup", type=float, default=15.0)
    parser.add_argument("--for-s", type=float, default=1e9, help="begin no case after so many seconds")
    parser.add_argument("--out", type=Path, help="file of the flights")
    asked = parser.parse_args()
    if asked.instance is None:
        asked.instance = 3 if asked.autopilot == "px4" else 20
    flown = read_flown(asked.out) if asked.out and asked.out.exists() else []
    done = {one.case for one in flown if not one.problem}
    flown = [one for one in flown if not one.problem]
    every = chosen(asked.plans.split(","), asked.count, asked.seed, asked.causes.split(","))
    waiting = [case for case in every if case not in done]
    until = time.monotonic() + asked.for_s
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(asked.vehicles, mp_context=context) as pool:
        running: dict[concurrent.futures.Future[Flown], int] = {}
        free = list(range(asked.instance, asked.instance + asked.vehicles))
        while waiting or running:
            while waiting and free and time.monotonic() < until:
                port = free.pop()
                running[pool.submit(fly, asked.autopilot, waiting.pop(0), port, asked.speedup)] = port
            if not running:
                break
            finished, _ = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
            for future in finished:
                free.append(running.pop(future))
                flown.append(future.result())
                print(flown[-1].line(), flush=True)
            if asked.out:
                write_flown(asked.out, flown)
    broken_off = [one for one in flown if not one.problem]
    held = sum(one.held for one in broken_off)
    left = len(waiting) + len(flown) - len(broken_off)
    print(f"{held} of {len(broken_off)} held; {left} not flown")
    return 0 if held == len(broken_off) and not left else 1


if __name__ == "__main__":
    sys.exit(main())
