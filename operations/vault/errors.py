"""What can be wrong with keys and encrypted files, as sentences for a person."""

from __future__ import annotations

from geo.errors import InputError


class SecretError(InputError):
    """The key given opens nothing, or the stored keys cannot be used."""


class SealedFileError(InputError, ValueError):
    """An encrypted file is not what was sealed under its name."""
