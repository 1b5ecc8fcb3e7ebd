"""Every command line in the documentation is one that the program takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer import Context
from typer.main import get_command

from vedette.main import COMMANDS, app

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```", re.M | re.S)
STARTS = re.compile(r"^(?:\$ )?(?:\.venv/bin/)?vedette (.*)$")
ENDS = re.compile(r"\s+(?:#.*|\|.*|>.*|&&.*|<.*)$")


def command_lines() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        for _, block in FENCE.findall(page.read_text(encoding="utf-8")):
            for text in block.replace("\\\n", " ").splitlines():
                if started := STARTS.match(text.strip()):
                    found.append((page.relative_to(ROOT).as_posix(), ENDS.sub("", started[1])))
    return found


LINES = command_lines()


def understood(words: list[str]) -> None:
    """Parse like the program does, without running anything; raises a usage error."""
    command = get_command(app)
    context = Context(command, info_name="vedette")
    while hasattr(command, "get_command") and words and not words[0].startswith("-"):
        name, *words = words
        inner = command.get_command(context, name)
        assert inner is not None, f"there is no command {name!r}"
        command, context = inner, Context(inner, info_name=name, parent=context)
    command.make_parser(context).parse_args(args=list(words))


def test_the_documentation_holds_command_lines_of_every_command():
    assert len(LINES) > 60
    assert set(COMMANDS) - {line.split()[0] for _, line in LINES} <= {"demo"}  # `make demo` runs it


@pytest.mark.parametrize(("page", "line"), LINES, ids=[f"{page}:{line[:50]}" for page, line in LINES])
def test_the_program_takes_the_line(page, line):
    understood(shlex.split(line.replace("…", "").replace("...", "")))


def test_a_line_with_an_option_that_does_not_exist_is_not_taken():
    with pytest.raises(Exception, match="No such option"):
        understood(["plan", "brief.toml", "--no-such-option"])
