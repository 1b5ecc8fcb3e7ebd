"""Count a detector's faults on drawn patrols: the numbers that `sitl.films.seen_patrol.DetectorErrors` holds.

Not a comparison: `python -m benchmarks.detector_errors --model FILE` draws patrols of 80 s (120 pictures each), looks
at them, and prints each number with what it was counted from, its 95 % interval (patrols drawn anew with replacement,
between 0.025 and 0.975 of 100 draws) and the number that stands there now. Three kinds of patrols are flown: as they
are, over many animals, and through a wide lens that makes persons small. With --keep, what was seen is kept and a run
that was broken off goes on.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
import sys
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks._error_counts import Count, count_errors
from benchmarks._looked_at import LookedAt, look_at
from detection.errors import ModelError
from detection.model_file import load_detector
from detection.model_manifest_file import default_model
from detection.model_output import Filter
from sitl.films.patrol_flight import PatrolShape
from sitl.films.seen_patrol import DetectorErrors

if TYPE_CHECKING:
    from detection.values import Detector

PLAIN = PatrolShape(seconds=80.0, fps=Fraction(3, 2), line_m=1060.0, groups_per_km=6.0, vehicles_per_km=3.0)
SHAPES = {
    "plain": PLAIN,
    "animal": dataclasses.replace(PLAIN, animals_per_km2=100.0),
    "wide": dataclasses.replace(PLAIN, hfov_deg=60.0),
}
DRAWS = 100
ASSUMED = {"animal_moving": "an assumption: drawn animals stand still"}


def main(arguments: list[str]) -> int:
    """Look at all worlds and print the table."""
    given = parsed(arguments)
    try:
        detector, described = load_detector(
            given.model or default_model(), keep=Filter(score_min=given.score), threads=given.threads
        )
    except ModelError as error:
        print(error, file=sys.stderr)
        return 2
    kept = None if given.keep is None else given.keep / re.sub(r"[^0-9a-f]", "", described.split("sha256:")[-1])[:12]
    looked = {
        kind: [looked_at(kind, world, detector, kept, given.score) for world in getattr(given, kind)] for kind in SHAPES
    }
    print(f"{described}, score limit {given.score}; {told(looked)}")
    show(looked)
    return 0


def parsed(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detector_errors", description=__doc__)
    parser.add_argument("--worlds", dest="plain", type=worlds, default="1-10,5000-5011", help="patrols as they are")
    parser.add_argument("--animal-worlds", dest="animal", type=worlds, default="5100-5105", help="over many animals")
    parser.add_argument("--wide-worlds", dest="wide", type=worlds, default="5200-5203", help="through a wide lens")
    parser.add_argument("--model", type=Path, default=None, help="an .onnx file (default: the bundled one)")
    parser.add_argument("--score", type=float, default=Filter().score_min, help="score limit (default: what runs)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=None, help="folder to keep what was seen in")
    given = parser.parse_args(arguments)
    if not given.plain:
        parser.error("--worlds: give at least one world, such as 1-10,5000")
    return given


def worlds(text: str) -> list[int]:
    """Turn `1-10,5000` into numbers; empty for none."""
    found: list[int] = []
    for part in filter(None, text.split(",")):
        ends = re.fullmatch(r"(\d+)(?:-(\d+))?", part.strip())
        if ends is None:
            raise argparse.ArgumentTypeError(f"{part!r} is no world; give numbers and ranges, such as 1-10,5000")
        found += range(int(ends[1]), int(ends[2] or ends[1]) + 1)
    return found


def looked_at(kind: str, world: int, detector: Detector, kept: Path | None, score: float) -> LookedAt:
    """Fly one patrol, or read what was kept of it."""
    path = None if kept is None else kept / f"{kind}-{world}-{score:g}.npz"
    if path is not None and path.is_file():
        with np.load(path, allow_pickle=False) as held:
            return LookedAt(**{name: held[name] for name in held.files} | {"pictures": int(held["pictures"])})
    print(f"world {world} ({kind})", file=sys.stderr, flush=True)
    looked = look_at(world, detector, SHAPES[kind])
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.npz")
        np.savez_compressed(part, **{field.name: getattr(looked, field.name) for field in dataclasses.fields(looked)})
        part.replace(path)
    return looked


def told(looked: dict[str, list[LookedAt]]) -> str:
    """Say what was looked at, and the plain shares."""
    plain = looked["plain"]
    pictures = sum(one.pictures for some in looked.values() for one in some)
    found = np.concatenate([one.seen_found for one in plain])
    again = {True: [0, 0], False: [0, 0]}
    for one in plain:
        same = (np.diff(one.seen_object) == 0) & (np.diff(one.seen_s) < 1.0)
        for before in again:
            mine = same & (one.seen_found[:-1] == before)
            again[before][0] += int((~one.seen_found[1:][mine]).sum())
            again[before][1] += int(mine.sum())
    after = {before: part / max(whole, 1) for before, (part, whole) in again.items()}
    places = np.concatenate([one.place_found for one in plain])
    return (
        f"{pictures} pictures; as they are: {int(found.sum())} of {len(found)} persons found, after a miss "
        f"{after[False]:.2f} missed, after a find {after[True]:.2f}; boxes on nothing at {len(places)} places, "
        f"{int((places == 1).sum())} once"
    )


def show(looked: dict[str, list[LookedAt]]) -> None:
    """Print one row a field."""
    counted = count_errors(looked["plain"], looked["animal"], looked["wide"])
    rng = np.random.default_rng(0)
    draws = [
        count_errors(*([some[k] for k in rng.integers(len(some), size=len(some))] for some in looked.values()))
        for _ in range(DRAWS)
    ]
    for field in dataclasses.fields(DetectorErrors):
        now = getattr(DetectorErrors(), field.name)
        if field.name not in counted:
            why = ASSUMED.get(field.name, "not counted: too few")
            print(f"{field.name}: {why}; now {written(now)}")
            continue
        one = counted[field.name]
        print(f"{field.name}: {written(one.value)}{between(one, draws, field.name)}, of {one.number} {one.of};"
              f" now {written(now)}")  # fmt: skip


def between(one: Count, draws: list[dict[str, Count]], name: str) -> str:
    """Say the interval, where every draw has as many numbers."""
    values = [np.atleast_1d(draw[name].value) for draw in draws if name in draw]
    values = [value for value in values if len(value) == len(np.atleast_1d(one.value))]
    if len(values) < 0.9 * len(draws):
        return ""
    low, high = np.nanpercentile(values, [2.5, 97.5], axis=0)
    return f" [{written(tuple(low))} to {written(tuple(high))}]"


def written(value: float | tuple[float, ...]) -> str:
    """Write one number, or several."""
    return ", ".join(f"{number:.3g}" for number in np.atleast_1d(value))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
