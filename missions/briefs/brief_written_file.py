"""Write a brief as TOML, so that a plan made from a few options can be refined and checked like any other."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

HEADER: Final = "# The brief this plan was made from. Change it and plan again: vedette plan brief.toml --out FOLDER"


def write_brief(tables: Mapping[str, Any], path: Path) -> None:
    """Write the tables of a brief; files they name, relative to the working directory, are named from the new place."""
    folder = path.parent.resolve()
    moved = with_files(tables, lambda file: Path(os.path.relpath(file, folder)).as_posix())
    text = "\n".join([HEADER, *_lines(moved)]) + "\n"
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def with_files(tables: Mapping[str, Any], renamed: Callable[[str], str]) -> dict[str, Any]:
    """Return the tables of a brief with every file they name named anew."""
    return {key: _renamed(value, renamed, key) for key, value in tables.items()}


def _renamed(value: Any, renamed: Callable[[str], str], key: str = "") -> Any:
    if isinstance(value, dict):
        return with_files(value, renamed)
    if isinstance(value, list | tuple):
        return [_renamed(v, renamed) for v in value]
    words = {"own_side": ("left", "right"), "datum": ("egm96", "hae")}
    named = key == "file" or (key in words and value not in words[key])
    return renamed(value) if named and isinstance(value, str) else value


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
