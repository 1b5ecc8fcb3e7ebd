"""What was seen in operations that cannot be written is in the viewer's own signed file."""

from __future__ import annotations

import pytest

from operations.consultation import Consultation, Purpose
from operations.signing.errors import SignatureError
from operations.signing.view_journal import note_view, read_journal
from operations.store import OperationStore


@pytest.fixture
def journal(tmp_path, ana, clock):
    path = tmp_path / "own" / "ana.views"
    OperationStore.create(tmp_path / "op", name="N", actor="ana", clock=clock).close()
    with OperationStore.open(tmp_path / "op", actor="ana", clock=clock, read_only=True) as store:
        asked = Consultation(store=store, purpose=Purpose(case="7", reason="a group"))
        for number in range(4):
            note_view(path, ana, asked, "map", {"hits": number})
    return path


def test_views_are_listed_with_their_purpose(journal, ana, tmp_path):
    assert journal.stat().st_mode & 0o777 == 0o600
    found = read_journal(journal, ana.keys_text)
    assert [one.body for one in found] == [{"case": "7", "reason": "a group", "hits": n} for n in range(4)]
    assert {(one.who, one.what, one.size) for one in found} == {("ana@unit-3", "map", 1)}
    assert not (tmp_path / "op" / "own").exists()


def test_a_line_changed_taken_out_or_put_in_is_named(journal, ana, police):
    lines = journal.read_bytes().splitlines(keepends=True)
    for changed, named in (
        ([lines[0], lines[2], lines[3]], "line 2"),
        ([lines[1], lines[0]], "line 1"),
        ([lines[0], lines[0]], "line 2"),
        ([lines[0].replace(b"a group", b"nothing")], "line 1"),
        ([lines[0], b"{}\n"], "line 2"),
        ([lines[0], b"x\n"], "line 2"),
    ):
        journal.write_bytes(b"".join(changed))
        with pytest.raises(SignatureError, match=named):
            read_journal(journal, ana.keys_text)
    journal.write_bytes(b"".join(lines))
    with pytest.raises(SignatureError, match="not by the key given"):
        read_journal(journal, police.keys_text)
    with pytest.raises(SignatureError, match="cannot be read"):
        read_journal(journal.with_name("nowhere"), ana.keys_text)
