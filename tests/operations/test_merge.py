from __future__ import annotations

import dataclasses
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from operations.backup import backup
from operations.case_file import new_case_file, read_head
from operations.errors import BrokenSealError, DamagedError
from operations.log.leaves import Leaf, LeafKind, encode
from operations.log.merkle import leaf_hash, root_of
from operations.merge import Clerk, Source, merge
from operations.outcomes import FromTheSpot, record_outcome
from operations.store import OperationStore
from operations.values import Outcome
from operations.vault import PlainVault
from operations.vault.keys_file import open_vault
from operations.verify import verify


def opened(night, path, secret=None, *, read_only=True, actor="judge"):
    return OperationStore.open(path, actor=actor, clock=night.clock(), secret=secret, read_only=read_only)


@pytest.fixture(scope="module")
def laptops(night, tmp_path_factory):
    """Two laptops of one night: both read card b, each one card of its own, and they judge one hit differently."""
    work = tmp_path_factory.mktemp("laptops")
    for name, seeds in (("a", (1, 2)), ("b", (3, 4)), ("c", (5, 6))):
        night.make_card(work / name, seeds)
    for name, cards in (("one", "ab"), ("two", "cb")):
        with OperationStore.create(work / name, name=f"laptop {name}", actor=name, clock=night.clock()) as store:
            for card in cards:
                run = night.read_in(store, work / card).run
            hit = str(store.table("hits", runs=[run.run_id])["hit_id"][0])
            night.give_verdict(store, 1, run_id=run.run_id, hit_id=hit)
    with opened(night, work / "two", read_only=False, actor="two") as store:
        body = store.verdicts()[0].body() | {"decision": "dismissed"}
        store.append(LeafKind.VERDICT, "v1", body)
    return work


@pytest.fixture
def clerk(night):
    return Clerk(name="the night", actor="clerk", clock=night.clock())


def together(laptops, into, clerk):
    return merge([Source(path=laptops / "one"), Source(path=laptops / "two")], into, clerk)


def test_two_laptops_become_one_operation_with_every_original_once(night, laptops, clerk, tmp_path):
    result = together(laptops, tmp_path / "both", clerk)
    assert result.verification.findings == ()
    assert verify(tmp_path / "both").findings == ()
    with (
        opened(night, tmp_path / "both") as both,
        opened(night, laptops / "one") as one,
        opened(night, laptops / "two") as two,
    ):
        assert both.name == "the night"
        assert sorted(media.name for media in both.media()) == ["a", "b", "c"]
        assert len(list((tmp_path / "both" / "media").iterdir())) == 6
        wanted = {run.run_id for store in (one, two) for run in store.runs()}
        assert {run.run_id for run in both.runs()} == wanted
        rows = {row["hit_id"]: row for store in (one, two) for row in store.table("hits").to_pylist()}
        assert {row["hit_id"]: row for row in both.table("hits").to_pylist()} == rows
        assert both.table("hits").num_rows == len(rows)
        with opened(night, tmp_path / "both", read_only=False) as store:
            store.append(LeafKind.NOTE, "weather", {"text": "work goes on"})
    assert verify(tmp_path / "both").findings == ()


def bytes_of(folder):
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_what_was_analysed_anew_comes_along_with_what_it_superseded_and_the_sources_stay_as_they_are(
    night, laptops, clerk, tmp_path
):
    shutil.copytree(laptops / "one", tmp_path / "one")
    with opened(night, tmp_path / "one", read_only=False, actor="one") as store:
        night.read_in(store, laptops / "a", height_m=150.0, redo=True)
        wanted = night.state(store)["tables"]["hits"]
    before = bytes_of(tmp_path / "one"), bytes_of(laptops / "two")
    result = merge([Source(path=tmp_path / "one"), Source(path=laptops / "two")], tmp_path / "both", clerk)
    assert result.verification.findings == ()
    assert (bytes_of(tmp_path / "one"), bytes_of(laptops / "two")) == before
    with opened(night, tmp_path / "one") as one, opened(night, tmp_path / "both") as both:
        runs = [run.run_id for run in one.runs(superseded=True)]
        assert len(runs) == len(one.runs()) + 1
        there = both.table("hits", runs=runs).to_pylist()
        assert sorted(there, key=lambda row: row["hit_id"]) == sorted(wanted, key=lambda row: row["hit_id"])


def test_verdicts_that_contradict_each_other_are_kept_and_told(night, laptops, clerk, tmp_path):
    result = together(laptops, tmp_path / "both", clerk)
    assert any("confirmed in laptop one" in text and "dismissed in laptop two" in text for text in result.conflicts)
    with opened(night, tmp_path / "both") as both:
        assert sorted((v.verdict_id, str(v.decision)) for v in both.verdicts()) == [
            ("v1", "dismissed"),
            ("v1~1", "confirmed"),
        ]
        told = [leaf.body for leaf in both.newest(LeafKind.MERGE) if leaf.subject == "conflicts"]
        assert told == [{"conflicts": list(result.conflicts)}]


def test_outcomes_of_both_are_kept_and_what_differs_is_told(night, laptops, clerk, tmp_path):
    for number, (name, found) in enumerate((("one", Outcome.FOUND), ("two", Outcome.NOTHING))):
        shutil.copytree(laptops / name, tmp_path / name)
        with opened(night, tmp_path / name, read_only=False, actor=name) as store:
            shared = sorted(store.table("hits").to_pylist(), key=lambda row: row["hit_id"])
            run_b = next(run.run_id for run in store.runs() if run.media_ids == (media_named(store, "b"),))
            hit = next(row["hit_id"] for row in shared if row["run_id"] == run_b)
            record_outcome(store, FromTheSpot(found=found), hit_ids=(hit,))
            body = store.outcomes()[0].body()
            store.append(LeafKind.OUTCOME, "same", body | {"outcome_id": "same", "note": str(number)})
    result = merge([Source(path=tmp_path / "one"), Source(path=tmp_path / "two")], tmp_path / "both", clerk)
    assert result.verification.findings == ()
    assert any(
        "on the spot: found in laptop one" in text and "nothing in laptop two" in text for text in result.conflicts
    )
    with opened(night, tmp_path / "both") as both:
        assert sorted(str(outcome.found) for outcome in both.outcomes()) == ["found", "found", "nothing", "nothing"]
        assert {outcome.note for outcome in both.outcomes() if outcome.outcome_id in {"same", "same~1"}} == {"0", "1"}


def media_named(store, name):
    return next(media.id for media in store.media() if media.name == name)


def test_the_heads_of_both_logs_can_be_worked_out_from_the_new_log_alone(night, laptops, clerk, tmp_path):
    together(laptops, tmp_path / "both", clerk)
    with opened(night, tmp_path / "both") as both:
        leaves = list(both.leaves())
    heads = [leaf for leaf in leaves if leaf.kind is LeafKind.MERGE and "root" in leaf.body]
    assert [(h.body["size"], h.body["root"]) for h in heads] == [
        (kept.size, kept.root.hex()) for kept in (read_head(laptops / "one"), read_head(laptops / "two"))
    ]
    for head in heads:
        first, size = head.body["first"], head.body["size"]
        own = [dataclasses.replace(leaf, seq=seq) for seq, leaf in enumerate(leaves[first : first + size])]
        assert root_of([leaf_hash(encode(leaf)) for leaf in own]).hex() == head.body["root"]
        assert {leaf.actor for leaf in own} == {head.body["name"].removeprefix("laptop ")}


def forge(path, change):
    """Write the whole log anew with one leaf changed, as its keeper can."""
    with sqlite3.connect(path / "operation.sqlite") as database:
        from operations.log.leaves import decode

        leaves = [decode(bytes(b)) for (b,) in database.execute("SELECT body FROM leaf ORDER BY seq")]
        meta = dict(database.execute("SELECT key, value FROM meta"))
    database.close()
    data, head = new_case_file(PlainVault(), meta, change(leaves))
    (path / "operation.sqlite").write_bytes(data)
    (path / "log.head").write_bytes(head.to_bytes())


def renumbered(leaves) -> list[Leaf]:
    return [dataclasses.replace(leaf, seq=seq) for seq, leaf in enumerate(leaves)]


def turn_round(leaves):
    place = next(p for p, leaf in enumerate(leaves) if leaf.kind is LeafKind.VERDICT)
    leaves[place] = dataclasses.replace(leaves[place], body={**leaves[place].body, "decision": "dismissed"})
    return leaves


@pytest.mark.parametrize(
    "change",
    [
        turn_round,
        lambda leaves: renumbered([*leaves[:6], *leaves[7:]]),
        lambda leaves: renumbered([*leaves[:6], leaves[5], *leaves[6:]]),
        lambda leaves: renumbered([*leaves[:5], leaves[6], leaves[5], *leaves[7:]]),
    ],
    ids=["a verdict turned round", "a record left out", "a record slipped in", "two records exchanged"],
)
def test_a_log_that_was_merged_in_cannot_be_rewritten_even_with_the_whole_new_log(laptops, clerk, tmp_path, change):
    together(laptops, tmp_path / "both", clerk)
    forge(tmp_path / "both", lambda leaves: leaves)
    assert verify(tmp_path / "both").findings == ()
    forge(tmp_path / "both", change)
    findings = verify(tmp_path / "both").findings
    assert any(f.sentence.startswith("merge laptop one") for f in findings), findings


def test_merging_merged_ones_keeps_every_head(night, laptops, clerk, tmp_path):
    together(laptops, tmp_path / "both", clerk)
    night.make_card(tmp_path / "d", (7, 8))
    with OperationStore.create(tmp_path / "three", name="laptop three", actor="three", clock=night.clock()) as store:
        night.read_in(store, tmp_path / "d")
    sources = [Source(path=tmp_path / "three"), Source(path=tmp_path / "both")]
    assert merge(sources, tmp_path / "all", clerk).verification.findings == ()
    assert verify(tmp_path / "all").findings == ()
    forge(tmp_path / "all", turn_round)
    names = {f.item.split(" (")[0] for f in verify(tmp_path / "all").findings}
    assert {"merge laptop one", "merge the night"} <= names


@pytest.mark.parametrize("order", [("one", "copy"), ("copy", "one")])
def test_an_older_copy_of_an_operation_is_no_other_opinion(night, laptops, clerk, tmp_path, order):
    shutil.copytree(laptops / "two", tmp_path / "one")
    backup(tmp_path / "one", tmp_path / "copy")
    with opened(night, tmp_path / "one", read_only=False) as store:
        body = store.verdicts()[0].body() | {"decision": "undecided"}
        store.append(LeafKind.VERDICT, "v1", body)
    result = merge([Source(path=tmp_path / name) for name in order], tmp_path / "both", clerk)
    with opened(night, tmp_path / "both") as both:
        assert [(v.verdict_id, str(v.decision)) for v in both.verdicts()] == [("v1", "undecided")]
    assert result.verification.findings == ()


def test_encrypted_operations_merge_into_an_encrypted_one(night, laptops, tmp_path):
    night.make_card(tmp_path / "a", (1, 2))
    with OperationStore.create(
        tmp_path / "secret", name="laptop three", actor="three", clock=night.clock(), secret=night.KEY
    ) as store:
        night.read_in(store, tmp_path / "a")
    clerk = Clerk(name="the night", actor="clerk", clock=night.clock(), secret=night.KEY)
    sources = [Source(path=tmp_path / "secret", secret=night.KEY), Source(path=laptops / "one")]
    merge(sources, tmp_path / "both", clerk)
    vault = open_vault(tmp_path / "both", night.KEY)
    assert vault.encrypted
    assert verify(tmp_path / "both", vault=vault).findings == ()
    with opened(night, tmp_path / "both", night.KEY) as both:
        assert sorted(media.name for media in both.media()) == ["a", "b"]
    for path in (tmp_path / "both").rglob("*"):
        assert not path.is_file() or b"laptop" not in path.read_bytes()


def test_what_does_not_verify_is_not_merged_and_nothing_is_left(laptops, clerk, tmp_path):
    shutil.copytree(laptops / "one", tmp_path / "one")
    next((tmp_path / "one" / "media").iterdir()).write_bytes(b"another")
    with pytest.raises(BrokenSealError, match="was changed"):
        merge([Source(path=tmp_path / "one"), Source(path=laptops / "two")], tmp_path / "both", clerk)
    assert [p.name for p in tmp_path.iterdir()] == ["one"]


def test_one_run_with_other_parts_in_two_operations_is_refused(night, laptops, clerk, tmp_path):
    shutil.copytree(laptops / "two", tmp_path / "two")
    with opened(night, tmp_path / "two", read_only=False) as store:
        shared = {run.run_id for run in store.runs()}
        with opened(night, laptops / "one") as one:
            (run_id,) = shared & {run.run_id for run in one.runs()}
        part = next(p for p in store.parts(runs=[run_id]) if p.table == "hits")
        more = part.file.replace("-0000", "-0001")
        shutil.copyfile(tmp_path / "two" / part.file, tmp_path / "two" / more)
        (tmp_path / "two" / more).chmod(0o600)
        store.append(LeafKind.PART, more, part.body() | {"file": more})
    with pytest.raises(DamagedError, match="other parts"):
        merge([Source(path=laptops / "one"), Source(path=tmp_path / "two")], tmp_path / "both", clerk)


def test_a_log_of_merges_of_merges_without_end_is_a_finding_and_no_failure(night, tmp_path):
    with OperationStore.create(tmp_path / "op", name="n", actor="a", clock=night.clock()) as store:
        store.append(LeafKind.NOTE, "weather", {})

    def nested(leaves):
        for _ in range(40):
            own = [leaf_hash(encode(leaf)) for leaf in leaves]
            body = {"name": "n", "size": len(leaves), "root": root_of(own).hex(), "first": 2}
            merged = Leaf(seq=1, t_utc_ns=1, actor="a", kind=LeafKind.MERGE, subject="x", body=body)
            leaves = renumbered([leaves[0], merged, *leaves])
        return leaves

    forge(tmp_path / "op", nested)
    assert any("merged over 32 times" in f.sentence for f in verify(tmp_path / "op").findings)


def test_an_operation_that_somebody_works_in_is_merged_all_the_same(night, laptops, clerk, tmp_path):
    """The sources are opened for reading: whoever has one open for writing is not in the way."""
    shutil.copytree(laptops / "one", tmp_path / "one")
    with opened(night, tmp_path / "one", read_only=False, actor="one") as store:
        result = merge([Source(path=tmp_path / "one"), Source(path=laptops / "two")], tmp_path / "both", clerk)
        store.append(LeafKind.NOTE, "later", {"text": "after the merge"})
    assert result.verification.findings == ()


def test_every_folder_that_a_merge_puts_files_into_is_synced_after_them(laptops, clerk, tmp_path, monkeypatch):
    """A file's name is its folder's data (POSIX fsync): the last sync of each folder comes after its last file's."""
    order, fsync = [], os.fsync

    def noted(descriptor):
        order.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    together(laptops, tmp_path / "both", clerk)
    unfinished = tmp_path / "both.part"
    last = {path.relative_to(unfinished): k for k, path in enumerate(order) if path.is_relative_to(unfinished)}
    kept = [path.relative_to(tmp_path / "both") for path in (tmp_path / "both").rglob("*") if path.is_file()]
    copied = [path for path in kept if path in last and path.parent != Path()]
    assert len({path.parent for path in copied}) > 2
    assert [path for path in copied if last[path] > last[path.parent]] == []
