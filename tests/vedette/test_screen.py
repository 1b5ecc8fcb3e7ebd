"""The one kind of terminal: foreign text does nothing on it, on any way out."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

import vedette
from vedette.commands.screen import Screen, line

EVIL = "[bold]b[/bold] :smile: \x1b[31m\x1b]8;;http://x \x9b2J \u202egpj"
SHOWN = r"[bold]b[/bold] :smile: \x1b[31m\x1b]8;;http://x \x9b2J \u202egpj"


def table():
    made = Table(EVIL, title=EVIL, caption=EVIL)
    made.add_row(EVIL)
    return made


@pytest.mark.parametrize(
    "shown",
    [EVIL, line(EVIL), Text(EVIL), table(), Panel(EVIL), line("a", (EVIL, "bold red"))],
    ids=lambda one: type(one).__name__,
)
def test_nothing_foreign_reaches_the_terminal(shown):
    out = io.StringIO()
    screen = Screen(file=out, force_terminal=True, color_system="standard", width=200)
    screen.print(shown)
    text = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue())
    assert SHOWN in text
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
    assert "\x1b]8" not in out.getvalue()


def test_a_name_cannot_begin_a_line_of_its_own():
    out = io.StringIO()
    screen = Screen(file=out, width=80)
    for one in ("clip\nerror: none", line("clip\nerror: none")):
        screen.print(one)
    assert out.getvalue().splitlines() == [r"clip\nerror: none"] * 2


def test_colours_of_ours_are_still_colours():
    out = io.StringIO()
    Screen(file=out, force_terminal=True, color_system="standard").print(line(("error:", "bold red"), " [x]"))
    assert out.getvalue() == "\x1b[1;31merror:\x1b[0m [x]\n"


def test_no_command_writes_to_the_terminal_by_another_way():
    for module in Path(vedette.__file__).parent.glob("*.py"):
        text = module.read_text(encoding="utf-8")
        if module.name != "screen.py":
            assert not re.search(r"\bConsole\(|from rich\.markup|from_markup|markup=|TextColumn\(", text), module.name
        echoed = [one for one in re.findall(r"typer\.echo\(.*", text) if "commented_brief()" not in one]
        assert echoed == [], module.name
