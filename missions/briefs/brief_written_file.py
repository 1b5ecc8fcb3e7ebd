"""Write a brief as TOML, so that a plan made from a few options can be refined and checked like any other."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HEADER: Final = "# The brief this plan was made from. Change it and plan again: vedette plan brief.toml --out FOLDER"


def write_brief(tables: Mapping[str, Any], path: Path) -> None:
    """Write the tables of a brief; files they name, relative to the working directory, are named from the new place."""
    text = "\n".join([HEADER, *_lines(_moved(tables, path.parent.resolve()))]) + "\n"
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def _moved(value: Any, folder: Path, key: str = "") -> Any:
    if isinstance(value, dict):
        return {k: _moved(v, folder, k) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_moved(v, folder) for v in value]
    named = key == "file" or (key == "own_side" and value not in ("left", "right"))
    return Path(os.path.relpath(value, folder)).as_posix() if named and isinstance(value, str) else value


def _lines(tables: Mapping[str, Any]) -> Iterator[str]:
    """Go over the lines: plain keys first, then tables, then lists of tables."""
    yield from (f"{key} = {_inline(value)}" for key, value in tables.items() if not _is_table(value))
    for key, value in tables.items():
        rows = [value] if isinstance(value, dict) else value if _is_table(value) else []
        for row in rows:
            yield ""
            yield f"[{key}]" if isinstance(value, dict) else f"[[{key}]]"
            yield from (f"{name} = {_inline(inner)}" for name, inner in row.items())


def _is_table(value: object) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and all(isinstance(v, dict) for v in value))


def _inline(value: object) -> str:
    """Return a value as TOML: JSON's strings, numbers and true/false are TOML's."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_inline(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_inline(v) for v in value) + "]"
    return json.dumps(value, ensure_ascii=False)
