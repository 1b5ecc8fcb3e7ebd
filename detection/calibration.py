"""From scores to probabilities: how often boxes of a class, of a height, of a score are right.

A score ranks boxes; what share of boxes with that score are right depends on the class and on how
high the thing is in the picture. Isotonic regression (Zadrozny and Elkan 2002) learns that share
from labelled pictures, as a curve that never falls.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from detection.errors import ModelError
from detection.evaluation import band_of, bands
from detection.training.pictures_file import IGNORED, class_number
from detection.training.recipe import CLASS_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from detection.evaluation import Verdicts
    from detection.values import Detections

    FloatArray = NDArray[np.float64]

RIGHT_MIN: Final = 1000
"""A band with fewer right boxes uses the curve of its whole class. On HIT-UAV's runs, each left out in turn, bands
of 60 to 500 right boxes said less truly by curves of their own (Brier score 0.106, 0.076 and 0.130 by class; 0.104,
0.070 and 0.121 by the class's curve): such a curve fits the runs that it was learned from."""
THINGS_MIN: Final = 20
"""Of fewer things in a band no recall is told."""
BINS: Final = 10


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Share of right boxes by score: straight lines between knots, both rising from 0 to 1."""

    scores: FloatArray
    shares: FloatArray
    boxes: int
    """How many boxes it was learned from."""

    def __call__(self, scores: NDArray[np.floating]) -> FloatArray:
        """Probability that boxes of these scores are right."""
        return np.asarray(np.interp(scores, self.scores, self.shares), dtype=np.float64)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """One model's curves: by class name, one a band of pixel height (`detection.evaluation.bands`)."""

    model_sha256: str
    learned_from: str
    curves: Mapping[str, tuple[Curve, ...]]
    recall: Mapping[str, tuple[float, ...]] = dataclasses.field(default_factory=dict)
    """Share of things found at the program's score limit, by class and band; NaN where too few were there to say."""

    def recall_at(self, name: str, height_px: FloatArray) -> FloatArray:
        """Share of things of a class and of these heights in the model's input that are found; NaN where not known."""
        shares = np.array([*self.recall.get(name, (np.nan,) * len(bands()))])
        return np.asarray(shares[band_of(height_px)])

    def probabilities(self, found: Detections, class_names: Sequence[str]) -> FloatArray:
        """Probability of each box being right, 0..1; NaN for classes that were not calibrated.

        Boxes are in pixels of the model's input: what a model can tell depends on the height that it sees.
        A model's own name for a class, such as "car", has the curve of the class it belongs to.
        """
        result = np.full(len(found), np.nan)
        band = band_of(np.asarray(found.boxes_px[:, 3] - found.boxes_px[:, 1], dtype=np.float64))
        for number, row in sorted(set(zip(found.classes.tolist(), band.tolist(), strict=True))):
            curves = self.curves.get(our_class(class_names[number]), ())
            if row < len(curves):
                mine = (found.classes == number) & (band == row)
                result[mine] = curves[row](found.scores[mine])
        return result


def our_class(name: str) -> str:
    """Return the class of ours that a model's own name means, or the name itself where it means none."""
    number = class_number(name)
    return name if number is None or number == IGNORED else CLASS_NAMES[number]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """How well probabilities are kept: one row a bin of equal width."""

    counts: NDArray[np.int64]
    said: FloatArray
    """Mean probability in each bin; NaN in empty ones."""
    happened: FloatArray
    """Share that was right."""
    expected_error: float
    """Mean gap between the two, weighted by counts (expected calibration error, Naeini et al. 2015)."""
    brier: float
    """Mean squared error of the probability (Brier 1950)."""
    chance_error: float
    """The expected error that exactly right probabilities would show on the mean, with so many boxes in each bin."""


def recall_by_band(verdicts: Verdicts, score_min: float) -> tuple[float, ...]:
    """Share of one class's things that boxes of at least this score found, one a band; NaN for few things."""
    band = band_of(verdicts.truth_height_px)
    found = verdicts.truth_score >= score_min
    return tuple(
        float(found[band == row].mean()) if (band == row).sum() >= THINGS_MIN else float("nan")
        for row in range(len(bands()))
    )


def fit(verdicts: Verdicts) -> tuple[Curve, ...]:
    """Learn one class's curves, one a band."""
    whole = _curve(verdicts.scores, verdicts.right)
    band = band_of(verdicts.height_px)
    curves = []
    for row in range(len(bands())):
        mine = band == row
        enough = verdicts.right[mine].sum() >= RIGHT_MIN
        curves.append(_curve(verdicts.scores[mine], verdicts.right[mine]) if enough else whole)
    return tuple(curves)


def _curve(scores: FloatArray, right: NDArray[np.bool_]) -> Curve:
    try:
        from sklearn.isotonic import IsotonicRegression
    except ImportError as error:
        raise ModelError(
            "scores are calibrated by scikit-learn, which is not installed: pip install scikit-learn"
        ) from error
    if not len(scores):
        return Curve(scores=np.array([0.0, 1.0]), shares=np.zeros(2), boxes=0)
    model = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(scores, right.astype(np.float64))
    knots = np.unique(np.round(model.X_thresholds_, 4))
    return Curve(scores=knots, shares=np.round(model.predict(knots), 4), boxes=len(scores))


def reliability(probabilities: FloatArray, right: NDArray[np.bool_], bins: int = BINS) -> Reliability:
    """Measure how well probabilities agree with what happened."""
    place = np.minimum((probabilities * bins).astype(np.int64), bins - 1)
    counts = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        said = np.bincount(place, weights=probabilities, minlength=bins) / counts
        happened = np.bincount(place, weights=right.astype(np.float64), minlength=bins) / counts
    gap = np.nan_to_num(np.abs(said - happened))
    spread = np.bincount(place, weights=probabilities * (1.0 - probabilities), minlength=bins)
    return Reliability(
        counts=counts.astype(np.int64),
        said=said,
        happened=happened,
        expected_error=float((gap * counts).sum() / max(counts.sum(), 1)),
        brier=float(np.mean((probabilities - right) ** 2)) if len(right) else float("nan"),
        chance_error=float(np.sqrt(2.0 / np.pi * spread).sum() / max(counts.sum(), 1)),
    )
