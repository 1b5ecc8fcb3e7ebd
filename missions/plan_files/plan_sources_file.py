"""Where plans come from: files, folders of files, plan folders, standard input."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from geo.errors import InputError
from missions.documents.whole_file import MAX_BYTES
from missions.plan_files.plan_document import document_from_sortie
from missions.plan_files.plan_file import parse_plan, read_plan_file
from missions.plan_files.plan_folder_file import read_plan_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from missions.plan_files.plan_document import PlanDocument

STANDARD_INPUT: Final = Path("-")
ENDINGS: Final = (".plan", ".mission", ".waypoints", ".fence", ".rally", ".kml", ".kmz", ".gpx", ".geojson", ".csv")
"""What is taken for a plan in a folder of files; a file named by itself may have any name."""
_PLAN: Final = "plan.json"


def plan_sources(path: Path) -> Iterator[Path]:
    """Go over the sources a person means by a path: itself, or the plan files in a folder that is no plan folder.

    Raises
    ------
    InputError
        When a folder holds no plan.
    """
    if path == STANDARD_INPUT or not path.is_dir() or (path / _PLAN).exists():
        yield path
        return
    found = sorted(p for p in path.iterdir() if p.suffix.lower() in ENDINGS and not p.name.startswith("."))
    if not found:
        raise InputError(f"{path}: the folder holds no {_PLAN} and no plan file ({', '.join(ENDINGS)})")
    yield from found


def read_all_plans(files: Iterable[str | Path]) -> Iterator[tuple[str, PlanDocument | InputError]]:
    """Go over the plans of all sources by name; one that cannot be read gives its error."""
    for file in files:
        try:
            sources = list(plan_sources(Path(file)))
        except InputError as error:
            yield str(file), error
            continue
        for source in sources:
            try:
                yield from read_plans(source)
            except InputError as error:
                yield str(source), error


def read_plans(path: Path) -> list[tuple[str, PlanDocument]]:
    """Read the plans of one source: (name, plan); several for a plan folder, one for each sortie.

    Raises
    ------
    InputError
        One sentence naming the source and what is wrong.
    """
    if path == STANDARD_INPUT:
        where = "standard input"
        data = sys.stdin.buffer.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise InputError(f"{where}: more than {MAX_BYTES} bytes are no plan")
        return [(where, parse_plan(data, where=where))]
    if path.is_dir() or path.name == _PLAN:
        return _folder(path)
    return [(str(path), read_plan_file(path))]


def _folder(path: Path) -> list[tuple[str, PlanDocument]]:
    plan = read_plan_folder(path)
    beside = path if path.is_dir() else path.parent
    found = []
    for sortie in plan.sorties:
        written = beside / f"{sortie.name}.plan"
        told = read_plan_file(written).vehicle_type if written.is_file() else 0
        found.append((f"{plan.name} {sortie.name}", document_from_sortie(sortie, plan.dialect, vehicle_type=told)))
    return found
