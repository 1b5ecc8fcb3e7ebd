"""No module imports itself by a roundabout way, not even for its types: who reads one would have to read them all."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("geo", "telemetry", "missions", "detection", "operations", "maps", "sitl", "vedette")


def imports_of(source: str, module: str, known: set[str]) -> set[str]:
    """Return the known modules a module's text imports at its top level, under TYPE_CHECKING included."""
    found = set()
    for node in ast.parse(source).body:
        for inner in node.body if isinstance(node, ast.If) else [node]:
            if isinstance(inner, ast.Import):
                found |= {alias.name for alias in inner.names}
            elif isinstance(inner, ast.ImportFrom) and inner.module and inner.level == 0:
                inside = {f"{inner.module}.{alias.name}" for alias in inner.names}
                found |= inside if inside <= known else inside | {inner.module}
    return {name for name in found if name in known and name != module}


def circles(sources: dict[str, str]) -> list[list[str]]:
    """Return the groups of modules that import each other in a circle."""
    modules = sorted(sources)
    edges = [(k, modules.index(n)) for k, m in enumerate(modules) for n in imports_of(sources[m], m, set(sources))]
    row, column = np.array(edges, dtype=int).reshape(-1, 2).T
    graph = csr_array((np.ones(len(row)), (row, column)), shape=(len(modules), len(modules)))
    _, group = connected_components(graph, connection="strong")
    found = [[m for m, g in zip(modules, group, strict=True) if g == which] for which in np.unique(group)]
    return sorted(members for members in found if len(members) > 1)


def sources_of(package: str) -> dict[str, str]:
    files = [f for f in (ROOT / package).rglob("*.py") if "node_modules" not in f.parts]
    names = {f: ".".join(f.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for f in files}
    return {names[f]: f.read_text(encoding="utf-8") for f in files}


@pytest.mark.parametrize("package", PACKAGES)
def test_no_package_has_a_circle_of_imports(package):
    assert circles(sources_of(package)) == []


def test_a_circle_is_found_also_where_only_types_are_imported():
    sources = {
        "a.one": "from a.two import f",
        "a.two": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from a.three import T",
        "a.three": "import a.one",
        "a.four": "from a import one",
    }
    assert circles(sources) == [["a.one", "a.three", "a.two"]]
