"""What can go wrong between a brief and a plan, each with the place and the way out."""

from __future__ import annotations

from geo.errors import InputError, RefusedError, VedetteError


class BriefError(InputError):
    """A brief, or a file it names, cannot be used; the message names the key and the allowed range."""


class PlanFileError(InputError):
    """A plan folder or plan file cannot be read; the message names the file and the place in it."""


class PlanRefusedError(RefusedError):
    """No plan can keep a rule: which rule, where, by how much, and the smallest relaxation."""


class TriedInVainError(VedetteError):
    """A plan was made to try a change of a brief, and what is found so far tells that the change does not do."""
