"""An operation folder as Python programs see it: tables, questions, and each look in the log."""

from __future__ import annotations

import dataclasses
import getpass
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import TracebackType

    import geopandas
    import pyarrow as pa

    from operations.consultation import Consultation
    from operations.finding.selection import Found
    from operations.store import OperationStore
    from operations.values import Verdict


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An open operation folder, looked into for one case and reason; each table that is taken is logged as a view.

    Use it as a context manager, or `close` it.
    """

    store: OperationStore
    consultation: Consultation

    def close(self) -> None:
        """Close the folder."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def hits(self) -> pa.Table:
        """Every hit of the runs that hold now, placed or not."""
        return self._table("hits")

    @property
    def tracks(self) -> pa.Table:
        """Every thing that was followed."""
        return self._table("tracks")

    @property
    def frames(self) -> pa.Table:
        """Every analysed frame with its pose and footprint."""
        return self._table("frames")

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """What people decided, oldest first."""
        return tuple(self.store.verdicts())

    def hits_on_the_ground(self) -> geopandas.GeoDataFrame:
        """Return the placed hits as points, WGS 84."""
        import geopandas

        rows = self.hits.to_pandas()
        placed = rows[rows["lat_deg"].notna()]
        points = geopandas.points_from_xy(placed["lon_deg"], placed["lat_deg"])
        return geopandas.GeoDataFrame(placed.reset_index(drop=True), geometry=points, crs="EPSG:4326")

    def find(self, *, limit: int = 200, **wanted: Any) -> Found:
        """Return things that were found, newest first; `wanted` as `operations.finding.selection.ThingSelection`."""
        from operations.finding.archive import Archive
        from operations.finding.selection import ThingSelection
        from operations.finding.selection import find as ask
        from operations.finding.thing_index import ThingIndex

        with Archive([self.store]) as archive:
            found = ask(archive, ThingIndex(archive), ThingSelection(**wanted), limit=limit)
        self.told("find", {"asked": sorted(wanted), "things": found.things.ids["thing_id"].texts().tolist()})
        return found

    def _table(self, name: str) -> pa.Table:
        table = self.store.table(name)
        self.told(name, {"rows": table.num_rows})
        return table

    def told(self, what: str, shown: dict[str, Any]) -> None:
        """Log that something is about to be seen.

        Raises
        ------
        UnloggedError
            The operation cannot be written, so that the view would be in no log.
        """
        from operations.errors import UnloggedError

        unlogged = self.consultation.viewed(f"python {what}", shown)
        if unlogged:
            raise UnloggedError(unlogged)


def open_operation(
    path: str | Path, *, case: str | None = None, reason: str | None = None, actor: str | None = None
) -> Operation:
    """Open an operation folder to look into it.

    Parameters
    ----------
    path
        The folder.
    case, reason
        What this is for; left out where `actor` has a case open (``vedette case open``).
    actor
        Whose name goes into the log; the login unless given.

    Raises
    ------
    WithoutPurposeError
        No case and reason; the attempt is logged.
    InputError
        It is no operation, or locked, or of a newer format.
    """
    from operations.consultation import Access, consult
    from operations.store import OperationStore

    store = OperationStore.open(Path(path), actor=actor or getpass.getuser(), clock=time.time_ns)
    try:
        granted = consult(store, access=Access.VIEW, what="python", case=case, reason=reason)
    except BaseException:
        store.close()
        raise
    return Operation(store=store, consultation=granted)
