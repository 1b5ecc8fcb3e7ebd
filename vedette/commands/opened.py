"""An operation opened for a person: with their name, the wall clock, and the secret they give."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING

from vedette.commands.screen import utc_now_ns
from vedette.commands.secret_options import secret_for
from vedette.commands.signing_options import signed_at_close

if TYPE_CHECKING:
    from operations.store import OperationStore


def opened(
    operation: Path,
    key_file: Path | None,
    passphrase_file: Path | None,
    actor: str | None = None,
    *,
    read_only: bool = False,
) -> OperationStore:
    """Open an operation; whose name goes into the log is the login unless said otherwise."""
    from operations.arrow_alone import leave_pandas_out
    from operations.store import OperationStore

    leave_pandas_out()
    secret = secret_for(operation, key_file, passphrase_file)
    who = actor or getpass.getuser()
    store = OperationStore.open(operation, actor=who, clock=utc_now_ns, secret=secret, read_only=read_only)
    return signed_at_close(store)
