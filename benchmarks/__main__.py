"""Run every benchmark module and print one table: ``python -m benchmarks [area ...]``."""

from __future__ import annotations

import importlib
import pkgutil
import sys

from rich.console import Console
from rich.table import Table

import benchmarks


def main(areas: list[str]) -> None:
    names = [m.name for m in pkgutil.iter_modules(benchmarks.__path__) if not m.name.startswith("_")]
    table = Table("what", "ours", "rival", "rival's name", "unit", "times better", "goal")
    for name in names:
        if areas and name not in areas:
            continue
        for row in importlib.import_module(f"benchmarks.{name}").run():
            table.add_row(
                row.what, f"{row.ours:.4g}", f"{row.rival:.4g}", row.rival_name, row.unit, f"{row.ratio:.2f}", row.goal
            )
    Console(width=160).print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
