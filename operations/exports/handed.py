"""What is about to leave: things, their rows and pictures, and where all of it comes from."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from operations.finding.chips_of_things import redacted_chips
from operations.finding.described import NOTE, described, utc_text

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from operations.finding.archive import Archive
    from operations.finding.things import Things


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Handed:
    """Everything an export may tell. The three stand side by side: row i of `rows` is thing i."""

    archive: Archive
    things: Things
    rows: Sequence[Mapping[str, Any]]
    """As `described`."""
    now_utc_ns: int
    case: str
    """Number of the case it leaves for."""

    @classmethod
    def of(
        cls, archive: Archive, things: Things, *, now_utc_ns: int, case: str, zone: dt.tzinfo | None = None
    ) -> Handed:
        """Describe things for leaving."""
        rows = [described(thing, archive, zone) for thing in things]
        return cls(archive=archive, things=things, rows=rows, now_utc_ns=now_utc_ns, case=case)

    @property
    def origin(self) -> dict[str, Any]:
        """Return what every file says of itself as a whole."""
        heads = [(store, store.head()) for store in self.archive.stores]
        return {
            "what": f"things found by a detector: {NOTE}",
            "operations": [
                {"name": store.name, "id": store.id, "log_head": f"{head.size} {head.root.hex()}"}
                for store, head in heads
            ],
            "written_utc": utc_text(self.now_utc_ns),
            "case": self.case,
            "things": len(self.rows),
        }

    def chips(self) -> dict[int, bytes]:
        """Return the picture to judge each thing by, by row; bystanders do not leave with it."""
        return redacted_chips(self.archive, self.things)

    def path_of(self, row: int) -> list[tuple[float, float, int]]:
        """Return longitude, latitude and UTC nanoseconds of a thing's points that have a place."""
        points = slice(int(self.things.offsets[row]), int(self.things.offsets[row + 1]))
        columns = (self.things.point_lon_deg, self.things.point_lat_deg, self.things.point_t_utc_ns)
        told = zip(*(column[points].tolist() for column in columns), strict=True)
        return [(lon, lat, t_ns) for lon, lat, t_ns in told if lat == lat]  # noqa: PLR0124 - not a number

    def title(self, row: int) -> str:
        """Return a thing in a few words."""
        told = self.rows[row]
        sure = told["probability"]
        said = f"score {told['score']:.2f}" if sure is None and told["score"] is not None else "no score"
        return f"{told['assessed_class']}? {f'{sure:.0%}' if sure is not None else said} ({told['id']})"


LONGEST: Final = 100_000
"""Most things one file takes: more is a table for a data base, not something to hand on."""
