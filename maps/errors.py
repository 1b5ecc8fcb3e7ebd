"""What can go wrong when a map is made."""

from __future__ import annotations

from geo.errors import InputError


class NothingToShowError(InputError):
    """There is no geometry at all to centre a map on."""
