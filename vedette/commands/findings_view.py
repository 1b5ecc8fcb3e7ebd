"""Findings on the screen: grouped by rule, each with its place, what would do and what may help."""

from __future__ import annotations

import math
import re
import textwrap
from typing import TYPE_CHECKING, Final

from vedette.commands.screen import line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from missions.plan import Finding
    from vedette.commands.screen import Screen

SHOWN_OF_ONE_RULE: Final = 4
_NARROWEST: Final = 40
_PLACE: Final = re.compile(r"-?\d+\.\d{4,}, -?\d+\.\d{4,}")
"""A message that names its place; it is not said twice."""


def print_findings(console: Screen, findings: Sequence[Finding], *, every: bool) -> None:
    """Print findings rule by rule with their counts, errors first; of many of one rule, the first few unless `every`.

    Long lines are broken for a terminal's width and left whole in a pipe.
    """
    groups = dict.fromkeys((f.severity, f.rule) for f in sorted(findings, key=lambda f: f.severity != "error"))
    for severity, rule in groups:
        held = [f for f in findings if (f.severity, f.rule) == (severity, rule)]
        colour = "red" if severity == "error" else "yellow"
        count = f" ({len(held)})" if len(held) > 1 else ""
        console.print(line("  ", (f"{severity.value:8}", colour), " ", (rule, "bold"), count))
        shown = held if every else held[:SHOWN_OF_ONE_RULE]
        for finding, after in zip(shown, [*shown[1:], None], strict=True):
            _print_block(console, finding, remedy=after is None or _remedies(after) != _remedies(finding))
        if len(held) > len(shown):
            console.print(f"    and {len(held) - len(shown)} more of {rule} (--all shows them)")


def tally(findings: Sequence[Finding]) -> str:
    """Count errors and warnings in words; nothing where there are none."""
    errors = sum(finding.severity == "error" for finding in findings)
    counts = ((errors, "error"), (len(findings) - errors, "warning"))
    return ", ".join(f"{number} {word}" if number == 1 else f"{number} {word}s" for number, word in counts if number)


def _print_block(console: Screen, finding: Finding, *, remedy: bool) -> None:
    """Print one finding; what would do, or may help, is said once for several in a row."""
    said = math.isnan(finding.lat_deg) or _PLACE.search(finding.message) is not None
    place = "" if said else f" at {finding.lat_deg:.6f}, {finding.lon_deg:.6f}"
    print_wrapped(console, finding.message + place, first=" " * 4, later=" " * 6)
    for text in _remedies(finding) if remedy else ():
        print_wrapped(console, text, first=" " * 6, later=" " * 8)


def _remedies(finding: Finding) -> list[str]:
    told = (("would do", finding.relaxation), ("advice", finding.advice))
    return [f"{title}: {text}" for title, text in told if text]


def print_wrapped(console: Screen, text: str, *, first: str, later: str) -> None:
    """Print text broken for a terminal, with what leads its first and its later lines; a pipe gets it in one line."""
    lines = [first + text]
    if console.is_terminal:
        width = max(console.width, _NARROWEST)
        lines = textwrap.wrap(
            text, width, initial_indent=first, subsequent_indent=later, break_long_words=False, break_on_hyphens=False
        )
    for one in lines:
        console.print(one)
