"""A place on the command line: latitude before longitude, in degrees."""

from __future__ import annotations

from geo.errors import InputError


def read_place(text: str, option: str) -> tuple[float, float]:
    """Return latitude and longitude, degrees, of what an option was given as LAT,LON.

    Raises
    ------
    InputError
        When it is not two numbers, or no place on Earth: told apart is one whose two numbers are swapped.
    """
    try:
        lat, lon = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"{option} {text!r} is not LAT,LON in degrees, for example 47.38,112.58") from None
    if abs(lat) <= 90.0 and abs(lon) <= 180.0:
        return lat, lon
    swapped = abs(lon) <= 90.0 and abs(lat) <= 180.0
    why = f"they look swapped, write {lon:g},{lat:g}" if swapped else "latitude is -90 to 90, longitude -180 to 180"
    raise InputError(f"{option} {text!r} is no place on Earth; latitude comes first: {why}")
