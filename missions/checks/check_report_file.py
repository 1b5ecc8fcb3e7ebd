"""The result of a check as JUnit XML, so that a build server shows every broken rule as a failed test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from geo.foreign_text import xml_text
from missions.documents.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from missions.checks.check import Judgement
    from missions.plan import Finding

SCHEMA: Final = 1
"""Version of the JSON that `vedette check --json` prints; it grows when a key changes its meaning or goes."""
READABLE: Final = "file.readable"
"""The rule every file is judged by first."""

OURS: Final = b'<testsuites name="vedette check">'
"""What a report of ours has among its first bytes."""


def write_junit(judgements: Iterable[Judgement], path: Path, unreadable: Iterable[tuple[str, str]] = ()) -> None:
    """Write one test suite for each plan and one test case for each rule it was judged by."""
    write_whole(path, junit_text(judgements, unreadable))


def junit_text(judgements: Iterable[Judgement], unreadable: Iterable[tuple[str, str]] = ()) -> str:
    """Return the JUnit XML text: a rule with findings is a failure, a file that cannot be read an error.

    Parameters
    ----------
    judgements
        One a plan.
    unreadable
        (name, sentence) of each file that could not be read.
    """
    suites = [_suite(judgement) for judgement in judgements] + [_broken(n, m) for n, m in unreadable]
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="vedette check">\n'
        + "\n".join(suites)
        + "\n</testsuites>\n"
    )


def _suite(judgement: Judgement) -> str:
    found: dict[str, list[Finding]] = {rule: [] for rule in judgement.rules}
    for finding in judgement.findings:
        found.setdefault(finding.rule, []).append(finding)
    failures = sum(bool(findings) for findings in found.values())
    name = xml_text(judgement.name)
    cases = "\n".join(_case(name, rule, findings) for rule, findings in found.items())
    return _open(name, len(found), failures, 0) + f"\n{cases}\n</testsuite>"


def _broken(name: str, message: str) -> str:
    classname, said = xml_text(name), xml_text(message)
    fault = f'<error type="error" message="{said}"/>'
    case = f'<testcase classname="{classname}" name="{READABLE}" time="0">{fault}</testcase>'
    return _open(classname, 1, 0, 1) + f"\n{case}\n</testsuite>"


def _open(name: str, tests: int, failures: int, errors: int) -> str:
    counts = f'tests="{tests}" failures="{failures}" errors="{errors}" skipped="0" time="0"'
    return f'<testsuite name="{name}" {counts}>'


def _case(name: str, rule: str, findings: list[Finding]) -> str:
    start = f'<testcase classname="{name}" name="{xml_text(rule)}" time="0"'
    if not findings:
        return start + "/>"
    lines = "\n".join(xml_text(f"{f.severity}: {f.message}") for f in findings)
    first = xml_text(findings[0].message)
    return f'{start}><failure type="{findings[0].severity}" message="{first}">{lines}</failure></testcase>'
