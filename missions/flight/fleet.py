"""Several aircraft at once from one process: prepared together, flown side by side, told apart by their ids."""

from __future__ import annotations

import concurrent.futures
import contextlib
from typing import TYPE_CHECKING

from geo.errors import RefusedError, VedetteError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from missions.flight.run import Flight
    from missions.flight.values import Coverage, FlightReport


def prepare(flights: Sequence[Flight], before_check: Callable[[Flight], None] | None = None) -> None:
    """Connect all, refuse ids that clash, then upload to all and check all.

    Parameters
    ----------
    before_check
        Done to each that has its plan, before what it says of itself is judged.

    Raises
    ------
    RefusedError
        When two vehicles have the same system id, or one does not get or pass its plan; none has taken off.
    LinkError
        When a vehicle does not answer.
    """
    _each(flights, lambda flight: flight.connect())
    refuse_clashes(flights)
    _each(flights, lambda flight: flight.upload())
    if before_check is not None:
        _each(flights, before_check)
    _each(flights, lambda flight: flight.check())


def refuse_clashes(flights: Sequence[Flight]) -> None:
    """Refuse two vehicles with one system id: each would obey what is meant for the other.

    Raises
    ------
    RefusedError
        Naming the id and both sorties.
    """
    seen: dict[int, Flight] = {}
    for flight in flights:
        other = seen.setdefault(flight.state.system, flight)
        if other is not flight:
            raise RefusedError(
                f"the vehicles of {other.sortie.name!r} and {flight.sortie.name!r} both have system id "
                f"{flight.state.system}; give each its own (SYSID_THISMAV, or MAV_SYS_ID on PX4)",
                system=flight.state.system,
            )


def fly_together(flights: Sequence[Flight], coverage: Coverage) -> list[FlightReport | VedetteError]:
    """Take off and watch every flight to its end; one that is refused does not stop the watch over the others.

    An interrupt ends the watch, not the flights, and what was seen until then is reported.
    """

    def fly_one(flight: Flight) -> FlightReport | VedetteError:
        try:
            flight.take_off()
        except VedetteError as error:
            return error
        flight.watch()
        return flight.report(coverage)

    with concurrent.futures.ThreadPoolExecutor(max_workers=len(flights)) as pool:
        flying = [pool.submit(fly_one, flight) for flight in flights]
        with contextlib.suppress(KeyboardInterrupt), _stopping(flights):
            concurrent.futures.wait(flying)
        return [flight.result() for flight in flying]


@contextlib.contextmanager
def _stopping(flights: Sequence[Flight]) -> Iterator[None]:
    """When this thread is interrupted, let the others' waits end too."""
    try:
        yield
    except BaseException:
        for flight in flights:
            flight.stop_watching()
        raise


def _each(flights: Sequence[Flight], step: Callable[[Flight], object]) -> None:
    with concurrent.futures.ThreadPoolExecutor(max_workers=len(flights)) as pool, _stopping(flights):
        for done in [pool.submit(step, flight) for flight in flights]:
            done.result()
