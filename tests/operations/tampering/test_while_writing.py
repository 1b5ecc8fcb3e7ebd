"""Verifying while others write: nothing that is under way is taken for tampering."""

from __future__ import annotations

import threading

from operations.log.leaves import LeafKind
from operations.store import OperationStore
from operations.verify import verify


def test_an_operation_that_is_being_written_to_has_no_findings(night, op, tmp_path):
    cards = [night.make_card(tmp_path / f"card{number}", (10 + number, 20 + number)) for number in range(3)]
    errors, over = [], threading.Event()

    def work():
        try:
            with OperationStore.open(op, actor="ben", clock=night.clock()) as store:
                for card in cards:
                    night.read_in(store, card)
                    for number in range(5):
                        store.append(LeafKind.NOTE, f"{card.name}-{number}", {"number": number})
        except Exception as error:
            errors.append(error)
        finally:
            over.set()

    worker = threading.Thread(target=work)
    worker.start()
    rounds, sizes = [], []
    while not over.is_set():
        result = verify(op)
        rounds.append(result.findings)
        sizes.append(result.head.size)
    worker.join()
    assert not errors
    assert rounds.count(()) == len(rounds), [found for found in rounds if found][0]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) > 1, "nothing was written meanwhile"
    last = verify(op)
    assert (last.findings, last.notes) == ((), ())
    assert last.originals == 5


def test_a_clock_that_was_set_back_is_noted_and_breaks_nothing(tmp_path):
    """Whoever reads the log later has to know that its dates do not follow each other; its order is its own."""
    times = [1_767_225_600, 1_767_225_660, 978_307_200, 1_767_225_720, 1_767_225_700]  # the third is in 2001
    clock = iter(second * 1_000_000_000 for second in times)
    with OperationStore.create(tmp_path / "op", name="op", actor="ana", clock=lambda: next(clock)) as store:
        for number in range(len(times) - 1):
            store.append(LeafKind.NOTE, f"n{number}", {"number": number})
    result = verify(tmp_path / "op")
    assert result.findings == ()
    assert result.notes == (
        "log record 2 is dated 2001-01-01 00:00 UTC, before the one it follows (2026-01-01 00:01 UTC): a clock was set "
        "back, or was wrong",
    )
