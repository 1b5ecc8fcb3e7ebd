"""What was followed, as columns with ragged histories, before it is judged and shown."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

SPEED_WINDOW_S: Final = 12.0
"""A track's speed and heading are those of its last seconds."""
STILL_FOLLOWED, OUT_OF_VIEW, LOST = range(3)
"""How following ended: with the recording, outside the picture, or inside it and not found any more."""
ENDINGS: Final = ("still followed", "out of view", "lost")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """Things followed: the points of path i, at least one, are those from `offsets[i]` to `offsets[i + 1]`."""

    offsets: NDArray[np.int64]
    rows: NDArray[np.int64]
    """Row of each point's hit among the placed ones."""
    t_ns: NDArray[np.int64]
    states: FloatArray
    """Filtered east, north and rates at each point, shape (m, 4)."""
    class_code: NDArray[np.int64]
    """One a path: what it was taken for most often."""
    looked: FloatArray
    """One a path: how many independent looks should have shown it, from its first hit to its last."""
    found: FloatArray
    """How many of these did."""
    ending: NDArray[np.int64]

    @classmethod
    def gather(
        cls,
        number: NDArray[np.int64],
        rows: NDArray[np.int64],
        t_ns: NDArray[np.int64],
        states: FloatArray,
        **per_path: NDArray[np.generic],
    ) -> Paths:
        """Sort points in order of time by the path (counted from 0) that each belongs to."""
        order = np.argsort(number, kind="stable")
        counts = np.bincount(number, minlength=len(per_path["looked"]))
        return cls(
            offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            rows=rows[order],
            t_ns=t_ns[order],
            states=states[order],
            **per_path,  # type: ignore[arg-type]
        )

    def __len__(self) -> int:
        return len(self.class_code)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Points of each path."""
        return np.diff(self.offsets)

    @property
    def first(self) -> NDArray[np.int64]:
        """Where each path's first point stands."""
        return self.offsets[:-1]

    @property
    def last(self) -> NDArray[np.int64]:
        """Where each path's last point stands."""
        return self.offsets[1:] - 1

    @property
    def path_of_point(self) -> NDArray[np.int64]:
        """Number of the path each point belongs to."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def total(self, values: FloatArray) -> FloatArray:
        """Sum a number of each point over each path."""
        return np.asarray(np.add.reduceat(values, self.first) if len(self) else np.zeros((0, *values.shape[1:])))

    def mean(self, values: FloatArray) -> FloatArray:
        """Mean of a number of each point over each path."""
        shape = (-1,) + (1,) * (values.ndim - 1)
        return self.total(values) / self.lengths.reshape(shape)

    def chosen(self, chains: Sequence[Sequence[int]]) -> Paths:
        """Return the paths of each chain joined end to start, in the order given."""
        flat = np.array([path for chain in chains for path in chain], dtype=np.int64)
        chain_of = np.repeat(np.arange(len(chains)), [len(chain) for chain in chains])
        all_lengths = self.lengths.tolist()
        lengths = self.lengths[flat]
        begins = np.concatenate([[0], np.cumsum(lengths)])[:-1]
        points = np.repeat(self.first[flat] - begins, lengths) + np.arange(int(lengths.sum()))
        count = len(chains)
        largest = np.array([max(chain, key=lambda k: (all_lengths[k], -k)) for chain in chains], dtype=np.int64)
        final = np.array([chain[-1] for chain in chains], dtype=np.int64)
        sums: dict[str, Any] = {
            name: np.bincount(chain_of, weights=getattr(self, name)[flat], minlength=count)
            for name in ("looked", "found")
        }
        return Paths(
            offsets=np.concatenate([[0], np.cumsum(np.bincount(chain_of, weights=lengths, minlength=count))]).astype(
                np.int64
            ),
            rows=self.rows[points],
            t_ns=self.t_ns[points],
            states=self.states[points],
            class_code=self.class_code[largest],
            ending=self.ending[final],
            **sums,
        )

    def velocities_mps(self) -> FloatArray:
        """Velocity east and north over the last seconds (paths, 2): slopes of straight lines through the places."""
        if not len(self):
            return np.zeros((0, 2))
        age_s = (self.t_ns - self.t_ns[self.last][self.path_of_point]) / 1e9
        recent = (age_s >= -SPEED_WINDOW_S).astype(np.float64)
        count = self.total(recent)
        middle = self.total(recent * age_s) / count
        centred = recent * (age_s - middle[self.path_of_point])
        spread = self.total(centred * age_s)
        slope = self.total(centred[:, None] * self.states[:, :2]) / np.maximum(spread, 1e-9)[:, None]
        span = -np.minimum.reduceat(np.where(recent > 0, age_s, 0.0), self.first)
        return np.where((span >= 1.0)[:, None], slope, self.states[self.last, 2:])
