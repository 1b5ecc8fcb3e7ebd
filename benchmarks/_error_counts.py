"""Numbers of `sitl.films.seen_patrol.DetectorErrors`, counted from drawn patrols that a detector looked at.

Each of these functions gives some fields, and how many there were to count from. What the looks cannot say (too few
places, no animal) is left out.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.optimize import minimize
from scipy.special import betaln, expit, gammaln, logit, ndtri
from scipy.stats import rankdata

from benchmarks._looked_at import ANIMAL, LOOKS_MAX, NOTHING, PERSON, LookedAt
from detection.track_sizes import WIDTH_PX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

LASTING_MIN: Final = 2
"""A place with boxes in so many pictures is a lasting thing; with one, it may be a flicker."""
LOOKS_MIN: Final = 3
"""Animals in view in fewer pictures say nothing of how often they are found."""
VISIT_GAP_S: Final = 3.0
"""Who was out of view for longer comes back on another visit."""
TURNING_NOISE_MAX: Final = 0.3
"""Standard error of a width's change a radian beyond which it is not counted."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """A field's value, and how many things or boxes it was counted from."""

    value: float | tuple[float, ...]
    number: int
    of: str


def count_errors(plain: Sequence[LookedAt], animals: Sequence[LookedAt], wide: Sequence[LookedAt]) -> dict[str, Count]:
    """Count every field that the looks can say.

    Parameters
    ----------
    plain
        Patrols as they are.
    animals
        Patrols over many more animals, for what is counted of each of them, not for how many there are.
    wide
        Patrols through a wider lens, in which persons are smaller, for what depends on height.
    """
    every = [*plain, *animals]
    edges = edge_errors([*every, *wide], every)
    found = finding([*every, *wide])
    return found | edges | log_odds(every) | lasting(plain, animals) | outlines(every, edges)


def finding(looked: Sequence[LookedAt]) -> dict[str, Count]:
    """Fit how often persons are found by height, and how misses last, to what was found look after look.

    Maximum likelihood, with a person's visit as a chain of three states: free to be hidden, hidden, and not hidden any
    more (`seen_patrol` hides nobody twice within 5 s). Some heights must lie near the half for it to be known.
    """
    visits = _Visits.of(looked)

    def loss(given: FloatArray) -> float:
        return -visits.log_likelihood(*_unbound(given)) + float((((given - start) / 3.0) ** 2).sum())

    start = np.array([logit(0.9), 6.5, np.log(1.2), logit(0.8), np.log(2.0)])
    best = minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-3, "fatol": 1e-3, "maxiter": 800})
    names = ("recall", "half_height_px", "height_spread_px", "hidden_share", "hidden_s")
    number = int(sum(len(one.seen_found) for one in looked))
    return {
        name: Count(value=float(value), number=number, of="looks at persons")
        for name, value in zip(names, _unbound(np.asarray(best.x)), strict=True)
    }


def _unbound(given: FloatArray) -> tuple[float, float, float, float, float]:
    recall, half, spread, share, hidden = (float(value) for value in given)
    return float(expit(recall)), half, float(np.exp(spread)), float(expit(share)), float(np.exp(hidden))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Visits:
    """Persons' visits, one a row, padded: heights, found or not, seconds since the look before; NaN behind the end."""

    height_px: FloatArray
    found: NDArray[np.bool_]
    step_s: FloatArray

    @classmethod
    def of(cls, looked: Sequence[LookedAt]) -> _Visits:
        rows: list[tuple[FloatArray, NDArray[np.bool_], FloatArray]] = []
        for one in looked:
            other = np.diff(one.seen_object) != 0
            starts = np.flatnonzero(other | (np.diff(one.seen_s) > VISIT_GAP_S)) + 1
            parts = (np.split(column, starts) for column in (one.seen_height_px, one.seen_found, one.seen_s))
            rows += [(high, found, np.diff(t, prepend=t[0])) for high, found, t in zip(*parts, strict=True) if len(t)]
        longest = max(len(high) for high, _, _ in rows)
        return cls(
            height_px=np.array([np.pad(h, (0, longest - len(h)), constant_values=np.nan) for h, _, _ in rows]),
            found=np.array([np.pad(f, (0, longest - len(f))) for _, f, _ in rows]),
            step_s=np.array([np.pad(t, (0, longest - len(t))) for _, _, t in rows]),
        )

    def log_likelihood(self, recall: float, half_px: float, spread_px: float, share: float, hidden_s: float) -> float:
        """Add up over visits; states are free, hidden, over."""
        rate = recall * expit((self.height_px - half_px) / spread_px)
        free, hidden, over = np.ones(len(rate)), np.zeros(len(rate)), np.zeros(len(rate))
        total = np.zeros(len(rate))
        for k in range(rate.shape[1]):
            here, found = ~np.isnan(rate[:, k]), self.found[:, k]
            p = np.where(here, rate[:, k], 0.5)
            stays = np.exp(-self.step_s[:, k] / hidden_s)
            over, hidden = over + hidden * (1.0 - stays), hidden * stays
            hits, misses = (free * p, 0.0 * p, over * p), (free * (1.0 - p), hidden, over * (1.0 - p))
            lost = share * misses[0]
            after = np.where(found, hits, (misses[0] - lost, misses[1] + lost, misses[2]))
            sums = np.maximum(after.sum(axis=0), 1e-12)
            total += np.where(here, np.log(sums), 0.0)
            free, hidden, over = np.where(here, after / sums, (free, hidden, over))
        return float(total.sum())


def edge_errors(every: Sequence[LookedAt], usual: Sequence[LookedAt]) -> dict[str, Count]:
    """Part the errors of boxes' edges into what is new in each picture and what lasts for an object.

    New ones grow with the height: fitted on all looks, as two fixed parts and one common share. Lasting ones are what
    objects' means spread beyond that, at the usual height; what edges are off on the mean of all is left out.
    """
    off, height, group = _edges(every)
    new, number = _within(off, group)
    axes = np.stack([new[:, [0, 2]], new[:, [1, 3]]], axis=1)

    def loss(given: FloatArray) -> float:
        sigma = np.exp(given[:2])[None, :, None] + np.exp(given[2]) * height[:, None, None]
        return float((np.log(sigma) + axes**2 / (2.0 * sigma**2)).sum())

    best = np.exp(minimize(loss, np.log([0.1, 0.4, 0.03]), method="Nelder-Mead", options={"maxiter": 2000}).x)
    off, height, group = _edges(usual)
    fixed = best[[0, 1, 0, 1]] + best[2] * height[:, None]
    means, counts = _group_means(off, group)
    noise = _group_means(fixed**2, group)[0] / counts[:, None]
    beyond = ((means - means.mean(axis=0)) ** 2 - noise).mean(axis=0) * len(means) / max(len(means) - 1, 1)
    lasting = np.sqrt(np.maximum([beyond[[0, 2]].mean(), beyond[[1, 3]].mean()], 0.0))
    return {
        "jitter_px": Count(value=(float(best[0]), float(best[1])), number=number, of="boxes on persons"),
        "jitter_share": Count(value=float(best[2]), number=number, of="boxes on persons"),
        "lasting_px": Count(value=tuple(lasting.tolist()), number=len(means), of="persons"),
    }


def _edges(looked: Sequence[LookedAt]) -> tuple[FloatArray, FloatArray, NDArray[np.int64]]:
    """Edges of whole boxes on persons who were found twice or more, their heights, and whose each is."""
    off = np.concatenate([one.off_px for one in looked])
    height = np.concatenate([one.size_px[:, 1] for one in looked])
    group = _groups(looked)
    kept = np.isfinite(off).all(axis=1)
    kept &= np.concatenate([one.whole & (one.sort == PERSON) for one in looked])
    kept[kept] = np.bincount(group[kept])[group[kept]] > 1
    return off[kept], height[kept], np.unique(group[kept], return_inverse=True)[1]


def _groups(looked: Sequence[LookedAt]) -> NDArray[np.int64]:
    """Give each thing that boxes lie on a number of its own, over all patrols."""
    keys = [np.column_stack([np.full(len(one.sort), number), one.sort, one.thing]) for number, one in enumerate(looked)]
    return np.asarray(np.unique(np.concatenate(keys), axis=0, return_inverse=True)[1]).reshape(-1)


def _group_means(values: FloatArray, group: NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
    """Means (g, …) of values (n, …) by group, and how many each has."""
    counts = np.bincount(group).astype(np.float64)
    totals = np.zeros((len(counts), *values.shape[1:]))
    np.add.at(totals, group, values)
    return totals / counts.reshape(-1, *[1] * (values.ndim - 1)), counts


def _within(values: FloatArray, group: NDArray[np.int64]) -> tuple[FloatArray, int]:
    """Deviations from groups' means, as large as they would be from the true ones."""
    means, counts = _group_means(values, group)
    return (values - means[group]) * np.sqrt(counts / (counts - 1.0))[group][:, None], len(values)


def log_odds(looked: Sequence[LookedAt]) -> dict[str, Count]:
    """Deciles of the log odds by what boxes lie on, and the share of the ranks' variance that is the object's."""
    sort = np.concatenate([one.sort for one in looked])
    odds = np.concatenate([one.log_odds for one in looked])
    fields: dict[str, Count] = {}
    for number, name in ((PERSON, "thing"), (NOTHING, "clutter"), (ANIMAL, "animal")):
        mine = odds[sort == number]
        if len(mine):
            deciles = tuple(np.percentile(mine, np.arange(0, 101, 10)).tolist())
            fields[f"{name}_logits"] = Count(value=deciles, number=len(mine), of="boxes")
    person = sort == PERSON
    group = np.unique(_groups(looked)[person], return_inverse=True)[1]
    ranks = ndtri((rankdata(odds[person]) - 0.5) / person.sum())
    several = np.bincount(group)[group] > 1
    ranks, group = ranks[several], np.unique(group[several], return_inverse=True)[1]
    new = float((_within(ranks[:, None], group)[0] ** 2).mean())
    means, counts = _group_means(ranks, group)
    between = max(float(means.var(ddof=1) - new * np.mean(1.0 / counts)), 0.0)
    return fields | {"object_share": Count(value=between / (between + new), number=len(counts), of="persons")}


def lasting(plain: Sequence[LookedAt], animals: Sequence[LookedAt]) -> dict[str, Count]:
    """Count what lasts on a square kilometre and how often each is found, what flickers, and animals, found or not."""
    every = [*plain, *animals]
    looks, found = (np.concatenate([getattr(one, f"place_{name}") for one in every]) for name in ("looks", "found"))
    area, pictures = sum(one.area_km2 for one in every), sum(one.pictures for one in every)
    again = found >= LASTING_MIN
    fields: dict[str, Count] = {}
    others_km2, once = 0.0, float((~again).sum())
    if again.sum() >= 3:
        beta = _beta(looks[again], found[again], LASTING_MIN)
        seen = _shares(np.arange(LOOKS_MAX), beta)
        others_km2 = float(again.sum() / (area * seen[:, LASTING_MIN:].sum(axis=1)).sum())
        once = max(once - others_km2 * float((area * seen[:, 1]).sum()), 0.0)
        fields["clutter_found"] = Count(value=beta, number=int(again.sum()), of="places")
    shown = [(one.animal_looks, one.animal_found) for one in every]
    looks, found = (np.concatenate(column) for column in zip(*shown, strict=True))
    long = looks >= LOOKS_MIN
    here = sum(int((one.animal_looks >= LOOKS_MIN).sum()) for one in plain)
    animals_km2 = here / float(sum(one.area_km2[LOOKS_MIN:].sum() for one in plain))
    if long.any():
        beta = _beta(looks[long], found[long], 0)
        fields["animal_found"] = Count(value=beta, number=int(long.sum()), of="animals")
    total = others_km2 + animals_km2
    return fields | {
        "flickers_per_frame": Count(value=once / pictures, number=int((~again).sum()), of="places seen once"),
        "clutter_per_km2": Count(value=total, number=int(again.sum()) + here, of="places and animals"),
        "animal_share": Count(value=animals_km2 / total if total else 0.0, number=here, of="animals"),
    }


def _shares(looks: NDArray[np.int64], beta: tuple[float, float]) -> FloatArray:
    """Chance of being found in 0, 1, 2, … of so many looks, (n, `LOOKS_MAX`): beta-binomial."""
    n, k = looks[:, None].astype(np.float64), np.arange(LOOKS_MAX)[None].astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        ways = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(np.maximum(n - k, 0.0) + 1.0)
        chance = np.exp(ways + betaln(beta[0] + k, beta[1] + np.maximum(n - k, 0.0)) - betaln(*beta))
    return np.where(k <= n, chance, 0.0)


def _beta(looks: NDArray[np.int64], found: NDArray[np.int64], least: int) -> tuple[float, float]:
    """Fit the beta distribution of the share found, of things that were found at least so often.

    A little is known before (as if from one thing, both numbers near 1), so that few things do not give extremes.
    """
    looks = np.minimum(np.maximum(looks, found), LOOKS_MAX - 1)

    def loss(given: FloatArray) -> float:
        chance = _shares(looks, (float(np.exp(given[0])), float(np.exp(given[1]))))
        seen = np.maximum(chance[:, least:].sum(axis=1), 1e-12)
        mine = np.maximum(chance[np.arange(len(looks)), np.minimum(found, LOOKS_MAX - 1)], 1e-300)
        return float(-(np.log(mine) - np.log(seen)).sum() + (given**2).sum() / 8.0)

    best = np.exp(minimize(loss, np.zeros(2), method="Nelder-Mead").x)
    return float(best[0]), float(best[1])


def outlines(looked: Sequence[LookedAt], edges: dict[str, Count]) -> dict[str, Count]:
    """Spread of heights and widths of what boxes lie on, beyond the boxes' own errors, and how widths turn."""
    things = _Things.of(looked, edges)
    turns = things.turning_noise <= TURNING_NOISE_MAX
    fields: dict[str, Count] = {}
    clutter = things.sort != PERSON
    if clutter.sum() > 2:
        fields["clutter_size_ln"] = Count(
            value=_beyond(things.high_ln[clutter], things.high_noise[clutter]), number=int(clutter.sum()), of="things"
        )
    widths = []
    for sort in (PERSON, NOTHING, ANIMAL):
        mine = (things.sort == sort) & ((things.boxes > 1) | (sort != PERSON))
        widths.append((_beyond(things.shape_ln[mine], things.shape_noise[mine]), int(mine.sum())))
    slopes = []
    for sort in (PERSON, NOTHING):
        mine = (things.sort == sort) & turns
        slopes.append((_beyond(things.turning[mine], things.turning_noise[mine] ** 2), int(mine.sum())))
    if min(number for _, number in widths) > 2:
        fields["width_ln"] = Count(value=tuple(w for w, _ in widths), number=sum(n for _, n in widths), of="things")
    if min(number for _, number in slopes) > 2:
        fields["turning"] = Count(value=tuple(s for s, _ in slopes), number=sum(n for _, n in slopes), of="things")
    animal = np.sort(things.turning[(things.sort == ANIMAL) & turns])
    if len(animal):
        fields["animal_turning"] = Count(value=tuple(animal.tolist()), number=len(animal), of="animals")
    return fields


def _beyond(values: FloatArray, noise: FloatArray) -> float:
    """Spread of values beyond the variances of their measurement; NaN of fewer than two."""
    return float(np.sqrt(max(values.var(ddof=1) - noise.mean(), 0.0))) if len(values) > 1 else float("nan")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Things:
    """Columns of what boxes lie on: mean logarithms over a person's, with the variances that boxes' errors give."""

    sort: NDArray[np.int64]
    boxes: FloatArray
    high_ln: FloatArray
    high_noise: FloatArray
    shape_ln: FloatArray
    """Of the width over what the height lets expect."""
    shape_noise: FloatArray
    turning: FloatArray
    """Change of the width's logarithm a radian of the direction of sight."""
    turning_noise: FloatArray

    @classmethod
    def of(cls, looked: Sequence[LookedAt], edges: dict[str, Count]) -> _Things:
        whole = np.concatenate([one.whole for one in looked])

        def column(name: str) -> Any:
            return np.concatenate([getattr(one, name) for one in looked])[whole]

        group = np.unique(_groups(looked)[whole], return_inverse=True)[1]
        size, wide, azimuth = column("size_px"), column("wide_ln"), column("azimuth_rad")
        means, boxes = _group_means(np.column_stack([column("high_ln"), wide, azimuth, size]), group)
        lasting_px, jitter_px = (np.array(edges[name].value) for name in ("lasting_px", "jitter_px"))
        new = jitter_px + float(np.asarray(edges["jitter_share"].value)) * means[:, 4:]
        noise = 2.0 * (lasting_px**2 + new**2 / boxes[:, None]) / means[:, 3:] ** 2
        width2 = size[:, 0] ** 2
        total = np.bincount(group, width2)
        around = azimuth - (np.bincount(group, width2 * azimuth) / total)[group]
        spread = np.maximum(np.bincount(group, width2 * around**2), 1e-9)
        sort = np.zeros(len(boxes), dtype=np.int64)
        sort[group] = column("sort")
        return cls(
            sort=sort, boxes=boxes, high_ln=means[:, 0], high_noise=noise[:, 1], shape_ln=means[:, 1] - means[:, 0],
            shape_noise=noise.sum(axis=1), turning=np.bincount(group, width2 * around * wide) / spread,
            turning_noise=WIDTH_PX / np.sqrt(spread),
        )  # fmt: skip
