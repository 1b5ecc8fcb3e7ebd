"""What reads pictures leaves nothing in the reader's folders and gathers nothing to be sent."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOOK = """
import numpy as np
from pathlib import Path
from detection.onnx_detector import OnnxDetector
OnnxDetector(Path("detection/models/vedette-small.onnx")).detect([np.zeros((64, 80, 3), dtype=np.uint8)])
"""


def left_behind(program: str, home: Path) -> set[str]:
    """Run a program for which a folder is home; returns what it has left there."""
    home.mkdir()
    own = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "ORT_"))}
    subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env={**own, "HOME": str(home)}, check=True, capture_output=True
    )
    return {path.name for path in home.rglob("*") if path.is_file()}


def test_a_look_leaves_nothing_at_home(tmp_path):
    assert left_behind(LOOK, tmp_path / "home") == set()


def test_onnx_runtime_is_loaded_in_one_place():
    loads = re.compile(r"^\s*(import onnxruntime|from onnxruntime)", re.M)
    ours = ("geo", "telemetry", "missions", "detection", "operations", "maps", "sitl", "vedette", "benchmarks")
    found = {
        path.relative_to(ROOT).as_posix()
        for folder in ours
        for path in (ROOT / folder).rglob("*.py")
        if loads.search(path.read_text(encoding="utf-8"))
    }
    assert found == {"detection/onnx_runtime_apart.py"}
