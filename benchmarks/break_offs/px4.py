"""Break-offs on a real PX4 in its simulation-in-hardware build."""

from __future__ import annotations

from benchmarks.break_offs.ardupilot import failed, fly

__all__ = ["failed", "fly"]
