"""``vedette doctor``: what is installed, what is missing for which command, which programs were found beside it."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import platform
import subprocess
import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from vedette import __version__
from vedette.commands.screen import RESULTS, line, print_json

if TYPE_CHECKING:
    from pathlib import Path

app = typer.Typer(add_completion=False)

EVERYWHERE: Final = "every installation"
ASK_S: Final = 10.0
"""How long another program may take to say its version."""
EXTRAS: Final = {"yolo": ("ultralytics", "torch", "onnx"), "cue": ("paho-mqtt",)}
"""Packages that come with an extra, and are no fault when absent."""
EXTRA_USES: Final = {"yolo": "vedette models train, export; .pt models", "cue": "vedette cue, by MQTT"}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A program that is not part of Vedette: what it is called, what needs it, and how it says its version."""

    names: tuple[str, ...]
    used_for: str
    ask: tuple[str, ...] = ()
    variable: str = ""


PEERS: Final = (
    Peer(names=("ffmpeg",), used_for="watch srt://", ask=("-version",)),
    Peer(names=("srt-live-transmit",), used_for="watch srt://, where ffmpeg has no SRT", ask=("-version",)),
    Peer(names=("arducopter",), used_for="sitl run --backend ardupilot", variable="VEDETTE_ARDUCOPTER"),
    Peer(names=("arduplane",), used_for="sitl run --backend ardupilot, fixed wings", variable="VEDETTE_ARDUPLANE"),
    Peer(names=("px4",), used_for="sitl run --backend px4", variable="VEDETTE_PX4"),
    Peer(names=("mosquitto",), used_for="the tests of vedette cue"),
    Peer(names=("openssl",), used_for="a time stamp authority of your own", ask=("version",)),
    Peer(
        names=("chromium-headless-shell", "chromium", "google-chrome"),
        used_for="the tests that open pages",
        ask=("--version",),
    ),
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One line of the report.

    Parameters
    ----------
    name, used_for
        What it is, and what needs it.
    state
        Its version or place; empty when it is absent.
    needed
        Whether its absence is a fault of the installation.
    remedy
        What to do when it is absent.
    """

    name: str
    used_for: str
    state: str = ""
    needed: bool = False
    remedy: str = ""

    @property
    def fault(self) -> bool:
        """Whether something is wrong here."""
        return self.needed and not self.state


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say what is installed, what is missing for which command, and which programs were found beside it.

    Exit status 1 when a part is missing that every installation needs. Example: vedette doctor
    """
    parts = [_python(), *_packages(), *_extras(), *_models(), *(_peer(peer) for peer in PEERS)]
    if as_json:
        print_json({"vedette": __version__, "parts": [dataclasses.asdict(part) for part in parts]})
    else:
        RESULTS.print(f"vedette {__version__}")
        told = [part for part in parts if part.used_for != EVERYWHERE or part.fault]
        for part in told:
            _show(part)
        RESULTS.print(line(("  there   ", "green"), f"{len(parts) - len(told)} packages that {EVERYWHERE} needs"))
    if any(part.fault for part in parts):
        raise typer.Exit(1)


def _show(part: Part) -> None:
    if part.state:
        RESULTS.print(line(("  there   ", "green"), f"{part.name} {part.state} ({part.used_for})"))
        return
    word = ("  MISSING ", "bold red") if part.needed else ("  absent  ", "yellow")
    RESULTS.print(line(word, f"{part.name}: {part.used_for}" + (f"; {part.remedy}" if part.remedy else "")))


def _python() -> Part:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    fits = sys.version_info >= (3, 11)
    return Part(
        name="Python", used_for="3.11 or newer", state=found if fits else "", needed=True,
        remedy=f"this is {found}; install 3.11 or newer",
    )  # fmt: skip


def _packages() -> list[Part]:
    """Look for every package that this installation says it requires, without importing one."""
    from packaging.requirements import Requirement

    found = []
    for text in importlib.metadata.requires("vedette") or ():
        required = Requirement(text)
        if required.marker is None or required.marker.evaluate({"extra": ""}):
            state = _version(required.name)
            fits = bool(state) and required.specifier.contains(state, prereleases=True)
            remedy = f"{state or 'nothing'} is installed, {required.specifier} is needed: install Vedette again"
            used = "every installation"
            found.append(
                Part(name=required.name, used_for=used, state=state if fits else "", needed=True, remedy=remedy)
            )
    return found


def _extras() -> list[Part]:
    return [
        Part(name=name, used_for=EXTRA_USES[extra], state=_version(name), remedy=f'pip install "vedette[{extra}]"')
        for extra, names in EXTRAS.items()
        for name in names
    ]


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _models() -> list[Part]:
    from detection.model_manifest_file import colour_model, default_model, known_models, sha256_of

    told = {entry.sha256 for entry in known_models()}
    return [
        Part(
            name=path.name, used_for=f"ingest, watch, demo: {pictures} pictures", needed=True,
            state="as its card says" if path.is_file() and sha256_of(path) in told else "",
            remedy="it is not the file that its manifest names: install Vedette again",
        )
        for path, pictures in ((default_model(), "grey"), (colour_model(), "colour"))
    ]  # fmt: skip


def _peer(peer: Peer) -> Part:
    from sitl.backend import find_binary
    from sitl.errors import SitlError

    remedy = f"put it on PATH{f', or set {peer.variable}' if peer.variable else ''}"
    try:
        path = find_binary(list(peer.names), option=None, variable=peer.variable)
    except SitlError:
        return Part(name=peer.names[0], used_for=peer.used_for, remedy=remedy)
    return Part(name=peer.names[0], used_for=peer.used_for, state=_asked(path, peer.ask) or f"at {path}")


def _asked(path: Path, words: tuple[str, ...]) -> str:
    if not words:
        return ""
    command = [str(path), *words]
    try:
        done = subprocess.run(  # noqa: S603 - a program that the person installed
            command, capture_output=True, text=True, timeout=ASK_S, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    said = (done.stdout or done.stderr).strip().splitlines()
    return said[0][:80] if said else ""
