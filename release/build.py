"""Build a release into dist/ (``make release``): sdist, wheel, CycloneDX bills of materials, and the licence table."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
DIST: Final = ROOT / "dist"
PACKAGES: Final = ("geo", "telemetry", "missions", "detection", "operations", "maps", "sitl", "vedette")
CARRIED: Final = (
    "detection/models/vedette-small.onnx", "detection/models/vedette-day.onnx", "detection/models/manifest.json",
    "geo/egm96_15min.npz",
)  # fmt: skip
"""Without these the wheel neither detects nor has heights."""
DEMO: Final = "examples/demo/"
"""What `vedette demo` plans with; a wheel installs it below `share`, outside of every package."""
_SHARED: Final = re.compile(r"[^/]+\.data/data/share/vedette/demo/")
MOST_BYTES: Final = 25_000_000
LOCKS: Final = ("light", "dev", "all")


def wrong_in_wheel(wheel: Path, tracked: set[str]) -> list[str]:
    """Return what a wheel carries that it should not, and what it lacks."""
    size = wheel.stat().st_size
    wrong = [f"{wheel.name} has {size} bytes; at most {MOST_BYTES}"] if size > MOST_BYTES else []
    with zipfile.ZipFile(wheel) as archive:
        listed = {name for name in archive.namelist() if not PurePosixPath(name).parts[0].endswith(".dist-info")}
    names, ours = {_SHARED.sub(DEMO, name) for name in listed}, in_a_wheel(tracked)
    wrong += [f"{wheel.name} carries {name}, which is not ours" for name in sorted(names - ours)]
    wrong += [f"{wheel.name} lacks {name}" for name in sorted((ours | set(CARRIED)) - names)]
    return wrong


def in_a_wheel(tracked: set[str]) -> set[str]:
    """Return which of the files under version control a wheel carries: packages, and the demo's border and ground."""
    demo = {name for name in tracked if name.startswith(DEMO) and not name.endswith(".py")}
    return demo | {name for name in tracked if PurePosixPath(name).parts[0] in PACKAGES}


def tracked_files() -> set[str]:
    """Return every file under version control."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    return set(listed.stdout.strip("\0").split("\0"))


def build_wheel(out: Path) -> Path:
    """Build sdist, and the wheel from it, with the locked build tools; return the wheel."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return next(out.glob("*.whl"))


def write_bills(out: Path) -> None:
    """Write one CycloneDX bill of materials for each lock, with the hashes in it."""
    for name in LOCKS:
        lock, bill = ROOT / "locks" / f"{name}.txt", out / f"vedette-{name}.cdx.json"
        command = [sys.executable, "-m", "cyclonedx_py", "requirements", str(lock), "--output-reproducible"]
        command += ["--pyproject", str(ROOT / "pyproject.toml"), "--output-file", str(bill)]
        subprocess.run(command, check=True)


def main() -> int:
    """Build everything, or say what stands against it."""
    licences = subprocess.run([sys.executable, str(ROOT / "release" / "licences.py")], check=False)
    if licences.returncode:
        return licences.returncode
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir()
    wrong = wrong_in_wheel(build_wheel(DIST), tracked_files())
    write_bills(DIST)
    shutil.copy(ROOT / "locks" / "licences.csv", DIST / "licences.csv")
    for sentence in wrong:
        sys.stderr.write(sentence + "\n")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
