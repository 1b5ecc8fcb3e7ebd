"""Retention, holds and erasure: what two people may take away, what stays, and that the log goes on holding."""

from __future__ import annotations

import json
import shutil

import pytest

from geo.errors import InputError
from operations.consultation import Consultation, Purpose
from operations.errors import MediumBusyError
from operations.evidence.consultations import consultations
from operations.law.erasure import erase, finish_erasures
from operations.law.errors import ErasedError, HeldError, PolicyError
from operations.law.holds import release_hold, set_hold
from operations.law.retention import NS_PER_DAY, Category, Policy, category_of, due
from operations.log.leaves import LeafKind
from operations.merge import Clerk, Source, merge
from operations.signing.errors import ApprovalError
from operations.signing.signer import new_key
from operations.store import OperationStore
from operations.values import Decision, Verdict
from operations.vault.errors import SealedFileError
from operations.verify import verify

WHY = Purpose(case="policy", reason="30 days are over")
POLICY = Policy(keep_days={Category.EMPTY: 1, Category.UNDECIDED: 30, Category.DISMISSED: 7, Category.CONFIRMED: 365})


@pytest.fixture
def two(tmp_path, night):
    clock = night.clock()
    return tuple(new_key(tmp_path / f"{name}.key", name, passphrase=None, clock=clock) for name in ("ana", "ben"))


@pytest.fixture(params=["op", "closed"])
def store(request, tmp_path, night, nights):
    for path in (nights / "clip.ts", nights / "card", nights / request.param):
        (shutil.copy if path.is_file() else shutil.copytree)(path, tmp_path / path.name)
    night.make_card(tmp_path / "other", (2, 3))  # one picture of it is also on the first card
    secret = night.KEY if request.param == "closed" else None
    where = tmp_path / request.param
    with OperationStore.open(where, actor="ana", clock=night.clock(), secret=secret) as opened:
        night.read_in(opened, tmp_path / "other")
        yield opened


def named(store, name):
    return next(media for media in store.media() if media.name == name)


def test_erasing_takes_the_recording_and_all_made_of_it_and_the_log_still_holds(store, two, night, tmp_path):
    clip, card = named(store, "clip.ts"), named(store, "card")
    rows, size = store.table("hits").num_rows, store.head().size
    leaves = list(store.leaves())
    gone = erase(store, [clip], WHY, two)
    assert {file.split("/")[0] for file in gone} == {"media", "parts"}
    assert not any((store.path / file).exists() for file in gone)
    assert [media.name for media in store.media()] == ["card", "other"]
    assert store.table("hits").num_rows < rows
    assert list(store.leaves())[:size] == leaves
    result = verify(store.path, vault=store.vault)
    assert result.findings == ()
    assert result.originals == 2
    assert "clip.ts was erased by ana and ben: 30 days are over" in result.notes
    with pytest.raises(ErasedError, match="was erased"):
        night.read_in(store, tmp_path / "clip.ts")
    erase(store, [card], WHY, two)
    assert verify(store.path, vault=store.vault).findings == ()
    assert store.table("chips").num_rows == 2  # the picture that both cards have is still the other card's
    (tombstone,) = [leaf for leaf in store.newest(LeafKind.ERASURE) if leaf.subject == clip.id]
    assert tombstone.body["destroyed"].startswith("key" if store.vault.encrypted else "written over")


def test_the_key_of_an_erased_recording_is_destroyed_before_its_name_goes(store, two, monkeypatch):
    from operations.law import erasure

    clip = named(store, "clip.ts")
    kept = {}
    real = erasure.durable_file.remove

    def keep(path):
        if path.is_file():
            kept[path] = path.read_bytes()
        real(path)

    before = {path: path.read_bytes() for path in (store.path / "media").iterdir()}
    monkeypatch.setattr(erasure.durable_file, "remove", keep)
    erase(store, [clip], WHY, two)
    (path,) = [path for path in kept if path.suffix == ".ts"]
    if not store.vault.encrypted:
        assert kept[path] == bytes(len(before[path]))
        return
    path.write_bytes(kept[path])  # what a disk may still hold of it
    with pytest.raises(SealedFileError, match="its key was destroyed"):
        store.vault.read(path)


@pytest.mark.parametrize("everything", [True, False])
def test_a_hold_beats_retention(store, two, everything):
    clip = named(store, "clip.ts")
    set_hold(store, None if everything else clip, Purpose(case="9", reason="order of the court"))
    before = {
        path: path.read_bytes() for path in store.path.rglob("*") if path.is_file() and path.parent.name == "media"
    }
    with pytest.raises(HeldError, match=r"clip.ts is under a legal hold \(case 9: order of the court") as refused:
        erase(store, [clip], WHY, two)
    assert refused.value.exit_status == 3
    with pytest.raises(HeldError):
        erase(store, [named(store, "card"), clip], WHY, two)  # all or none
    assert all(path.read_bytes() == data for path, data in before.items())
    assert store.newest(LeafKind.ERASURE) == []
    release_hold(store, None if everything else clip, Purpose(case="9", reason="over"))
    with pytest.raises(InputError, match="nothing to release"):
        release_hold(store, None if everything else clip, Purpose(case="9", reason="over"))
    assert erase(store, [clip], WHY, two)


def test_one_person_erases_nothing(store, two, tmp_path, night):
    same = new_key(tmp_path / "x.key", "ana", passphrase=None, clock=night.clock())
    for signers in ((), two[:1], (two[0], two[0]), (two[0], same)):
        with pytest.raises(ApprovalError, match="two sign"):
            erase(store, store.media(), WHY, signers)
    assert verify(store.path, vault=store.vault).originals == 3


def test_a_tombstone_that_two_people_did_not_sign_is_named(store, two):
    clip = named(store, "clip.ts")
    erase(store, [clip], WHY, two)
    (tombstone,) = store.newest(LeafKind.ERASURE)
    body = dict(tombstone.body)
    other = named(store, "card")
    for forged in (
        {**body, "reason": "another"},
        {**body, "keys": body["keys"][:1]},
        {**body, "keys": [body["keys"][0], body["keys"][0]]},
        {**body, "note": body["note"].split("\u2014")[0] + "\u2014" + body["note"].split("\u2014")[1]},
    ):
        number = store.append(LeafKind.ERASURE, clip.id, forged).seq
        told = [f.sentence for f in verify(store.path, vault=store.vault).findings if f"record {number})" in f.sentence]
        assert any("is not one that two people signed" in sentence for sentence in told), forged
        store.append(LeafKind.ERASURE, clip.id, body)
    store.append(LeafKind.ERASURE, other.id, body)  # true signatures under another recording
    told = [finding.sentence for finding in verify(store.path, vault=store.vault).findings]
    assert any("what was signed is something else" in sentence for sentence in told)


def test_an_erasure_that_was_cut_short_is_named_and_finished(store, two, monkeypatch):
    from operations.law import erasure

    clip = named(store, "clip.ts")
    with monkeypatch.context() as patch:
        patch.setattr(erasure, "finish_erasures", lambda _: [])
        erase(store, [clip], WHY, two)
    told = [finding.sentence for finding in verify(store.path, vault=store.vault).findings]
    assert any("no record knows it" in sentence for sentence in told)
    assert store.hits(runs=[run.run_id for run in store.runs(superseded=True)]) is not None
    assert finish_erasures(store)
    assert verify(store.path, vault=store.vault).findings == ()
    assert finish_erasures(store) == []


def test_nothing_is_erased_that_is_being_read_in(store, two):
    clip = named(store, "clip.ts")
    with store.staging() as staging:
        staging.claim(store.vault.file_name(clip.id), clip.name)
        with pytest.raises(MediumBusyError):
            erase(store, [clip], WHY, two)
    assert store.newest(LeafKind.ERASURE) == []


def test_a_merge_does_not_bring_back_what_one_of_them_erased(store, two, night, tmp_path):
    secret = night.KEY if store.vault.encrypted else None
    with OperationStore.create(tmp_path / "laptop", name="L", actor="ben", clock=night.clock()) as other:
        night.read_in(other, tmp_path / "clip.ts")
    erase(store, [named(store, "clip.ts")], WHY, two)
    sources = [Source(path=store.path, secret=secret), Source(path=tmp_path / "laptop")]
    done = merge(sources, tmp_path / "merged", Clerk(name="both", actor="c", clock=night.clock()))
    assert any("clip.ts was erased in one of them" in sentence for sentence in done.conflicts)
    assert done.verification.findings == ()
    assert not list((tmp_path / "merged" / "media").glob("*.ts"))


def test_categories_come_from_what_people_decided(store, night):
    clip = named(store, "clip.ts")
    (run,) = [run for run in store.runs() if clip.id in run.media_ids]
    hit = str(store.table("hits", runs=[run.run_id])["hit_id"][0])
    assert category_of(store, clip) is Category.UNDECIDED

    def decide(number, decision, **more):
        verdict = Verdict(verdict_id=f"v{number}", run_id=run.run_id, decision=decision, hit_ids=(hit,), **more)
        store.append(LeafKind.VERDICT, verdict.verdict_id, verdict.body())

    decide(1, Decision.CONFIRMED, confirmed=False)  # a proposal that nobody has looked at
    assert category_of(store, clip) is Category.UNDECIDED
    decide(1, Decision.DISMISSED)
    assert category_of(store, clip) is Category.DISMISSED
    decide(2, Decision.CONFIRMED)
    assert category_of(store, clip) is Category.CONFIRMED


def test_what_is_due_follows_category_and_age(store):
    now = store.clock()
    came = store.record(LeafKind.MEDIA, named(store, "clip.ts").id).t_utc_ns
    for days, is_due in ((29, False), (31, True)):
        store.clock = lambda days=days: now + days * NS_PER_DAY
        found = {one.media.name: one for one in due(store, POLICY)}
        assert [one.is_due for one in found.values()] == [is_due] * 3
        assert found["clip.ts"].until_t_utc_ns == came + 30 * NS_PER_DAY
    set_hold(store, named(store, "card"), Purpose(case="9", reason="court"))
    assert [one.held for one in due(store, POLICY)] == ["", "case 9: court", ""]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "[keep_days]\nempty = 1\n",
        "[keep_days]\nempty=1\nundecided=1\ndismissed=1\nconfirmed=true\n",
        "[keep_days]\nempty=1\nundecided=1\ndismissed=1\nconfirmed=-1\n",
        "[keep_days]\nempty=1\nundecided=1\ndismissed=1\nconfirmed=36600\n",
        "[keep_days]\nempty=1\nundecided=nan\ndismissed=1\nconfirmed=1\n",
        '[keep_days]\nempty=1\nundecided="1"\ndismissed=1\nconfirmed=1\n',
        "[keep_days]\nempty=1\nundecided=1\ndismissed=1\nconfirmed=1\nmore=1\n",
    ],
)
def test_a_policy_that_is_none_is_named(tmp_path, text):
    (tmp_path / "p.toml").write_text(text)
    with pytest.raises(PolicyError, match="p.toml"):
        Policy.read(tmp_path / "p.toml")


def test_a_policy_states_days_whole_or_not_from_none_to_a_hundred_years(tmp_path):
    (tmp_path / "p.toml").write_text("[keep_days]\nempty=0\nundecided=30.5\ndismissed=7\nconfirmed=36599\n")
    assert Policy.read(tmp_path / "p.toml").keep_days == {
        Category.EMPTY: 0.0, Category.UNDECIDED: 30.5, Category.DISMISSED: 7.0, Category.CONFIRMED: 36_599.0,
    }  # fmt: skip


def test_the_report_lists_who_saw_what_when_and_why_and_whom_it_went_to(store, two):
    asked = Consultation(store=store, purpose=Purpose(case="7", reason="a group"))
    asked.viewed("map", {"hits": 3})
    asked.exported("geojson", {"hits": 1, "to": "patrol 3"})
    set_hold(store, named(store, "card"), Purpose(case="9", reason="court"))
    erase(store, [named(store, "clip.ts")], WHY, two)
    told = consultations(store)
    assert [(one.kind, one.what, one.case, one.reason, one.to) for one in told] == [
        (LeafKind.VIEW, "map", "7", "a group", ""),
        (LeafKind.EXPORT, "geojson", "7", "a group", "patrol 3"),
        (LeafKind.HOLD, "card", "9", "court", ""),
        (LeafKind.ERASURE, "clip.ts", "policy", "30 days are over", ""),
    ]
    assert [one.who for one in told] == ["ana"] * 4
    assert [one.record for one in consultations(store, case="9")] == [told[2].record]
    assert json.dumps([dict(one.details) for one in told])
