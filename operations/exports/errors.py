"""What keeps things from leaving, as sentences for a person."""

from __future__ import annotations

from geo.errors import InputError, RefusedError


class AddressError(InputError):
    """An address, certificate or key for sending cannot be used."""


class ClearTextError(RefusedError):
    """Places of persons would go over a network in clear text, and nobody said why."""


class SendError(InputError):
    """The other side could not be reached, or went away before everything was handed over."""
