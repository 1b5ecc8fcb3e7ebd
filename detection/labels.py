"""Columns of repeated strings: each name once, and a small number a row."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

NONE = -1
"""Code of a row that has no name."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """A column of strings coded by a dictionary; rows without a name carry the code -1.

    Two columns are equal in meaning when `texts()` are; the order of `names` carries nothing.
    """

    names: tuple[str, ...]
    codes: NDArray[np.int32]
    """Shape (n,): places in `names`, or -1."""

    @classmethod
    def of(cls, texts: Iterable[str | None]) -> Labels:
        """Code strings in order of first appearance; None and the empty string are no name."""
        listed = list(texts)
        place = {text: number for number, text in enumerate(dict.fromkeys(t for t in listed if t))}
        return cls(
            names=tuple(place), codes=np.array([place.get(t, NONE) if t else NONE for t in listed], dtype=np.int32)
        )

    @classmethod
    def repeated(cls, text: str, count: int) -> Labels:
        """Return one name for `count` rows; the empty string is none."""
        return cls(names=(text,) if text else (), codes=np.full(count, 0 if text else NONE, dtype=np.int32))

    @classmethod
    def concat(cls, parts: Sequence[Labels]) -> Labels:
        """Join columns, one after another."""
        place = {name: number for number, name in enumerate(dict.fromkeys(n for part in parts for n in part.names))}
        codes = [np.zeros(0, dtype=np.int32)]
        for part in parts:
            table = np.array([*(place[name] for name in part.names), NONE], dtype=np.int32)
            codes.append(table[part.codes])
        return cls(names=tuple(place), codes=np.concatenate(codes))

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, row: int) -> str:
        """Return one row's name; the empty string where it has none."""
        code = int(self.codes[row])
        return self.names[code] if code >= 0 else ""

    def take(self, rows: NDArray[np.generic] | slice) -> Labels:
        """Return the rows chosen by index, mask or slice; names that no row carries any more are kept."""
        return Labels(names=self.names, codes=np.asarray(self.codes[rows], dtype=np.int32))

    def texts(self) -> NDArray[np.str_]:
        """Return the rows' names as an array of strings; the empty string where there is none."""
        return np.asarray(np.array([*self.names, ""], dtype=np.str_)[self.codes])

    def counts(self) -> dict[str, int]:
        """Return how many rows carry each name that is carried at all."""
        named = self.codes[self.codes >= 0]
        tally = np.bincount(named, minlength=len(self.names)) if len(self.names) else np.zeros(0, dtype=np.int64)
        return {name: int(count) for name, count in zip(self.names, tally, strict=True) if count}
