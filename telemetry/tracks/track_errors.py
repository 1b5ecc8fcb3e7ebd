"""What may go wrong in reading a source of positions."""

from __future__ import annotations

from telemetry.errors import TelemetryError


class SourceError(TelemetryError):
    """A log, subtitle or picture gives no usable position at all; the message names what is wrong."""
