"""What can be wrong with keys, signatures and stamps, as sentences for a person."""

from __future__ import annotations

from geo.errors import InputError, RefusedError


class SigningKeyError(InputError):
    """A signing key, or the file of public keys beside it, cannot be used."""


class SignatureError(InputError):
    """A signed text is none, is signed by another key, or is about something else."""


class StampError(InputError):
    """A time stamp is none, is of another text, or of an authority that is not trusted."""


class ApprovalError(RefusedError):
    """Something needs two people and has one."""
