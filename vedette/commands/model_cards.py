"""A model's card, and two scores side by side."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from detection.errors import ModelError, TruthError
from detection.model_manifest_file import MODELS, known_models

if TYPE_CHECKING:
    from pathlib import Path

SCORES_MAX_BYTES = 20_000_000
SHARES = ("ap50", "ap", "precision", "recall", "calibration_error", "brier")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One share of one class in one band on one set, with both models."""

    set_name: str
    name: str
    band: str
    share: str
    before: float
    after: float


def read_card(name: str) -> str:
    """Return the card of a bundled model: where it comes from, what it learned from, how good it is, its limits.

    Raises
    ------
    ModelError
        When no bundled model has this name.
    """
    bundled = {entry.name: entry for entry in known_models() if entry.bundled}
    if name not in bundled:
        raise ModelError(f"no bundled model is called {name[:40]!r}; there is {', '.join(bundled)}")
    return (MODELS / bundled[name].file).with_suffix(".md").read_text(encoding="utf-8")


def read_scores(path: Path) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Read what `vedette eval --json` printed, by set, class and band.

    Raises
    ------
    TruthError
        When the file is something else.
    """
    try:
        if path.stat().st_size > SCORES_MAX_BYTES:
            raise ValueError("too large")
        held = json.loads(path.read_text(encoding="utf-8"))
        return {
            (str(one["name"]), str(row["name"]), str(row["band"])): dict(row)
            for one in held["sets"]
            for row in one["rows"]
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TruthError(
            f"{path}: is not what 'vedette eval --json' prints ({str(error)[:60]}); redirect its output to a file",
            path=str(path),
        ) from error


def compare(before: Path, after: Path) -> list[Difference]:
    """Put two scores side by side, where both know the set, the class and the band.

    Raises
    ------
    TruthError
        When a file is no score, or the two have nothing in common.
    """
    one, other = read_scores(before), read_scores(after)
    found = [
        Difference(set_name=key[0], name=key[1], band=key[2], share=share, before=float(a), after=float(b))
        for key in one
        if key in other
        for share in SHARES
        if isinstance(a := one[key].get(share), int | float) and isinstance(b := other[key].get(share), int | float)
    ]
    if not found:
        raise TruthError(f"{before} and {after} have no set and class in common; score both on the same pictures")
    return found
