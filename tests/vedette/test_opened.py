"""Operations opened for a person: by commands, so that Arrow need not look for pandas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operations import arrow_alone
from vedette.commands.ingest import open_or_make
from vedette.commands.opened import opened

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_pandas_is_left_out_before_an_operation_is_made_or_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, told = tmp_path / "op", []
    monkeypatch.setattr(arrow_alone, "leave_pandas_out", lambda: told.append(path.exists()))
    open_or_make(path, name="night", actor="someone").close()
    opened(path, None, None, "someone").close()
    assert told == [False, True]
