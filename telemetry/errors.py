"""What telemetry raises on purpose: unusable values, unusable media, and sources that a rule forbids."""

from __future__ import annotations

from geo.errors import InputError, RefusedError


class TelemetryError(InputError):
    """A telemetry source cannot be used (exit status 2)."""


class KlvValueError(TelemetryError):
    """A value does not fit the KLV item it was meant for; the message names the tag."""


class MediaError(TelemetryError):
    """A picture, clip or stream cannot be read, or is larger than the limits allow."""


class SourceForbiddenError(RefusedError):
    """The address or the protocol of a source is not on the allow-list (exit status 3)."""
