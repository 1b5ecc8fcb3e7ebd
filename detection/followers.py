"""Things being followed, as columns: constant-velocity Kalman filters in metres east and north, all moved at once."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """How a class of thing moves."""

    accel_mps2: float
    """White-noise acceleration, one sigma."""
    speed_sigma_mps: float
    """Spread of speeds before anything is known."""


MOTIONS: Final = {"person": Motion(accel_mps2=0.2, speed_sigma_mps=1.2)}
OTHER_MOTION: Final = Motion(accel_mps2=1.5, speed_sigma_mps=7.0)


def motions_of(class_names: Sequence[str]) -> FloatArray:
    """Acceleration and spread of speeds of each class, shape (classes, 2)."""
    found = [MOTIONS.get(name, OTHER_MOTION) for name in class_names]
    return np.array([(one.accel_mps2, one.speed_sigma_mps) for one in found], dtype=np.float64).reshape(-1, 2)


@dataclasses.dataclass(slots=True, kw_only=True)
class Followers:
    """Columns, one row a thing; states are east, north and their rates as the hits' drifting positions have them."""

    state: FloatArray
    cov: FloatArray
    up_m: FloatArray
    seen_ns: NDArray[np.int64]
    in_view_ns: NDArray[np.int64]
    """When it was last inside a picture, seen or not."""
    votes: FloatArray
    """Hits of each class, shape (k, classes)."""
    number: NDArray[np.int64]
    """Which thing it is, counted from 0."""
    lost_nats: FloatArray
    """Evidence that it is no longer there: grows with each picture that should show it and does not."""
    pending: FloatArray
    """Independent looks that should have shown it since it was last found."""
    looked: FloatArray
    """How many should have shown it, from its first hit to its last."""
    found: FloatArray
    """How many of these did."""

    @classmethod
    def none(cls, classes: int) -> Followers:
        """Return an empty table."""
        return cls(
            state=np.zeros((0, 4)),
            cov=np.zeros((0, 4, 4)),
            up_m=np.zeros(0),
            seen_ns=np.zeros(0, np.int64),
            in_view_ns=np.zeros(0, np.int64),
            votes=np.zeros((0, classes)),
            number=np.zeros(0, np.int64),
            lost_nats=np.zeros(0),
            pending=np.zeros(0),
            looked=np.zeros(0),
            found=np.zeros(0),
        )

    def __len__(self) -> int:
        return len(self.number)

    @property
    def class_code(self) -> NDArray[np.int64]:
        """What each was taken for most often; of equals the first."""
        return np.asarray(self.votes.argmax(axis=1) if len(self) else np.zeros(0, np.int64))

    def keep(self, rows: NDArray[np.bool_]) -> None:
        """Drop what is not in `rows`."""
        for name in _COLUMNS:
            setattr(self, name, getattr(self, name)[rows])

    def add(self, born: Followers) -> None:
        """Put others behind."""
        for name in _COLUMNS:
            setattr(self, name, np.concatenate([getattr(self, name), getattr(born, name)]))

    def predict(self, dt_s: float, accel_mps2: FloatArray) -> None:
        """Move on: constant velocity, white-noise acceleration (Bar-Shalom, Li, Kirubarajan 2001, section 6.3.2)."""
        self.state[:, :2] += dt_s * self.state[:, 2:]
        cov, count = self.cov, len(self)
        cross = cov[:, :2, 2:] + dt_s * cov[:, 2:, 2:]
        cov[:, :2, :2] += dt_s * (cov[:, 2:, :2] + cross)
        variance = (accel_mps2**2)[:, None]
        flat = cov.reshape(count, 16)
        flat[:, :6:5] += dt_s**4 / 4.0 * variance  # on the diagonal: east and north, and below their rates
        flat[:, 10::5] += dt_s**2 * variance
        cross.reshape(count, 4)[:, ::3] += dt_s**3 / 2.0 * variance
        cov[:, :2, 2:] = cross
        cov[:, 2:, :2] = cross.transpose(0, 2, 1)

    def update(self, rows: NDArray[np.int64], place_m: FloatArray, noise_m2: FloatArray) -> None:
        """Take a hit each (Joseph form)."""
        cov = self.cov[rows]
        gain = cov[:, :, :2] @ inverse_2x2(cov[:, :2, :2] + noise_m2)
        self.state[rows] += (gain @ (place_m - self.state[rows, :2])[..., None])[..., 0]
        keep = np.empty(cov.shape)
        keep[:] = _EYE
        keep[:, :, :2] -= gain
        self.cov[rows] = keep @ cov @ keep.transpose(0, 2, 1) + gain @ noise_m2 @ gain.transpose(0, 2, 1)


_COLUMNS: Final = tuple(field.name for field in dataclasses.fields(Followers))
_EYE: Final = np.eye(4)


def inverse_2x2(matrix: FloatArray) -> FloatArray:
    """Inverses of 2 x 2 matrices, shape (..., 2, 2), by the adjugate: tens of times quicker than a general solver."""
    a, b, c, d = matrix[..., 0, 0], matrix[..., 0, 1], matrix[..., 1, 0], matrix[..., 1, 1]
    determinant = a * d - b * c
    inverse = np.empty(matrix.shape)
    inverse[..., 0, 0], inverse[..., 1, 1] = d / determinant, a / determinant
    inverse[..., 0, 1], inverse[..., 1, 0] = -b / determinant, -c / determinant
    return inverse
