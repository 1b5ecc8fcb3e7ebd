"""Whole chains of tracks that are one thing, put together: by all that all tracks of both say.

Links ask only for what was seen last. A car that goes to and fro is known best by its track of two passes ago, when it
went the same way: two chains come about, one there and one back, each surer of itself than of the other. In one chain
each of its tracks is told by whichever earlier one tells it best; what both are worth as one is what that adds.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]

LIKELY: Final = 0.5
"""Tracks that are one thing with this probability on the mean are a chain, and chains that are are put together."""
LEAST: Final = 0.01
"""Chains that are less likely one are not told of."""
LEAST_LOG: Final = -9.0
"""Log odds of a track that no earlier one of its chain tells anything of."""


def put_together(shares: FloatArray, log_odds: FloatArray, at_once: NDArray[np.bool_]) -> FloatArray:
    """Return how likely each two tracks (n, n) are one thing, both ways, when whole chains are asked.

    Parameters
    ----------
    shares
        How likely they are by their links (n, n), both ways.
    log_odds
        Of each link (n, n), tracks in order of time; not finite where there is none.
    at_once
        Which cannot be one thing, since one recording shows both at once (n, n).
    """
    linked = np.isfinite(log_odds) | np.isfinite(log_odds.T)
    table = np.where(np.isfinite(log_odds), log_odds, LEAST_LOG)
    asked = _Asked(table=np.maximum(table, table.T), impossible=at_once)
    chains = [rows for rows in grouped(shares, LIKELY) if not at_once[np.ix_(rows, rows)].any()]
    taken = {row for rows in chains for row in rows.tolist()}
    chains += [np.array([row]) for row in range(len(shares)) if row not in taken]
    found, odds = shares.copy(), np.zeros((len(chains), len(chains)))
    for one, two in np.argwhere(np.triu(_between(chains, linked), 1)).tolist():
        odds[one, two] = odds[two, one] = asked.odds(chains[one], chains[two])
    while True:
        chance = _chance(odds)
        one, two = sorted(divmod(int(chance.argmax()), len(chains)))
        best = chance[one, two] >= LIKELY
        for x, y in [(one, two)] if best else np.argwhere(np.triu(chance, 1) > LEAST).tolist():
            told = chance[x, y] * _sure(shares, chains[x])[:, None] * _sure(shares, chains[y])
            for rows, columns, values in ((chains[x], chains[y], told), (chains[y], chains[x], told.T)):
                found[np.ix_(rows, columns)] = np.maximum(found[np.ix_(rows, columns)], values)
        if not best:
            return found
        chains[one] = np.sort(np.concatenate([chains[one], chains[two]]))
        with_two = (odds[one] > 0.0) | (odds[two] > 0.0)
        odds[one] = odds[:, one] = 0.0
        for other in np.flatnonzero(with_two).tolist():
            if other not in (one, two):
                odds[one, other] = odds[other, one] = asked.odds(chains[one], chains[other])
        odds = np.delete(np.delete(odds, two, axis=0), two, axis=1)
        del chains[two]


def grouped(shares: FloatArray, at_least: float) -> list[IntArray]:
    """Return rows that are one thing: on the mean each two are so likely."""
    apart = 1.0 - shares[np.triu_indices(len(shares), 1)]
    number = fcluster(linkage(apart, "average"), 1.0 - at_least + 1e-9, criterion="distance")
    return [rows for rows in (np.flatnonzero(number == one) for one in np.unique(number)) if len(rows) > 1]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What chains are worth."""

    table: FloatArray
    """Log odds of each two tracks (n, n)."""
    impossible: NDArray[np.bool_]

    def worth(self, rows: IntArray) -> float:
        """Log odds of a chain: each track but the first by the earlier one that tells it best."""
        earlier = np.tri(len(rows), k=-1, dtype=bool).T
        return float(np.where(earlier, self.table[np.ix_(rows, rows)], -np.inf).max(axis=0)[1:].sum())

    def odds(self, one: IntArray, two: IntArray) -> float:
        """Odds of two chains being one, against two; 0 where they cannot."""
        if self.impossible[np.ix_(one, two)].any():
            return 0.0
        gain = self.worth(np.sort(np.concatenate([one, two]))) - self.worth(one) - self.worth(two)
        return float(np.exp(np.clip(gain, -50.0, 50.0)))


def _between(chains: list[IntArray], linked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell between which chains (k, k) there is a link."""
    number = np.zeros(len(linked), dtype=np.int64)
    for place, rows in enumerate(chains):
        number[rows] = place
    found = np.zeros((len(chains), len(chains)), dtype=bool)
    one, two = np.nonzero(linked)
    found[number[one], number[two]] = True
    return found


def _chance(odds: FloatArray) -> FloatArray:
    """Probability (k, k) of two being one: against neither, and against others that are hardly one with both."""
    rival = (odds < 1.0).astype(np.float64)
    np.fill_diagonal(rival, 0.0)
    others = odds @ rival + rival @ odds
    return np.asarray(odds / (1.0 + odds + others))


def _sure(shares: FloatArray, rows: IntArray) -> FloatArray:
    """How sure each of a chain is of it: how likely it is one with the others, on the mean."""
    if len(rows) == 1:
        return np.ones(1)
    mine = shares[np.ix_(rows, rows)] * (1.0 - np.eye(len(rows)))
    return np.asarray(mine.sum(axis=1) / (len(rows) - 1))
