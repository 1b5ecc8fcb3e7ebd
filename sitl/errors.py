"""Errors of the simulators: each says what was asked, what is wrong with it, and what to do."""

from __future__ import annotations

from geo.errors import InputError


class SitlError(InputError):
    """A simulated vehicle cannot be configured, started or reached."""


class ScenarioError(SitlError):
    """A scenario file asks for something that is missing or does not fit together."""
