"""Why an alarm is not taken."""

from __future__ import annotations

from geo.errors import InputError, RefusedError


class AlarmRefusedError(RefusedError):
    """An alarm is no alarm that can be used: too large, unreadable, impossible, old, known, or one too many.

    Its field ``why`` is one of a few words that refusals are counted by.
    """


class SourceError(InputError):
    """Where alarms come from cannot be reached, or does not let us in."""
