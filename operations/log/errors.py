"""What can be wrong with a log, as sentences for a person."""

from __future__ import annotations

from geo.errors import InputError


class LeafError(InputError):
    """A leaf's bytes are not what this version writes, or its contents cannot be written."""


class FrontierError(InputError):
    """The stored edge of the tree does not fit its size."""
