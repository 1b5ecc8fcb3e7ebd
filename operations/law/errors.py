"""What law forbids, as sentences for a person."""

from __future__ import annotations

from geo.errors import InputError, RefusedError


class HeldError(RefusedError):
    """Something is under a legal hold, and stays."""


class ErasedError(RefusedError):
    """A recording was erased from this operation, and does not come back into it."""


class PolicyError(InputError):
    """A retention policy cannot be read."""
