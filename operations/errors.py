"""What can go wrong with an operation folder, as sentences for a person."""

from __future__ import annotations

from geo.errors import InputError, RefusedError


class NotAnOperationError(InputError):
    """The folder named is no operation folder."""


class DiskError(InputError):
    """A file of the operation could not be written, synced or removed; nothing was registered."""


class DamagedError(InputError):
    """Something the operation has a record of is missing or is not what was written."""


class OperationExistsError(RefusedError):
    """The folder already holds something that must not be overwritten."""


class MediumBusyError(RefusedError):
    """Another process is reading these very bytes into the operation."""


class ReadOnlyError(RefusedError):
    """The operation can be read and not written: by its medium, its permissions, its format or by request."""


class BrokenSealError(RefusedError):
    """Evidence or its log is not what was sealed."""


class WithoutPurposeError(RefusedError):
    """Somebody wants to look at persons' data, or take some out, without a case and a reason."""


class UnloggedError(RefusedError):
    """Something would leave the operation and be in no log."""
