"""Renew the lock files from pyproject.toml (``make lock``), and the table of every locked package's licence.

``uv`` resolves once for every Python and machine that ``[tool.uv]`` names, from `all` down, so that the three
files agree. Every distribution's SHA-256 is in the file and no host's name is: the index is whatever the
machine that installs is set up with. Licences are read from the packages' own metadata, by pip, without
installing anything.
"""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ROOT / "locks"
EXTRAS = {"all": "all", "dev": "dev", "light": ""}
HEADER = "# Made by `make lock`; install with: pip install --require-hashes -r {path}\n"
_PIN = re.compile(r"^([A-Za-z0-9._-]+==\S+)(?: ; (.+?))? \\$", re.MULTILINE)


def resolve(name: str, extra: str, narrower: Path | None, folder: Path) -> str:
    """Return the text of one lock, resolved within the next wider one."""
    build = folder / "build.in"
    build.write_text("\n".join(_project()["build-system"]["requires"]) + "\n", encoding="utf-8")
    out = folder / f"{name}.txt"
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", str(ROOT / "pyproject.toml"), str(build)]
    command += ["--universal", "--python-version", "3.11", "--fork-strategy", "fewest", "--strip-extras"]
    command += ["--generate-hashes", "--no-emit-index-url", "--no-emit-find-links", "--no-annotate", "--no-header"]
    command += ["--extra", extra] if extra else []
    command += ["--constraint", str(narrower)] if narrower else []
    subprocess.run([*command, "--output-file", str(out)], check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    return out.read_text(encoding="utf-8")


def without_common_marker(text: str) -> str:
    """Drop the marker every line carries (the environments the lock is made for): pip would skip, not refuse."""
    markers = {marker for _, marker in _PIN.findall(text)}
    common = min(markers, key=len)
    strange = [m for m in markers if m != common and "!= 'PyPy'" not in m]
    if strange:
        raise SystemExit(f"the resolution forked ({strange[0]}); narrow the environments of [tool.uv]")
    return _PIN.sub(r"\1 \\", text)


def licences_of(lock: Path, folder: Path) -> list[dict[str, str]]:
    """Return name, version and licence as stated in the metadata of every package of a lock."""
    pins = folder / "pins.txt"
    pins.write_text("\n".join(pin for pin, _ in _PIN.findall(lock.read_text(encoding="utf-8"))), encoding="utf-8")
    report = folder / "report.json"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--no-deps"]
    subprocess.run([*command, "--report", str(report), "-r", str(pins)], check=True)
    found = [entry["metadata"] for entry in json.loads(report.read_text(encoding="utf-8"))["install"]]
    rows = [{"name": _canonical(m["name"]), "version": m["version"], "licence": stated_licence(m)} for m in found]
    return sorted(rows, key=lambda row: row["name"])


def stated_licence(metadata: dict[str, Any]) -> str:
    """Return the licence a package states: its SPDX expression, else its classifiers, else its short text."""
    if metadata.get("license_expression"):
        return str(metadata["license_expression"])
    classifiers = [c.split(" :: ")[-1] for c in metadata.get("classifier", ()) if c.startswith("License :: ")]
    classifiers = [c for c in classifiers if c != "OSI Approved"]
    if classifiers:
        return " AND ".join(sorted(classifiers))
    text = str(metadata.get("license") or "").strip()
    return text.splitlines()[0][:60] if text else "not stated"


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def main() -> None:
    """Write all three locks and the licence table, or nothing."""
    with tempfile.TemporaryDirectory() as scratch:
        folder, texts, wider = Path(scratch), {}, None
        for name, extra in EXTRAS.items():
            texts[name] = resolve(name, extra, wider, folder)
            wider = folder / f"{name}.txt"
        for name, text in texts.items():
            path = f"locks/{name}.txt"
            (ROOT / path).write_text(HEADER.format(path=path) + without_common_marker(text), encoding="utf-8")
        rows = licences_of(LOCKS / "all.txt", folder)
    with (LOCKS / "licences.csv").open("w", encoding="utf-8", newline="") as table:
        writer = csv.DictWriter(table, ["name", "version", "licence"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
