"""What CONTRIBUTING and the decision on layers say of the folders is what the tree has."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("geo", "telemetry", "missions", "detection", "operations", "maps", "sitl", "vedette")


def test_contributing_names_every_folder():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for package in PACKAGES:
        (listed,) = re.findall(rf"^\| `{package}/` \| ([a-z_, ]+) \|$", text, re.M)
        there = {path.name for path in (ROOT / package).iterdir() if path.is_dir() and path.name != "__pycache__"}
        assert set(listed.split(", ")) == there, package


def test_the_decision_on_layers_is_what_the_check_enforces():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (planning,) = [one for one in settings["tool"]["importlinter"]["contracts"] if one["name"].startswith("Planning")]
    enforced = [layer.removeprefix("missions.") for layer in planning["layers"][:-1]]
    decision = (ROOT / "docs" / "decisions" / "0001-folders-and-layers.md").read_text(encoding="utf-8")
    (chain,) = re.findall(r"`(flight -> [^`]+)`", decision)
    assert [name.strip() for name in chain.split("->")] == enforced
