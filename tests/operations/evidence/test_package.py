"""Packages hold, also where nothing of ours is installed; whatever is changed in one is named."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import random
import re
import shutil
import subprocess
import venv
import zlib

import numpy as np
import pytest
from PIL import Image

from geo.errors import InputError
from operations.case_file import Head
from operations.chips import cut_chip
from operations.consultation import Consultation, Purpose
from operations.errors import ReadOnlyError
from operations.evidence.package import PackOrder, pack
from operations.evidence.report_pdf import render_report
from operations.evidence.verifier import check_package
from operations.finding.selection import ThingSelection
from operations.log.leaves import LeafKind, decode, encode
from operations.redaction import redact_chip
from operations.signing.errors import ApprovalError
from operations.signing.signer import new_key

CHANGES = 1_000
ALL_CHANGES = 100_000


@pytest.fixture(scope="session")
def bare_python(tmp_path_factory):
    """Return a Python of its own in which nothing is installed, not even pip."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=False)
    return folder / "bin" / "python"


def verified(python, package, *keys):
    words = [python, "-I", "-S", package / "verify.py", *(word for key in keys for word in ("--key", key)), package]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False, cwd="/")
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout


def test_a_bare_python_verifies_a_good_package_and_names_a_tampered_one(bare_python, package, made):
    told = subprocess.run([bare_python, "-c", "import numpy"], capture_output=True, check=False)
    assert told.returncode == 1  # bare indeed
    status, said = verified(bare_python, package, made / "ana.pub")
    assert (status, said.splitlines()[-1]) == (0, "the package holds")
    assert "rests on: that ana's" not in said
    status, said = verified(bare_python, package)
    assert status == 0
    assert "rests on: that ana's public key" in said
    rows = json.loads((package / "rows/hits.json").read_text())
    rows[0]["lat_deg"] += 0.001
    (package / "rows/hits.json").write_text(json.dumps(rows))
    status, said = verified(bare_python, package, made / "ana.pub")
    assert status == 1
    assert "WRONG: rows/hits.json was changed" in said


def test_an_earlier_head_in_a_package_is_checked_with_who_signed_and_stamped_it(bare_python, package, made, authority):
    name = next((package / "anchors").glob("*.tsr")).stem
    known = ("--witness", made / "police.pub", "--ca", authority.folder / "ca.pem")
    words = [bare_python, "-I", "-S", package / "verify.py", "--key", made / "ana.pub"]

    def said(*more):
        done = subprocess.run([*map(str, [*words, *more, package])], capture_output=True, text=True, check=False)
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout

    status, told = said(*known)
    assert status == 0
    assert f"anchors/{name}.note: the first {int(name)} records are as they were then, signed by police" in told
    assert f"anchors/{name}.tsr: the first {int(name)} records are as they were then, stamped by Test TSA" in told
    own = f"anchors/{name}.note: the first {int(name)} records are as they were then, signed by ana, as is the package"
    assert own in told
    assert "not checked: no --witness key" not in told
    status, told = said()
    assert status == 0
    assert own in told
    assert "the signatures of police, not checked" in told
    assert f"openssl ts -verify -in anchors/{name}.tsr -data anchors/{name}.txt -CAfile AUTHORITY.pem" in told
    status, told = said("--witness", made / "ben.pub")
    assert (status, "no earlier head in the package is signed by ben" in told) == (1, True)
    for wrong in (("--key", made / "clip.ts"), ("--ca", made / "none.pem"), ("--what", "x"), ("--key",)):
        done = subprocess.run([*map(str, [*words, *wrong])], capture_output=True, text=True, check=False, cwd=made)
        assert done.returncode in (1, 2), wrong
        assert "Traceback" not in done.stderr


def test_an_earlier_head_of_a_log_that_went_otherwise_does_not_pass(made, tmp_path, night):
    """Whoever makes the package holds the key and signs it anew; the growth of the log cannot be made up."""
    from operations.signing.heads import head_text
    from operations.signing.signer import Signer

    ana = Signer.read(made / "ana.key", None, night.clock())
    copy = shutil.copytree(made / "op-redacted", tmp_path / "copy")
    manifest = json.loads((copy / "manifest.json").read_text())
    path = next((copy / "anchors").glob("*.note"))
    path.write_text(ana.note(head_text(manifest["operation"], Head(size=int(path.stem), root=bytes(32)))))
    manifest["files"][f"anchors/{path.name}"] = hashlib.sha256(path.read_bytes()).hexdigest()
    data = json.dumps(manifest).encode()
    (copy / "manifest.json").write_bytes(data)
    text = f"vedette evidence package\n{manifest['operation']}\n{hashlib.sha256(data).hexdigest()}\n"
    (copy / "package.note").write_text(ana.note(text))
    assert check_package(str(copy))[0] == [f"anchors/{path.name} is no earlier head of this log"]


def test_an_earlier_head_whose_own_signature_does_not_fit_is_no_head(made, tmp_path, night):
    from operations.signing.signer import Signer

    ana = Signer.read(made / "ana.key", None, night.clock())
    copy = shutil.copytree(made / "op-redacted", tmp_path / "copy")
    manifest = json.loads((copy / "manifest.json").read_text())
    path = next((copy / "anchors").glob("*.note"))
    text = path.read_text().split("\n\n")[0] + "\n"
    path.write_text(f"{text}\n{ana.sign(text.replace('vedette', 'vidette'))}")
    manifest["files"][f"anchors/{path.name}"] = hashlib.sha256(path.read_bytes()).hexdigest()
    data = json.dumps(manifest).encode()
    (copy / "manifest.json").write_bytes(data)
    said = f"vedette evidence package\n{manifest['operation']}\n{hashlib.sha256(data).hexdigest()}\n"
    (copy / "package.note").write_text(ana.note(said))
    unfit = f"anchors/{path.name}: the signature of ana does not fit the text: one of them was changed"
    assert check_package(str(copy))[0] == [unfit]


def test_what_is_in_a_package(made, night):
    redacted, whole = made / "op-redacted", made / "op-unredacted"
    assert not (redacted / "originals").exists()
    assert not (redacted / "parts").exists()
    originals = {path.stem for path in (whole / "originals").iterdir()}
    assert hashlib.sha256((made / "clip.ts").read_bytes()).hexdigest() in originals
    contents = json.loads((redacted / "contents.json").read_text())
    assert contents["purpose"] == {"case": "7", "reason": "for the court"}
    left = contents["left_out"]
    assert left["hits_in_operation"] > left["hits_packed"] > 0
    assert left["things_in_operation"] > left["things_packed"] == 1
    assert left["left_out_by_filter_alone"] == {"class": 0, "track": left["things_in_operation"] - 1}
    kinds = {json.loads(path.read_text())["kind"] for path in (redacted / "records").iterdir()}
    assert kinds == {"operation", "media", "run", "part", "verdict"}
    with night.OperationStore.open(made / "op", actor="x", clock=night.clock(), read_only=True) as store:
        exports = [leaf.body for leaf in store.leaves() if leaf.kind is LeafKind.EXPORT]
    assert [(body["to"], body["case"], body["redacted"]) for body in exports] == [
        ("court", "7", True),
        ("court", "7", False),
    ]
    assert all("clips_around_s" not in body for body in exports)
    assert [
        [
            "redacted" in sentence
            for sentence in json.loads((folder / "contents.json").read_text())["left_out"]["not_packed"]
        ]
        for folder in (redacted, whole)
    ] == [[True], []]
    manifest = (redacted / "manifest.json").read_bytes()
    assert exports[0]["manifest_sha256"] == hashlib.sha256(manifest).hexdigest()


@pytest.mark.parametrize("which", ["redacted", "unredacted"])
def test_each_hit_of_a_package_has_its_picture_as_it_was_kept_or_redacted(made, night, which):
    folder = made / f"op-{which}"
    hits = json.loads((folder / "rows" / "hits.json").read_text())
    with night.OperationStore.open(made / "op", actor="x", clock=night.clock(), read_only=True) as store:
        kept = store.chips([hit["hit_id"] for hit in hits], runs=sorted({hit["run_id"] for hit in hits}))
    assert kept
    packed = {path.stem: path.read_bytes() for path in (folder / "chips").iterdir()}
    assert packed.keys() == kept.keys()
    assert (packed == kept) is (which == "unredacted")
    if which == "redacted":
        for hit_id, jpeg in packed.items():
            assert Image.open(io.BytesIO(jpeg)).size == Image.open(io.BytesIO(kept[hit_id])).size


@pytest.mark.parametrize("op", ["op", "closed"])
def test_clips_go_instead_of_whole_films_where_that_is_asked(op, made, night, tmp_path, bare_python):
    from operations.signing.signer import Signer
    from telemetry.videos.video_file import read_video

    shutil.copytree(made / op, tmp_path / "op")
    film = night.make_clip(tmp_path / "walker.ts", frames=16, seed=3, walker=True)
    clock = night.clock()
    signers = tuple(Signer.read(made / f"{name}.key", None, clock) for name in ("ana", "ben"))
    secret = night.KEY if op == "closed" else None
    with night.OperationStore.open(tmp_path / "op", actor="ana", clock=clock, secret=secret) as store:
        night.read_in(store, film, detector=night.CentreBox(pictures=range(5, 9)))
        clip = next(media.id for media in store.media() if media.name == "walker.ts")
        rows = [row for row in store.table("hits").to_pylist() if row["media_id"] == clip]
        first = min(rows, key=lambda row: row["media_t_ns"])
        thing = str(first["track_id"])
        order = PackOrder(
            selection=ThingSelection(thing_ids=(thing,), singles=True), asked={}, to="court",
            signers=signers, unredacted=True, clips_around_s=0.6,
        )  # fmt: skip
        pack(Consultation(store=store, purpose=Purpose(case="7", reason="r")), order, tmp_path / "p")
        logged = [leaf.body for leaf in store.leaves() if leaf.kind is LeafKind.EXPORT]
    assert logged[-1]["clips_around_s"] == 0.6
    (told,) = json.loads((tmp_path / "p" / "clips" / "clips.json").read_text())
    with read_video(tmp_path / "p" / told["file"]) as reader:
        shown = [frame.pts_s for frame in reader.frames()]
        assert reader.klv_packets == told["klv_packets"] > 0
    assert told["recording"] == "walker.ts"
    with read_video(film) as reader:
        whole = [frame.pts_s for frame in reader.frames()]
    first = whole.index(shown[0])
    assert len(rows) == 4  # pictures 5 to 8, half a second apart; 0.6 s on either side take in one more each
    assert 0 < first <= 4  # it begins with a picture that decodes without others
    assert shown == whole[first:10]
    assert told["pictures"] == len(shown)
    assert not list((tmp_path / "p").rglob("originals/*.ts"))
    status, said = verified(bare_python, tmp_path / "p", made / "ana.pub", made / "ben.pub")
    assert status == 0
    assert "rests on: its makers' word that 1 clips are cut" in said


def test_an_encrypted_operation_packs_like_any_other(made, bare_python):
    assert verified(bare_python, made / "closed-unredacted", made / "ana.pub", made / "ben.pub")[0] == 0
    sha256 = hashlib.sha256((made / "clip.ts").read_bytes()).hexdigest()
    assert (made / "closed-unredacted" / "originals" / f"{sha256}.ts").is_file()


def test_the_document_is_made_from_the_package_alone(made, tmp_path):
    copy = shutil.copytree(made / "op-redacted", tmp_path / "copy")
    pdf = (copy / "report.pdf").read_bytes()
    (copy / "report.pdf").unlink()
    assert render_report(copy) == pdf
    contents = json.loads((copy / "contents.json").read_text())
    contents["purpose"]["case"] = "another"
    (copy / "contents.json").write_text(json.dumps(contents))
    assert render_report(copy) != pdf
    assert pdf.startswith(b"%PDF")


def test_each_page_of_the_document_ends_with_its_number(made):
    """The lines of text and their places are taken from the page's own drawing (ISO 32000-1, 9.4: Td and Tj)."""
    pdf = render_report(made / "op-redacted")
    drawn = [zlib.decompress(data) for data in re.findall(rb"stream\n(x.*?)\nendstream", pdf, re.DOTALL)]
    pages = [found for data in drawn if (found := re.findall(rb"BT (\S+) (\S+) Td .*? ET", data, re.DOTALL))]
    assert len(pages) == len(re.findall(rb"/Type /Page\b", pdf)) > 1
    for places in pages:
        low = [float(x) for x, y in places if 0.0 < float(y) < 12.0 / 25.4 * 72.0]
        assert len(low) == 1, "one line within twelve millimetres of the lower edge"
        assert low[0] > 150.0 / 25.4 * 72.0, "at its right"


def test_every_record_of_the_package_is_told_in_the_document(made, tmp_path):
    copy = shutil.copytree(made / "op-redacted", tmp_path / "copy")
    pdf, told = render_report(copy), set()
    expected = {(LeafKind.MEDIA, "name"), (LeafKind.MEDIA, "id"), (LeafKind.RUN, "run_id"), (LeafKind.RUN, "state")}
    expected |= {(LeafKind.VERDICT, "hit_ids"), (LeafKind.VERDICT, "note")}
    for path in sorted((copy / "records").glob("*.json")):
        kept = path.read_bytes()
        leaf = decode(kept)
        for name, value in leaf.body.items():
            if (leaf.kind, name) in expected:
                path.write_bytes(encode(dataclasses.replace(leaf, body={**leaf.body, name: f"{value} otherwise"})))
                told |= {(leaf.kind, name)} if render_report(copy) != pdf else set()
        path.write_bytes(kept)
    assert told == expected


def test_an_unredacted_package_needs_two_people(made, night, tmp_path):
    clock = night.clock()
    ana = new_key(tmp_path / "a.key", "ana", passphrase=None, clock=clock)
    same = new_key(tmp_path / "b.key", "ana", passphrase=None, clock=clock)
    for signers in ((ana,), (ana, ana), (ana, same)):
        with pytest.raises(ApprovalError, match="two people") as refused:
            PackOrder(selection=ThingSelection(singles=True), asked={}, to="x", signers=signers, unredacted=True)
        assert refused.value.exit_status == 3


def test_a_verifier_is_not_content_with_one_signature_on_an_unredacted_package(made, tmp_path, night):
    copy = shutil.copytree(made / "op-unredacted", tmp_path / "copy")
    manifest = json.loads((copy / "manifest.json").read_text())
    from operations.signing.signer import Signer

    ana = Signer.read(made / "ana.key", None, night.clock())
    for keys in ([ana.keys_text], [ana.keys_text, ana.keys_text]):
        data = json.dumps(manifest | {"keys": keys}).encode()
        (copy / "manifest.json").write_bytes(data)
        text = f"vedette evidence package\n{manifest['operation']}\n{hashlib.sha256(data).hexdigest()}\n"
        (copy / "package.note").write_text(ana.note(text))
        assert "needs the signatures of two people" in " ".join(check_package(str(copy))[0])


def test_nothing_leaves_a_copy_that_cannot_be_logged(made, night, tmp_path):
    clock = night.clock()
    ana = new_key(tmp_path / "a.key", "ana", passphrase=None, clock=clock)
    order = PackOrder(selection=ThingSelection(singles=True), asked={}, to="x", signers=(ana,))
    why = Purpose(case="1", reason="r")
    with (
        night.OperationStore.open(made / "op", actor="x", clock=clock, read_only=True) as store,
        pytest.raises(ReadOnlyError, match="not written to"),
    ):
        pack(Consultation(store=store, purpose=why), order, tmp_path / "p")
    assert not (tmp_path / "p").exists()


def test_a_selection_that_fits_nothing_packs_nothing(made, night, tmp_path):
    shutil.copytree(made / "op", tmp_path / "op")
    ana = new_key(tmp_path / "a.key", "ana", passphrase=None, clock=night.clock())
    order = PackOrder(selection=ThingSelection(classes=("tank",)), asked={}, to="x", signers=(ana,))
    with night.OperationStore.open(tmp_path / "op", actor="x", clock=night.clock()) as store:
        with pytest.raises(InputError, match="nothing in this operation fits"):
            pack(Consultation(store=store, purpose=Purpose(case="1", reason="r")), order, tmp_path / "p")
        assert not [leaf for leaf in store.leaves() if leaf.kind is LeafKind.EXPORT][2:]


def test_pictures_show_the_hit_and_nothing_around_it():
    frame = np.full((200, 300, 3), 255, np.uint8)
    for box in ((100, 80, 140, 150), (0, 0, 30, 40), (270, 170, 300, 200), (150, 100, 154, 106)):
        chip = cut_chip(frame, box)
        seen = np.asarray(Image.open(io.BytesIO(redact_chip(chip, box))).convert("L"))
        whole = np.asarray(Image.open(io.BytesIO(chip)).convert("L"))
        assert seen.shape == whole.shape
        white = (seen > 220).mean()
        assert 0.02 < white < 0.75, box
        assert (abs(seen.astype(int) - 128) < 20).any()


def test_a_picture_outside_the_hit_tells_nothing_of_what_was_there():
    one, other = (np.random.default_rng(seed).integers(0, 255, (200, 300, 3), dtype=np.uint8) for seed in (1, 2))
    other[60:170, 80:160] = one[60:170, 80:160]  # the hit, a margin and what JPEG blocks share with it
    box = (100, 80, 140, 150)
    whole = [cut_chip(frame, box) for frame in (one, other)]
    assert whole[0] != whole[1]
    first, second = (np.asarray(Image.open(io.BytesIO(redact_chip(chip, box))).convert("L")) for chip in whole)
    assert np.abs(first[:2].astype(int) - 128).max() < 12
    assert np.abs(second[:2].astype(int) - 128).max() < 12


def change(package, chance):
    """Change one thing of a package as somebody would who cannot sign; returns what, and how to put it back."""
    files = sorted(path for path in package.rglob("*") if path.is_file() and path.name != "verify.py")
    path = chance.choice(files)
    data = path.read_bytes()
    kind = chance.randrange(6)
    if kind == 0:
        path.unlink()
    elif kind == 1:
        path.write_bytes(data[: chance.randrange(len(data))])
    elif kind == 2:
        path.write_bytes(data + b" ")
    elif kind == 3:
        other = chance.choice(files).read_bytes()
        path.write_bytes(other)
        if other == data:
            path.write_bytes(data + b"x")
    else:
        place = chance.randrange(len(data))
        flipped = bytearray(data)
        flipped[place] ^= 1 << chance.randrange(8)
        path.write_bytes(bytes(flipped))
    return f"{kind} {path.name}", path, data


def go_through(package, keys, seed, count):
    chance = random.Random(seed)
    for _ in range(count):
        told, path, data = change(package, chance)
        wrong, _, _ = check_package(str(package), keys)
        path.write_bytes(data)
        assert wrong, f"seed {seed}: {told} is not named"
    assert check_package(str(package), keys)[0] == []


@pytest.mark.parametrize("seed", range(2))
def test_every_change_in_a_package_is_named(made, tmp_path, seed):
    package = shutil.copytree(made / "op-redacted", tmp_path / "package")
    go_through(package, [(made / "ana.pub").read_text()], seed, CHANGES // 20)


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("seed", range(100, 110))
def test_every_one_of_many_changes_in_a_package_is_named(made, tmp_path, seed):
    package = shutil.copytree(made / "op-redacted", tmp_path / "package")
    go_through(package, [(made / "ana.pub").read_text()], seed, ALL_CHANGES // 20)


def test_a_package_that_its_own_maker_signs_anew_shows_against_the_others_key_and_the_anchor(made, tmp_path, night):
    """Whoever holds a key can sign anything with it; with another's key in hand it does not pass."""
    copy = shutil.copytree(made / "op-redacted", tmp_path / "copy")
    mallory = new_key(tmp_path / "m.key", "ana", passphrase=None, clock=night.clock())
    manifest = json.loads((copy / "manifest.json").read_text()) | {"keys": [mallory.keys_text]}
    (copy / "head.note").write_text(mallory.note((copy / "head.note").read_text().split("\n\n")[0] + "\n"))
    manifest["files"]["head.note"] = hashlib.sha256((copy / "head.note").read_bytes()).hexdigest()
    data = json.dumps(manifest).encode()
    (copy / "manifest.json").write_bytes(data)
    text = f"vedette evidence package\n{manifest['operation']}\n{hashlib.sha256(data).hexdigest()}\n"
    (copy / "package.note").write_text(mallory.note(text))
    wrong, _, rests = check_package(str(copy))
    assert not wrong  # a key of the same name is as good as any, as long as nobody compares it
    assert any("really theirs" in sentence for sentence in rests)
    wrong, _, _ = check_package(str(copy), [(made / "ana.pub").read_text()])
    assert "not by the key given" in " ".join(wrong)


def test_an_original_that_was_exchanged_shows_even_where_everything_is_signed_anew(made, tmp_path, night):
    """Whatever its hash: one that sorts before the sealed one, and one that sorts after it."""
    from operations.signing.signer import Signer

    signers = [Signer.read(made / f"{name}.key", None, night.clock()) for name in ("ana", "ben")]
    copy = shutil.copytree(made / "op-unredacted", tmp_path / "copy")
    manifest = json.loads((copy / "manifest.json").read_text())
    name = next(name for name in manifest["files"] if name.startswith("originals/"))
    others = {hashlib.sha256(data).hexdigest(): data for data in (b"%d" % number for number in range(40))}
    for sha256 in (min(others), max(others)):
        (copy / name).write_bytes(others[sha256])
        data = json.dumps(manifest | {"files": manifest["files"] | {name: sha256}}).encode()
        (copy / "manifest.json").write_bytes(data)
        text = f"vedette evidence package\n{manifest['operation']}\n{hashlib.sha256(data).hexdigest()}\n"
        (copy / "package.note").write_text(f"{text}\n" + "".join(signer.sign(text) for signer in signers))
        wrong, _, _ = check_package(str(copy), [signer.keys_text for signer in signers])
        assert wrong == [f"{name} is not what the log says was sealed"]
    assert min(others) < manifest["files"][name] < max(others)


def test_a_record_that_is_not_of_the_log_shows_even_where_everything_is_signed_anew(made, tmp_path, night):
    """The maker holds the signing key; the log's root, which others may have, still does not fit."""
    from operations.signing.signer import Signer

    copy = shutil.copytree(made / "op-redacted", tmp_path / "copy")
    ana = Signer.read(made / "ana.key", None, night.clock())
    path = next(p for p in (copy / "records").iterdir() if json.loads(p.read_bytes())["kind"] == "verdict")
    path.write_bytes(path.read_bytes().replace(b"confirmed", b"dismissed", 1))
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["files"][f"records/{path.name}"] = hashlib.sha256(path.read_bytes()).hexdigest()
    data = json.dumps(manifest).encode()
    (copy / "manifest.json").write_bytes(data)
    text = f"vedette evidence package\n{manifest['operation']}\n{hashlib.sha256(data).hexdigest()}\n"
    (copy / "package.note").write_text(ana.note(text))
    wrong, _, _ = check_package(str(copy), [ana.keys_text])
    assert wrong == [f"record {int(path.stem)} is not in the log that the head is of"]
