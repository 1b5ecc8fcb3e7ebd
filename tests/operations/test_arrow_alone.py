"""Arrow looks for pandas once in a process, and finds none where it was told so."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys
import numpy as np
import pyarrow as pa
from operations.arrow_alone import leave_pandas_out
if {left_out}:
    leave_pandas_out()
column = pa.array(np.array([1.0, 2.0]), mask=np.array([False, True]))
assert column.to_pylist() == [1.0, None]
assert pa.table({{"a": ["x", "y"]}})["a"].to_pylist() == ["x", "y"]
print("pandas" in sys.modules)
print(pa.table({{"a": column}}).to_pandas()["a"].tolist())
leave_pandas_out()
import pandas
print(pa.array(pandas.Series([1, 2])).to_pylist())
"""


@pytest.mark.parametrize("left_out", [True, False])
def test_pandas_is_imported_only_by_who_asks_for_it(left_out: bool) -> None:
    told = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", PROGRAM.format(left_out=left_out)], capture_output=True, text=True, check=True
    )
    assert told.stdout.splitlines() == [str(not left_out), "[1.0, nan]", "[1, 2]"]
