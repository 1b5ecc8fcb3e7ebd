"""How long ``import vedette`` takes, against importing the detector a user would otherwise start with."""

from __future__ import annotations

import subprocess
import sys
import time

from benchmarks import Row


def _seconds(statement: str) -> float:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", statement], check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return min(times)


def run() -> list[Row]:
    bare = _seconds("pass")
    base = {"rival_name": "import geopandas", "rival": _seconds("import geopandas") - bare, "unit": "s"}
    return [
        Row(what="import vedette", ours=max(_seconds("import vedette") - bare, 1e-4), goal="< 0.5 s", **base),
        Row(what="vedette --help", ours=_seconds("from vedette.main import main; main(['--help'])") - bare, **base),
    ]
