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
