"""How long recordings are kept, by what people found in them: a policy names what is due, people erase it."""

from __future__ import annotations

import dataclasses
import tomllib
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Self

from operations.law.errors import PolicyError
from operations.law.holds import hold_on
from operations.log.leaves import LeafKind
from operations.values import Decision

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from operations.store import OperationStore
    from operations.values import MediaRecord

NS_PER_DAY: Final = 86_400_000_000_000


class Category(StrEnum):
    """What is known of a recording; the first that fits counts."""

    CONFIRMED = "confirmed"
    """A person confirmed something in it."""
    UNDECIDED = "undecided"
    """It has hits, and nobody has decided on them, or somebody could not."""
    DISMISSED = "dismissed"
    """People decided on hits in it, and dismissed all of those."""
    EMPTY = "empty"
    """No hit was found in it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How many days each category is kept, counted from when a recording came into the operation."""

    keep_days: Mapping[Category, float]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a policy: TOML with a table `keep_days` that names every category.

        Raises
        ------
        PolicyError
            When it cannot be read, or a category is missing, unknown or no number of days.
        """
        try:
            stated = tomllib.loads(path.read_text(encoding="utf-8")).get("keep_days")
        except (OSError, ValueError) as error:
            raise PolicyError(f"{path} cannot be read as a retention policy ({error})", path=str(path)) from error
        names = [str(category) for category in Category]
        if not isinstance(stated, dict) or set(stated) != set(names):
            raise PolicyError(f"{path}: [keep_days] states a number of days for each of {', '.join(names)}, no other")
        for name, days in stated.items():
            if isinstance(days, bool) or not isinstance(days, int | float) or not 0 <= days < 36_600:
                raise PolicyError(f"{path}: keep_days.{name} is no number of days between 0 and 36600", field=name)
        return cls(keep_days={Category(name): float(days) for name, days in stated.items()})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One recording, how long it is kept, and whether it is to be erased now."""

    media: MediaRecord
    category: Category
    until_t_utc_ns: int
    is_due: bool
    held: str
    """Why it stays although its time is over; empty where no hold is on it."""


def due(store: OperationStore, policy: Policy) -> list[Due]:
    """Return every recording with its category and the moment until which it is kept."""
    now, found = store.clock(), []
    for media in store.media():
        category = category_of(store, media)
        came = store.record(LeafKind.MEDIA, media.id)
        until = (0 if came is None else came.t_utc_ns) + round(policy.keep_days[category] * NS_PER_DAY)
        hold = hold_on(store, media.id)
        held = "" if hold is None else f"case {hold.body['case']}: {hold.body['reason']}"
        found.append(Due(media=media, category=category, until_t_utc_ns=until, is_due=until <= now, held=held))
    return found


def category_of(store: OperationStore, media: MediaRecord) -> Category:
    """Return what is known of a recording, from its runs and the verdicts that people gave on them."""
    runs = [run for run in store.runs() if media.id in run.media_ids]
    verdicts = store.verdicts(runs=[run.run_id for run in runs])
    decided = {verdict.decision for verdict in verdicts if verdict.confirmed}
    if Decision.CONFIRMED in decided:
        return Category.CONFIRMED
    if not any(run.counts.get("hits", 0) for run in runs) and runs:
        return Category.EMPTY
    return Category.DISMISSED if decided == {Decision.DISMISSED} else Category.UNDECIDED
