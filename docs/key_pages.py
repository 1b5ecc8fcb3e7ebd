"""Pages of the keys that a brief and a scenario take, from the models that read them: kind, unit, range, default."""

from __future__ import annotations

import ast
import dataclasses
import enum
import inspect
import math
import textwrap
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, TypeAdapter
from pydantic_core import PydanticUndefined

from missions.briefs.brief import Brief
from missions.briefs.brief_file import FILE_KEYS, READ_FROM_FILES
from sitl.faults import Fault
from sitl.scenarios.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic.fields import FieldInfo

_UNITS = {
    "_amsl_m": "m above mean sea level", "_agl_m": "m above ground", "_mps": "m/s", "_m": "m", "_deg": "degrees",
    "_px": "pixels", "_pct": "%", "_min": "minutes", "_s": "s", "_wh": "Wh", "_w": "W", "_kg": "kg", "_utc": "UTC",
    "_per_km": "a kilometre",
}  # fmt: skip
"""Units by what a key ends with, the longest ending first."""
_BOUNDS = {"minimum": "at least", "exclusiveMinimum": "over", "maximum": "at most", "exclusiveMaximum": "under"}
_HEAD = ["| key | kind | unit | range | default | |", "|---|---|---|---|---|---|"]


def brief_page() -> str:
    """Return the page of a brief's keys."""
    about = (
        "A brief is a TOML file; files it names are looked for beside it. `vedette plan --template` prints one with a\n"
        "sentence to each key. A key that is not listed here is refused and the nearest one named, and so is a number\n"
        "out of its range. Coordinates are `[latitude, longitude]`, degrees on WGS 84."
    )
    return "\n".join(["# Keys of a brief", "", about, *_sections(Brief, READ_FROM_FILES, FILE_KEYS), ""])


def scenario_page() -> str:
    """Return the page of a scenario's keys."""
    about = (
        "A scenario is a TOML file for `vedette sitl run`. Pairs in keys that end with `_m` are metres east and north\n"
        "of the origin, with the height above home as a third number in routes."
    )
    lines = ["# Keys of a scenario", "", about, *_sections(Scenario, frozenset(), {}), "", "## `[[vehicle.fault]]`", ""]
    lines += [*_HEAD, *_fault_rows(), ""]
    return "\n".join(lines)


def _sections(
    model: type[BaseModel], hidden: frozenset[str], drawn: Mapping[type[BaseModel], Mapping[str, str]], path: str = ""
) -> Iterator[str]:
    """Yield the lines of a table's section, and then those of the tables within it."""
    inner: list[tuple[str, type[BaseModel]]] = []
    if path:
        yield from ("", f"## `{path}`")
    yield from ("", inspect.cleandoc(model.__doc__ or ""), "", *_HEAD)
    told = _attribute_docs(model)
    for name, field in model.model_fields.items():
        key = field.alias or name
        if key in hidden:
            continue
        tables = [one for one in _classes(field.annotation) if issubclass(one, BaseModel)]
        if tables:
            below = f"{path.strip('[]')}.{key}".lstrip(".")
            heading = f"[[{below}]]" if "tuple" in str(field.annotation) else f"[{below}]"
            inner.append((heading, tables[0]))
            yield _row(key, "tables" if heading.startswith("[[") else "table", "", "see below", _default(field), "")
        else:
            kind, limits = _kind_and_limits(key, field)
            yield _row(key, kind, _unit(key), limits, _default(field), told.get(name, ""))
    for key, sentence in drawn.get(model, {}).items():
        yield _row(key, "text" if key == "file" else "list", "", "", "", sentence)
    for heading, table in inner:
        yield from _sections(table, hidden, drawn, heading)


def _row(*cells: str) -> str:
    key, *rest = (" ".join(cell.split()).replace("|", "\\|") for cell in cells)
    return f"| `{key}` | " + " | ".join(rest) + " |"


def _unit(key: str) -> str:
    return next((unit for ending, unit in _UNITS.items() if key.endswith(ending)), "")


def _kind_and_limits(key: str, field: FieldInfo) -> tuple[str, str]:
    if key == "fault":
        return "tables", "see below"
    annotated = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
    schema: dict[str, Any] = TypeAdapter(annotated).json_schema()
    known = schema.get("$defs", {})
    kinds = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    kind = known.get(kinds[0].get("$ref", "").rpartition("/")[2], kinds[0])
    if "enum" in kind:
        return "one of", ", ".join(f'`"{value}"`' for value in kind["enum"])
    if "const" in kind:
        return "one of", f'`"{kind["const"]}"`'
    words = {"number": "number", "integer": "whole number", "boolean": "true or false", "string": "text"}
    return words.get(kind.get("type", ""), "list" if kind.get("type") == "array" else "table"), _limits(kind)


def _limits(kind: Mapping[str, Any]) -> str:
    told = [f"{word} {kind[name]:g}" for name, word in _BOUNDS.items() if name in kind]
    if "minItems" in kind and kind["minItems"] == kind.get("maxItems"):
        told.append(f"{kind['minItems']} numbers")
    elif "minItems" in kind:
        told.append(f"{kind['minItems']} or more")
    if "maxLength" in kind:
        told.append(f"up to {kind['maxLength']} letters")
    return ", ".join(told)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**needed**"
    value = field.default_factory() if field.default_factory is not None else field.default  # type: ignore[call-arg]
    return _shown(value)


def _shown(value: object) -> str:
    if value is None or value is PydanticUndefined or value in ((), {}, "") or isinstance(value, BaseModel):
        return ""
    if isinstance(value, enum.Enum | str):
        return f'`"{value}"`'
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, float):
        return "none" if math.isinf(value) else f"{value:g}"
    return ", ".join(f"{one:g}" for one in value) if isinstance(value, tuple) else f"{value}"


def _attribute_docs(model: type) -> dict[str, str]:
    """Return the sentences under a class's attributes."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    found = {}
    for before, node in zip(tree.body, tree.body[1:], strict=False):  # type: ignore[attr-defined]
        if isinstance(before, ast.AnnAssign) and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found[ast.unparse(before.target)] = str(node.value.value)
    return found


def _classes(annotation: Any) -> list[type]:
    if isinstance(annotation, type):
        return [annotation]
    return [one for argument in getattr(annotation, "__args__", ()) for one in _classes(argument)]


def _fault_rows() -> Iterator[str]:
    told = _attribute_docs(Fault)
    for field in dataclasses.fields(Fault):
        values = [f'`"{one}"`' for kind in _fault_words(field.name) for one in kind]
        default = "**needed**" if field.default is dataclasses.MISSING else _shown(field.default)
        kind = "one of" if values else "number"
        yield _row(field.name, kind, _unit(field.name), ", ".join(values), default, told.get(field.name, ""))


def _fault_words(name: str) -> list[type[enum.StrEnum]]:
    from sitl.faults import FaultKind, Part, Word

    return [{"kind": FaultKind, "part": Part, "word": Word}[name]] if name in {"kind", "part", "word"} else []
