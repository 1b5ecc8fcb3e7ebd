"""What requests bring: fields named and typed, and no others."""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from maps.review.judging.verdict_book import Key
from operations.outcomes import LONGEST_NOTE
from operations.values import Decision


class Body(BaseModel):
    """A request's JSON object."""

    model_config = ConfigDict(extra="forbid")


class Noted(Body):
    """A word about something of one operation, perhaps with a note."""

    source: int = Field(ge=0, le=999)
    note: str = Field(default="", max_length=2 * LONGEST_NOTE)


class ThingName(Body):
    """Which thing: the number of its operation on the table, its run, and its own id."""

    source: int = Field(ge=0, le=999)
    run: str = Field(max_length=64)
    id: str = Field(max_length=128)

    def key(self) -> Key:
        """Return it as a key."""
        return Key(source=self.source, run_id=self.run, thing_id=self.id)


class Things(Body):
    """Some things."""

    items: list[ThingName] = Field(min_length=1, max_length=1_000)


class Purpose(Body):
    """Case and reason of what is looked at from now on."""

    case: str = Field(max_length=600)
    reason: str = Field(max_length=600)
    hours: float = Field(default=12.0, gt=0.0, le=168.0)


class Verdicts(Things):
    """A decision on things."""

    decision: Decision
    reason: str = Field(default="", max_length=40)
    note: str = Field(default="", max_length=2 * LONGEST_NOTE)
    settle: bool = False


class Split(Body):
    """A track, and the moments at which it is split."""

    thing: ThingName
    at: list[AwareDatetime] = Field(max_length=20)


class Weighing(Body):
    """How kinds of event count."""

    kinds: dict[str, float] = Field(max_length=50)
    alert_from: float
    detection_from: float


class Planting(Body):
    """Whether known items are planted."""

    on: bool


def nanoseconds(moment: AwareDatetime | None) -> int | None:
    """Return a moment as UTC nanoseconds; None where none is given."""
    return None if moment is None else round(moment.timestamp() * 1e6) * 1_000
