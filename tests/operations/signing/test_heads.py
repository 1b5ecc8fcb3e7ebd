"""Signed heads, second agencies, proofs and stamps, against a log that its own keeper writes anew."""

from __future__ import annotations

import subprocess

import pytest

from geo.errors import InputError
from operations.evidence.signed_texts import root_from
from operations.log.leaves import LeafKind
from operations.log.merkle import leaf_hash
from operations.signing.anchors import read_anchor
from operations.signing.errors import SignatureError, StampError
from operations.signing.heads import (
    SignedHead,
    check_consistency_text,
    consistency_text,
    inclusion_text,
    keep,
    kept_heads,
    sign_head,
    text_of,
)
from operations.signing.signer import revoke_key
from operations.signing.stamps import check_stamp, stamp_request
from operations.store import OperationStore
from operations.verify import verify


@pytest.fixture
def store(tmp_path, clock):
    with OperationStore.create(tmp_path / "op", name="Night 1", actor="ana", clock=clock) as opened:
        for number in range(6):
            opened.append(LeafKind.NOTE, f"n{number}", {"number": number})
        yield opened


def rewritten(store, tmp_path, clock):
    """Return the same operation written anew by its keeper, with one note less true; it verifies by itself."""
    from operations.case_file import keep_head, new_case_file
    from operations.log.leaves import Leaf

    leaves = [
        Leaf(
            seq=leaf.seq,
            t_utc_ns=leaf.t_utc_ns,
            actor=leaf.actor,
            kind=leaf.kind,
            subject=leaf.subject,
            salt=leaf.salt,
            body={"number": 99} if leaf.seq == 3 else leaf.body,
        )
        for leaf in store.leaves()
    ]
    meta = {key: store._case.meta(key) for key in ("format", "id", "name", "created")}
    data, head = new_case_file(store.vault, meta, leaves)
    folder = tmp_path / "anew"
    OperationStore.create(folder, name="x", actor="x", clock=clock).close()
    (folder / "operation.sqlite").write_bytes(data)
    (folder / "log.head").unlink()
    keep_head(folder, head)
    assert verify(folder).findings == ()
    return folder


def test_a_signed_head_is_a_record_and_holds_what_comes_after_to_it(store, ana):
    signed = sign_head(store, ana)
    assert signed.head.size == 7
    assert signed.signed_by(ana.keys_text)[0] == "ana@unit-3"
    assert [one.head for one, _ in kept_heads(store)] == [signed.head]
    store.append(LeafKind.NOTE, "later", {})
    result = verify(store.path, head=signed.head, head_from="paper", head_of=signed.operation)
    assert result.findings == ()


def test_the_keepers_own_rewrite_shows_against_a_head_kept_elsewhere(store, ana, police, tmp_path, clock):
    signed = sign_head(store, ana).cosigned(police)
    (tmp_path / "both.head").write_text(signed.note)
    anew = rewritten_without_heads(store, tmp_path, clock)
    anchor = read_anchor(tmp_path / "both.head", keys=[tmp_path / "ana.pub", tmp_path / "police.pub"])
    assert [one.split(",")[0] for one in anchor.vouched] == ["signed by ana@unit-3", "signed by police@county"]
    assert not any("that key is" in one for one in anchor.vouched)  # none of them was ever ended
    assert verify(store.path, head=anchor.head, head_of=anchor.operation).findings == ()
    told = " ".join(anchor.proves(8))
    assert "records 0 to 6 of 8 are as they were" in told
    assert "the one after it rests on the folder alone" in told
    (found,) = verify(anew, head=anchor.head, head_from="both.head", head_of=anchor.operation).findings
    assert "its first 7 records were written again" in found.sentence


def test_a_head_of_a_key_that_was_revoked_later_says_so(store, ana, tmp_path):
    signed = sign_head(store, ana)
    (tmp_path / "one.head").write_text(signed.note)
    revoke_key(tmp_path / "ana.key", ana, "laptop stolen")
    (told,) = read_anchor(tmp_path / "one.head", keys=[tmp_path / "ana.pub"]).vouched
    assert told.startswith("signed by ana@unit-3")
    assert told.endswith("(that key is revoked: laptop stolen)")


def test_what_is_no_text_is_no_signed_head(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no text")
    with pytest.raises(SignatureError, match=r"photo\.jpg cannot be read as a signed text"):
        SignedHead.read(tmp_path / "photo.jpg")


def rewritten_without_heads(store, tmp_path, clock):
    """The keeper leaves the signed heads out, for they would give the rewrite away."""

    class Shown:
        vault, _case = store.vault, store._case

        @staticmethod
        def leaves():
            return (leaf for leaf in store.leaves() if leaf.kind is not LeafKind.HEAD)

    return rewritten(Shown, tmp_path, clock)


def test_a_rewrite_that_keeps_its_signed_heads_is_named_by_them(store, ana, tmp_path, clock):
    sign_head(store, ana)
    with pytest.raises(AssertionError):
        rewritten(store, tmp_path, clock)
    (found,) = verify(tmp_path / "anew").findings
    assert "not the one of the head in log record 7" in found.sentence


def test_heads_of_others_wrong_keys_and_no_heads_are_named(store, ana, police, tmp_path, clock):
    signed = sign_head(store, ana)
    with pytest.raises(SignatureError, match="signed by ana@unit-3, not by the key given"):
        signed.signed_by(police.keys_text)
    with OperationStore.create(tmp_path / "other", name="o", actor="b", clock=clock) as other:
        with pytest.raises(SignatureError, match="is a head of operation"):
            keep(other, signed)
        with pytest.raises(InputError, match="another operation"):
            verify(other.path, head=signed.head, head_from="x", head_of=signed.operation)
    for note in (
        "",
        "x\n\n\u2014 a AAAA\n",
        signed.note.replace("vedette/operation/", "example.org/"),
        signed.note[:-9],
    ):
        with pytest.raises(SignatureError, match="no signed head"):
            SignedHead.of(note)
    with pytest.raises(SignatureError, match="does not fit the text"):
        SignedHead.of(signed.note.replace("\n7\n", "\n6\n")).signed_by(ana.keys_text)
    (tmp_path / "bare").write_text("7 " + " ".join([signed.head.root.hex()[i : i + 4] for i in range(0, 64, 4)]))
    assert read_anchor(tmp_path / "bare").head == signed.head  # typed from paper
    with pytest.raises(InputError, match="no signature in it"):
        read_anchor(tmp_path / "bare", keys=[tmp_path / "ana.pub"])


def test_inclusion_and_growth_are_proven_and_a_rewrite_is_not(store, ana, tmp_path, clock):
    import base64

    old = sign_head(store, ana)
    store.append(LeafKind.NOTE, "later", {})
    new = sign_head(store, ana)
    hashes = store.leaf_hashes()
    head, _, note = inclusion_text(2, hashes, new).partition("\n\n")
    lines = head.split("\n")
    assert lines[:2] == ["c2sp.org/tlog-proof@v1", "index 2"]
    assert root_from(hashes[2], 2, new.head.size, [base64.b64decode(n) for n in lines[2:]]) == new.head.root
    assert SignedHead.of(note) == new
    assert check_consistency_text(consistency_text(old, new, hashes)) == (old, new)
    other = [leaf_hash(b"%d" % i) for i in range(9)]
    with pytest.raises(SignatureError, match="written again"):
        check_consistency_text(consistency_text(old, new, other))
    with pytest.raises(SignatureError, match="no proof"):
        check_consistency_text("{}")
    with pytest.raises(SignatureError, match="not among"):
        inclusion_text(99, hashes, new)


def test_a_stamp_of_an_openssl_authority_holds_and_one_of_another_file_does_not(store, ana, authority, tmp_path):
    signed = sign_head(store, ana)
    request = stamp_request(signed.text)
    answer, roots = authority.stamp(request), authority.roots
    who, t_s = check_stamp(signed.text, answer, roots)
    assert "Test TSA" in who
    assert t_s > 1_700_000_000
    keep(store, signed, answer)
    assert kept_heads(store)[0][1] == answer
    keep(store, signed)  # a stamp that is known is not lost by a head that comes without one
    assert kept_heads(store)[0][1] == answer
    with pytest.raises(StampError, match="another file"):
        check_stamp(signed.text + "x", answer, roots)
    with pytest.raises(StampError, match="no answer"):
        check_stamp(signed.text, request, roots)
    with pytest.raises(StampError, match="cannot be read"):
        check_stamp(signed.text, answer, b"no certificate")
    flipped = bytearray(answer)
    flipped[-20] ^= 1
    with pytest.raises(StampError):
        check_stamp(signed.text, bytes(flipped), roots)


def test_a_stamp_of_an_authority_that_is_not_trusted_does_not_hold(store, ana, authority, tmp_path):
    words = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "k",
        "-out",
        "other.pem",
        "-days",
        "9",
    ]
    subprocess.run([*words, "-subj", "/CN=Other"], cwd=tmp_path, capture_output=True, check=True)
    text = sign_head(store, ana).text
    with pytest.raises(StampError, match="does not hold for the certificates given"):
        check_stamp(text, authority.stamp(stamp_request(text)), (tmp_path / "other.pem").read_bytes())


@pytest.mark.parametrize("data", ["Jürgen".encode("latin-1"), b"\xff\xfe\x00", b"\x80"])
def test_bytes_that_are_no_text_and_files_that_are_not_there_are_named(tmp_path, data):
    (tmp_path / "head.txt").write_bytes(data)
    for path in (tmp_path / "head.txt", tmp_path / "gone.txt", tmp_path):
        with pytest.raises(SignatureError, match=f"{path.name} cannot be read as a signed text"):
            text_of(path)
