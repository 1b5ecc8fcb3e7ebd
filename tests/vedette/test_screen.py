"""The one kind of terminal: foreign text does nothing on it, on any way out."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.panel import Panel
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

import vedette
from vedette.commands.screen import Screen, line, megabytes, progress

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


def test_a_bar_says_how_far_of_how_much_and_how_long_still():
    """Half of ten megabytes in one second: another second; with no total nothing is promised."""
    out, now_s = io.StringIO(), [0.0]
    made = progress()
    bars = Progress(*made.columns, console=Screen(file=out, width=120), get_time=lambda: now_s[0], auto_refresh=False)
    told = megabytes(bars, "hashing")
    bars.print(bars)
    for step in range(6):
        now_s[0] = step * 0.2
        told(step * 1_000_000, 10_000_000)
    bars.print(bars)
    told(10_000_000, 10_000_000)
    bars.print(bars)
    before, half, done = (line for line in out.getvalue().splitlines() if "hashing, MB" in line)
    assert "left" not in before
    assert "5/10" in half
    assert "0:00:01 left" in half
    assert "10/10" in done
    assert "left" not in done
