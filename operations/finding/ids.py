"""A column of ids, nearly every one of them another: kept as the bytes they came in until somebody reads them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from numpy.typing import NDArray

_KIND = pa.large_string()
"""An archive's ids together can be more than the two gigabytes that `pa.string` counts to."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ids:
    """A column of strings, mostly different: a million of them cost what their bytes cost."""

    values: pa.LargeStringArray
    """Shape (n,); the empty string where there is none."""

    @classmethod
    def of(cls, column: pa.ChunkedArray | pa.Array | Iterable[str]) -> Self:
        """Take a column over; null becomes the empty string."""
        if not isinstance(column, pa.ChunkedArray | pa.Array):
            column = pa.array(list(column), _KIND)
        column = pc.fill_null(column.cast(_KIND), "")
        return cls(values=column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column)

    @classmethod
    def concat(cls, parts: Sequence[Ids]) -> Self:
        """Join columns, one after another."""
        return cls(values=pa.concat_arrays([part.values for part in parts]) if parts else pa.array([], _KIND))

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, row: int) -> str:
        """Return one row's id; the empty string where it has none."""
        return str(self.values[row].as_py())

    def take(self, rows: NDArray[np.int64]) -> Ids:
        """Return the rows chosen by index."""
        return Ids(values=self.values.take(pa.array(rows, pa.int64())))

    def texts(self) -> NDArray[np.str_]:
        """Return the rows' ids as an array of strings."""
        return np.array(self.values.to_pylist(), dtype=np.str_)

    def places_in(self, wanted: Sequence[str]) -> NDArray[np.int64]:
        """Return for each row the place of its id among some, each of which stands there once; -1 where it is none."""
        found = pc.index_in(self.values, value_set=pa.array(wanted, _KIND))
        return np.asarray(pc.fill_null(found, -1).to_numpy(zero_copy_only=False), np.int64)

    def among(self, wanted: Collection[str]) -> NDArray[np.bool_]:
        """Tell which rows' ids are among some."""
        found = pc.is_in(self.values, value_set=pa.array(sorted(wanted), _KIND))
        return np.asarray(found.to_numpy(zero_copy_only=False), np.bool_)

    def order(self, first: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows in order of some numbers, the least first, and of equals by their ids."""
        table = pa.table({"first": first, "id": self.values})
        by = [("first", "ascending"), ("id", "ascending")]
        return np.asarray(pc.sort_indices(table, sort_keys=by).to_numpy(), np.int64)
