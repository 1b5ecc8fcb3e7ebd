"""The result of a check as JUnit XML, so that a build server shows every broken rule as a failed test."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from missions.plan_files.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from missions.checks.check import Judgement
    from missions.plan import Finding


def write_junit(judgements: Iterable[Judgement], path: Path) -> None:
    """Write one test suite for each plan and one test case for each rule it was judged by."""
    write_whole(path, junit_text(judgements))


def junit_text(judgements: Iterable[Judgement]) -> str:
    """Return the JUnit XML text: a rule with findings is a failure, one without has passed."""
    suites = [_suite(judgement) for judgement in judgements]
    return '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n' + "\n".join(suites) + "\n</testsuites>\n"


def _suite(judgement: Judgement) -> str:
    found: dict[str, list[Finding]] = {rule: [] for rule in judgement.rules}
    for finding in judgement.findings:
        found.setdefault(finding.rule, []).append(finding)
    failures = sum(bool(findings) for findings in found.values())
    name = html.escape(judgement.name)
    cases = "\n".join(_case(name, rule, findings) for rule, findings in found.items())
    return f'<testsuite name="{name}" tests="{len(found)}" failures="{failures}" errors="0">\n{cases}\n</testsuite>'


def _case(name: str, rule: str, findings: list[Finding]) -> str:
    start = f'<testcase classname="{name}" name="{html.escape(rule)}"'
    if not findings:
        return start + "/>"
    lines = "\n".join(html.escape(f"{f.severity}: {f.message}") for f in findings)
    first = html.escape(findings[0].message)
    return f'{start}><failure type="{findings[0].severity}" message="{first}">{lines}</failure></testcase>'
