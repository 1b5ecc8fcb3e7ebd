"""Scenarios from TOML, and verdicts as JUnit XML."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Final

import pydantic

from geo.errors import InputError
from geo.foreign_text import xml_text
from missions.documents.wrong_keys import WrongKeys
from sitl.errors import ScenarioError
from sitl.scenarios.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sitl.scenarios.scenario_verdict import ScenarioResult


def read_scenario(path: Path) -> Scenario:
    """Read a scenario file.

    Raises
    ------
    ScenarioError
        When it is not there, is no TOML, or a field is wrong; the message names the field.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ScenarioError(f"there is no scenario file {path}", path=str(path)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path} is no TOML: {error}", path=str(path)) from error
    try:
        return Scenario.model_validate(raw)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        said = _WORDS.explain(first)
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise ScenarioError(f"{path}: {said}{more}", path=str(path), field=where) from error
    except InputError as error:
        raise ScenarioError(f"{path}: {error.message}", path=str(path)) from error


_WORDS: Final = WrongKeys(Scenario, "a scenario")


def junit_xml(results: Sequence[ScenarioResult]) -> str:
    """Return the verdicts as JUnit XML, one suite a scenario, one case an expectation."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>"]
    for result in results:
        name = xml_text(result.name)
        missed = sum(not (verdict.met or verdict.unmeasured) for verdict in result.verdicts)
        lines.append(
            f'  <testsuite name="{name}" tests="{len(result.verdicts)}" failures="{missed}" time="{result.wall_s:.3f}">'
        )
        for verdict in result.verdicts:
            head = f'    <testcase classname="{name}" name="{xml_text(verdict.what)}"'
            if verdict.met:
                lines.append(head + "/>")
            elif verdict.unmeasured:
                lines.append(head + f'><skipped message="{xml_text(verdict.unmeasured)}"/></testcase>')
            else:
                lines.append(head + f'><failure message="{xml_text(verdict.sentence)}"/></testcase>')
        lines.append("  </testsuite>")
    lines.append("</testsuites>")
    return "\n".join(lines) + "\n"
