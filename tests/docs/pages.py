"""Pages of the documentation as a reader uses them: each command line literally and in order, by a shell."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^ *```[^\n]*\n(.*?)^ *```", re.M | re.S)
STARTS = ("vedette ", ".venv/bin/vedette ", "python3 ", "cp ", "curl ", "make ", "make-a-plan ", "pip ", "python -m ")
LIMIT_S = 400


def lines_of(page: str) -> list[str]:
    """Return a page's command lines, continued ones joined."""
    found = []
    for block in FENCE.findall((ROOT / page).read_text(encoding="utf-8")):
        for text in re.sub(r"\\\n\s*", "", block).splitlines():
            if text.strip().startswith(STARTS):
                found.append(text.strip())
    return found


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page, which of its lines are set apart and why, and the status of those that find something."""

    path: str
    apart: dict[str, str] = field(default_factory=dict)
    status: dict[str, int] = field(default_factory=dict)


def commands(folder: Path) -> dict[str, str]:
    """Return the environment of a reader who has installed Vedette; media and settings lie in the folder."""
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True, exist_ok=True)
    program = programs / "vedette"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m vedette "$@"\n')
    program.chmod(0o755)
    (programs / "python3").unlink(missing_ok=True)
    (programs / "python3").symlink_to(sys.executable)
    own = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "XDG_CONFIG_HOME": str(folder / ".config")}
    return {**os.environ, **own, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}


def walk(page: Page, folder: Path) -> list[str]:
    """Run a page's lines; returns what went otherwise than the page makes a reader expect."""
    environment, wrong, unused = commands(folder), [], set(page.apart) | set(page.status)
    for line in lines_of(page.path):
        if apart := [words for words in page.apart if words in line]:
            unused -= set(apart)
            continue
        expected = [words for words in page.status if words in line]
        unused -= set(expected)
        text = line.replace("/media/", "media/")
        done = subprocess.run(
            ["bash", "-c", text],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        if done.returncode != (page.status[expected[0]] if expected else 0) or "Traceback" in done.stderr:
            wrong.append(f"{line}\n-> {done.returncode}\n{done.stdout[-1500:]}{done.stderr[-1500:]}")
    return [*wrong, *[f"no line of {page.path} holds {words!r}" for words in sorted(unused)]]
