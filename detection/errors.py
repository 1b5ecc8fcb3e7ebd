"""What can be wrong with a detector or with what it is given."""

from __future__ import annotations

from geo.errors import InputError, RefusedError


class ModelError(InputError):
    """A model file cannot be used as a detector."""


class UntrustedModelError(RefusedError):
    """A file that would run code when opened is not in the model manifest."""


class TruthError(InputError):
    """A truth file cannot be read, or does not belong to these hits."""
