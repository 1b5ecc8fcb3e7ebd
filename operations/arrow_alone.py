"""Arrow without pandas: a quarter of a second and 47 MB that a command would spend for nothing.

Before it makes its first array of anything Arrow imports pandas, where that is installed, to tell whether it was given
a series of it. Our programs give it none.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType


class _Absent:
    """Finds no pandas (a finder of `sys.meta_path`)."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> None:  # noqa: ARG004
        if name == "pandas":
            raise ImportError(name=name)


def leave_pandas_out() -> None:
    """Let Arrow take pandas for absent in this process, unless it is imported already.

    For programs of ours alone: whoever calls us from a program of their own may hand Arrow a series. Turning a table
    into a data frame still imports pandas.
    """
    if "pandas" in sys.modules:
        return
    sys.meta_path.insert(0, _Absent)
    try:
        pa.array([])
    finally:
        sys.meta_path.remove(_Absent)
