"""Run benchmarks, print one table, and keep the numbers: ``python -m benchmarks [area ...]``.

All areas' newest numbers stand in `results.json`, with the rivals' versions and the machine's load while they were
measured, and as a table in `results.md`. A rival that cannot be run is listed, never left out in silence.
"""

from __future__ import annotations

import dataclasses
import datetime
import importlib
import importlib.metadata
import json
import os
import pkgutil
import platform
import re
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import benchmarks
from vedette import __version__

RESULTS = Path(__file__).with_name("results.json")
README = Path(__file__).resolve().parents[1] / "README.md"
MARKS = "<!-- measured beside others -->\n", "<!-- end -->\n"
"""Lines of the README between which the table of rivals stands."""
COLUMNS = ("what", "ours", "rival", "rival's name", "unit", "times better", "goal")


def main(areas: list[str]) -> int:
    """Run the areas named, all unless any is; return 1 when one could not be run."""
    found: dict[str, Any] = {}
    for name in (m.name for m in pkgutil.iter_modules(benchmarks.__path__) if not m.name.startswith("_")):
        if not areas or name in areas:
            module = importlib.import_module(f"benchmarks.{name}")
            if hasattr(module, "run"):
                found[name] = measured(module.run)
    kept = read_results()  # only now: another area may have been measured beside these
    kept["areas"].update(found)
    RESULTS.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    RESULTS.with_suffix(".md").write_text(as_markdown(kept), encoding="utf-8")
    README.write_text(with_table(README.read_text(encoding="utf-8"), beside_others(kept)), encoding="utf-8")
    show(kept, areas)
    return int(any(area["not_run"] for name, area in kept["areas"].items() if not areas or name in areas))


def read_results() -> dict[str, Any]:
    """Return what was kept before, so that one area can be measured alone."""
    if RESULTS.is_file():
        return json.loads(RESULTS.read_text(encoding="utf-8"))
    return {"areas": {}}


def measured(run: Any) -> dict[str, Any]:
    """Run one area and note on what and beside what it was measured."""
    area: dict[str, Any] = {
        "vedette": __version__,
        "measured": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 1),
        "rows": [],
        "not_run": "",
    }
    absent = []
    try:
        for row in run():
            if isinstance(row, benchmarks.Absent):
                absent.append(row.package)
                continue
            versions = rival_versions(row.rival_name)
            area["rows"].append(dataclasses.asdict(row) | {"ratio": row.ratio, "rival_versions": versions})
    except (ImportError, OSError) as error:
        area["not_run"] = f"{type(error).__name__}: {error}"
    if absent:
        area["not_run"] = f"not installed: {', '.join(dict.fromkeys(absent))}"
    area["load_after"] = round(os.getloadavg()[0], 1)
    return area


def rival_versions(name: str) -> dict[str, str]:
    """Return the version of every installed package that a rival's name speaks of."""
    found = {}
    for word in re.findall(r"[A-Za-z][\w.-]+", name):
        try:
            found[word] = importlib.metadata.version(word)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    """Return a row's cells in the order of `COLUMNS`."""
    versions = "".join(f" {version}" for version in row["rival_versions"].values())
    numbers = f"{row['ours']:.4g}", f"{row['rival']:.4g}"
    return row["what"], *numbers, row["rival_name"] + versions, row["unit"], f"{row['ratio']:.2f}", row["goal"]


def as_markdown(kept: dict[str, Any]) -> str:
    """Return all areas as one page of tables."""
    lines = ["# Benchmarks", "", "Written by `make bench`; each row was measured in one run beside its rival.", ""]
    for name, area in sorted(kept["areas"].items()):
        lines += [
            f"## {name}",
            "",
            f"{area['machine']}; load {area['load_before']} to {area['load_after']}; {area['measured']}",
            "",
        ]
        if area["not_run"]:
            lines += [f"Could not be run to its end: {area['not_run']}", ""]
        lines += ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
        lines += ["| " + " | ".join(cell.replace("|", "/") for cell in cells(row)) + " |" for row in area["rows"]]
        lines.append("")
    return "\n".join(lines)


def beside_others(kept: dict[str, Any]) -> str:
    """Return a table of each area's first row beside each package with a version; limits and goals are no rivals."""
    first: dict[tuple[str, ...], dict[str, Any]] = {}
    for name, area in sorted(kept["areas"].items()):
        for row in area["rows"]:
            if row["rival_versions"]:
                first.setdefault((name, *row["rival_versions"]), row)
    head = "| what | ours | theirs | unit | times better | beside |\n|---|---|---|---|---|---|\n"
    return head + "".join("| " + " | ".join(_beside(*cells(row))) + " |\n" for row in first.values())


def _beside(what: str, ours: str, theirs: str, name: str, unit: str, better: str, goal: str) -> tuple[str, ...]:
    del goal
    return tuple(cell.replace("|", "/") for cell in (what, ours, theirs, unit, better, name))


def with_table(page: str, table: str) -> str:
    """Return a page with this table between its two marks."""
    before, rest = page.split(MARKS[0])
    return before + MARKS[0] + table + MARKS[1] + rest.split(MARKS[1])[1]


def show(kept: dict[str, Any], areas: list[str]) -> None:
    """Print the areas that were run."""
    console, table = Console(width=160), Table(*COLUMNS)
    for name, area in kept["areas"].items():
        if areas and name not in areas:
            continue
        for row in area["rows"]:
            table.add_row(*cells(row))
        if area["not_run"]:
            console.print(f"{name} could not be run to its end: {area['not_run']}", markup=False)
    console.print(table)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
