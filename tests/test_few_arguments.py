"""No function takes more than six arguments: arguments that always travel together are a value."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("geo", "telemetry", "missions", "detection", "operations", "maps", "sitl", "vedette", "release")
MOST = 6


def arguments(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.arg]:
    told = function.args
    every = [*told.posonlyargs, *told.args, *told.kwonlyargs, *filter(None, (told.vararg, told.kwarg))]
    return [one for one in every if one.arg not in ("self", "cls")]


def is_command(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """A command of Typer has one parameter for each option."""
    if any(".command(" in ast.unparse(one) for one in function.decorator_list):
        return True
    return any(one.annotation and "typer." in ast.unparse(one.annotation) for one in arguments(function))


def more_than(most: int, source: str) -> dict[str, int]:
    functions = [one for one in ast.walk(ast.parse(source)) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
    counts: dict[str, int] = {}
    for one in functions:
        count = len(arguments(one))
        if count > most and not is_command(one):
            counts[one.name] = max(count, counts.get(one.name, 0))
    return counts


@pytest.mark.parametrize("package", PACKAGES)
def test_no_function_takes_more_than_six_arguments(package):
    found = {
        f"{path.relative_to(ROOT).as_posix()}:{name}": count
        for path in (ROOT / package).rglob("*.py")
        for name, count in more_than(MOST, path.read_text(encoding="utf-8")).items()
    }
    assert found == {}


def test_every_kind_of_argument_is_counted():
    source = "class A:\n def f(self, a, /, b, *c, d=1, **e): ...\nasync def g(a, b, c): ..."
    source += "\ndef h(a): ...\nclass B:\n def f(self): ..."
    assert more_than(2, source) == {"f": 5, "g": 3}
    assert more_than(2, "def run(a: Annotated[int, typer.Option()], b, c): ...") == {}
