"""Pages of the documentation as a reader uses them: each command line literally and in order, by a shell."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^ *```[^\n]*\n(.*?)^ *```", re.M | re.S)
STARTS = ("vedette ", ".venv/bin/vedette ", "python3 ", "cp ", "curl ", "make ", "make-a-plan ", "pip ", "python -m ")
LIMIT_S = 1200


def lines_of(page: str) -> list[str]:
    """Return a page's command lines, continued ones joined."""
    found = []
    for block in FENCE.findall((ROOT / page).read_text(encoding="utf-8")):
        for text in re.sub(r"\\\n\s*", "", block).splitlines():
            if text.strip().startswith(STARTS):
                found.append(text.strip())
    return found


def programs_of(page: str) -> list[str]:
    """Return a page's Python programs."""
    return re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(encoding="utf-8"), re.M | re.S)


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page, which of its lines are set apart and why, and the status of those that find something.

    A line that goes on until Ctrl-C has what it says once it is ready in `beside`; it runs until the page is read, and
    what is asked of a person at a terminal has questions and answers in `typed`. What a person writes into a file after
    a line, its name and the words that are put for others, is in `edited`. Addresses and files that are a reader's own
    are in `instead`, with those of here.
    """

    path: str
    apart: dict[str, str] = field(default_factory=dict)
    status: dict[str, int] = field(default_factory=dict)
    beside: dict[str, str] = field(default_factory=dict)
    typed: dict[str, dict[str, str]] = field(default_factory=dict)
    edited: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)
    instead: dict[str, str] = field(default_factory=dict)

    @property
    def words(self) -> set[str]:
        """Return the words by which lines are told, each of which a line must hold."""
        named = (self.apart, self.status, self.beside, self.typed, self.edited, self.instead)
        return {words for one in named for words in one}


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
    shell, wrong, unused = Shell(folder), [], page.words
    with contextlib.ExitStack() as running:
        for written in lines_of(page.path):
            line, told = written, [words for words in page.words if words in written]
            unused -= set(told)
            if any(words in page.apart for words in told):
                continue
            for words in page.instead:
                line = line.replace(words, page.instead[words])
            if ready := [page.beside[words] for words in told if words in page.beside]:
                wrong += running.enter_context(shell.beside(line, ready[0]))
                continue
            expected = [page.status[words] for words in told if words in page.status]
            answers = [page.typed[words] for words in told if words in page.typed]
            status, said = shell.typed(line, answers[0]) if answers else shell.run(line)
            if status != (expected[0] if expected else 0) or "Traceback" in said:
                wrong.append(f"{line}\n-> {status}\n{said[-3000:]}")
            for name, changes in [page.edited[words] for words in told if words in page.edited]:
                text = (folder / name).read_text(encoding="utf-8")
                for old, new in changes.items():
                    assert old in text, f"{name} has no {old!r} to edit"
                    text = text.replace(old, new)
                (folder / name).write_text(text, encoding="utf-8")
    return [*wrong, *[f"no line of {page.path} holds {words!r}" for words in sorted(unused)]]


class Shell:
    """A reader's shell in a folder."""

    def __init__(self, folder: Path) -> None:
        self._how = {"cwd": folder, "env": commands(folder), "text": True}

    def run(self, line: str) -> tuple[int, str]:
        """Run a line to its end."""
        done = subprocess.run(
            ["bash", "-c", line.replace("/media/", "media/")],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LIMIT_S,
            check=False,
            **self._how,
        )
        return done.returncode, done.stdout + done.stderr

    def typed(self, line: str, answers: dict[str, str]) -> tuple[int, str]:
        """Run a line at a terminal, and answer each of its questions once."""
        waiting = dict(answers)
        ours, its = pty.openpty()
        process = subprocess.Popen(
            ["bash", "-c", line], stdin=its, stdout=its, stderr=its, start_new_session=True, **self._how
        )
        os.close(its)
        said, end = "", time.monotonic() + LIMIT_S
        try:
            while time.monotonic() < end:
                if not select.select([ours], [], [], 1.0)[0]:
                    continue
                try:
                    said += os.read(ours, 65536).decode(errors="replace")
                except OSError:  # the terminal's other end was closed
                    break
                for question in [one for one in waiting if one in said]:
                    os.write(ours, f"{waiting.pop(question)}\n".encode())
            return process.wait(timeout=30), said
        finally:
            process.kill()
            process.wait(timeout=20)
            os.close(ours)

    @contextlib.contextmanager
    def beside(self, line: str, ready: str):
        """Run a line until the end of the block, then end it by Ctrl-C; gives what went wrong with its beginning."""
        wrong: list[str] = []
        with open(Path(self._how["cwd"]) / "beside.log", "a+") as log:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {line}"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=lambda: signal.signal(
                    signal.SIGINT, signal.SIG_DFL
                ),  # a runner in the background ignores it
                **self._how,
            )
            try:
                end = time.monotonic() + LIMIT_S
                while (
                    ready not in (said := Path(log.name).read_text())
                    and process.poll() is None
                    and time.monotonic() < end
                ):
                    time.sleep(0.2)
                if ready not in said:
                    wrong.append(f"{line}\n-> never said {ready!r}\n{said[-3000:]}")
                yield wrong
                process.send_signal(signal.SIGINT)
                process.wait(timeout=LIMIT_S)
                assert "Traceback" not in Path(log.name).read_text()
            finally:
                process.kill()
                process.wait(timeout=20)
