"""What can be wrong with a question, as sentences for a person."""

from __future__ import annotations

from geo.errors import InputError


class QuestionError(InputError):
    """A question contradicts itself, or names a file that says nothing."""
