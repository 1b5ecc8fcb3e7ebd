from __future__ import annotations

import dataclasses
import hashlib
import os
import shutil
import subprocess

import duckdb
import numpy as np
import pytest
from PIL import Image

from geo.errors import InputError, VedetteError
from geo.terrain import FlatTerrain
from geo.terrain_file import read_terrain
from geo.terrain_plane import UnknownGround
from operations.errors import DamagedError, MediumBusyError
from operations.ingest import IngestSettings
from operations.log.leaves import LeafKind
from operations.store import OperationStore
from operations.values import Decision, Verdict
from operations.vault.errors import SecretError
from operations.vault.key_ring import Secret
from operations.verify import verify

FRAMES = 8


def state(store):
    """Return everything that was derived, in an order of its own, without what depends on the wall clock."""
    hits = sorted((hit.frame_index, hit.hit_id, hit.lat_deg, hit.track_id) for hit in store.hits())
    frames = [(frame.frame_index, frame.lat_deg, frame.footprint_lon_lat) for frame in store.frames()]
    files = sorted(p.relative_to(store.path).as_posix() for p in store.path.rglob("*") if p.is_file())
    return hits, [track.track_id for track in store.tracks()], frames, sorted(store.chips()), files


def test_a_clip_becomes_placed_hits_tracks_frames_and_chips(store, clip, read_in):
    done = read_in(store, clip)
    counts = done.run.counts
    assert (counts["frames"], counts["frames_with_pose"], counts["klv_packets"]) == (FRAMES, FRAMES, FRAMES)
    assert (counts["klv_bad_checksum"], done.run.partial, done.run.problems) == (0, False, ())
    hits = store.hits()
    assert len(hits) == FRAMES
    assert hits.placed.all()
    # 200 m above flat ground at 45 degrees: about 200 m east of the camera, 283 m of slant
    first = hits[int(np.argmin(hits.t_utc_ns))]
    assert first.lat_deg == pytest.approx(50.0, abs=2e-4)
    assert first.lon_deg == pytest.approx(8.0 + 200 / 71_700, abs=3e-4)
    assert first.slant_m == pytest.approx(283, abs=20)
    assert len(store.chips()) == FRAMES
    assert store.frames()[0].footprint_lon_lat
    assert verify(store.path).findings == ()


def test_other_tools_read_the_parts(store, clip, read_in):
    done = read_in(store, clip)
    asked = f"SELECT count(*), min(run_id), max(media_id), sum(score_raw) FROM '{store.path}/parts/*/hits-*.parquet'"
    with duckdb.connect() as engine:
        (rows,) = engine.execute(asked).fetchall()
    assert rows[:3] == (FRAMES, done.run.run_id, done.media.id)
    assert rows[3] == pytest.approx(0.9 * FRAMES, rel=1e-6)


def test_the_same_bytes_twice_are_stored_once(store, clip, read_in):
    first = read_in(store, clip)
    size = store.head().size
    again = read_in(store, clip.rename(clip.with_name("other-name.ts")))
    assert again.known
    assert (again.media, again.run) == (first.media, first.run)
    assert len(store.media()) == 1
    assert len(store.hits()) == FRAMES
    (noted,) = store.leaves(size)
    assert (noted.kind, noted.body["name"]) == (LeafKind.ATTEMPT, "other-name.ts")


def test_two_cards_with_one_name_are_both_kept(store, make_clip, read_in, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        read_in(store, make_clip(f"{folder}/DJI_0001.ts", 3))
    assert [record.name for record in store.media()] == ["DJI_0001.ts"] * 2
    assert len({record.id for record in store.media()}) == 2


def test_a_run_cut_short_registers_nothing_and_the_next_gives_the_same_end_state(
    store, clip, read_in, tmp_path, centre_box
):
    with pytest.raises(OSError, match="No space"):
        read_in(store, clip, detector=centre_box(dies_at=4))
    assert store.media() == []
    assert len(store.hits()) == 0
    assert not [p for p in store.path.rglob("*") if p.is_file() and p.parent != store.path]
    read_in(store, clip)
    with OperationStore.create(tmp_path / "undisturbed", name="n", actor="a", clock=store.clock) as other:
        read_in(other, clip)
        assert state(other) == state(store)
    assert verify(store.path).findings == ()


def test_without_ground_every_hit_says_so(store, clip, read_in):
    read_in(store, clip, settings=IngestSettings(terrain=UnknownGround()))
    assert store.hits().reasons() == {"no terrain": FRAMES}


def test_half_a_clip_is_read_as_far_as_it_goes_and_marked_partial(store, clip, read_in):
    data = clip.read_bytes()
    half = clip.with_name("half.ts")
    half.write_bytes(data[: len(data) // 2])
    run = read_in(store, half).run
    assert 0 < run.counts["frames"] < FRAMES
    assert run.partial
    assert any("half.ts" in problem for problem in run.problems)


def test_a_file_that_is_no_video_registers_nothing(store, tmp_path, read_in):
    bad = tmp_path / "bad.ts"
    bad.write_bytes(b"this is a letter, not a film. " * 100)
    with pytest.raises(VedetteError):
        read_in(store, bad)
    assert store.media() == []
    assert list((store.path / "media").iterdir()) == []


def pictures(folder, rng, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (64, 80, 3), dtype=np.uint8)).save(path)
    return folder


def test_a_folder_of_pictures_without_poses_gives_unplaced_hits_with_their_reason(store, tmp_path, read_in, rng):
    done = read_in(store, pictures(tmp_path / "card", rng, "0.jpg", "1.jpg", "2.jpg"))
    assert done.media.kind == "pictures"
    assert done.run.counts["frames"] == 3
    assert store.hits().reasons() == {"no pose within 0.5 s": 3}


def test_a_card_is_taken_whole_but_for_links_and_pipes_and_its_id_is_what_sha256sum_gives(
    store, tmp_path, read_in, rng
):
    card = pictures(tmp_path / "card", rng, "DCIM/100/a.jpg", "DCIM/101/a.jpg", "b\\n\n.jpg")
    shutil.copy(card / "DCIM/100/a.jpg", card / "the same.jpg")
    (card / "link.jpg").symlink_to("/etc/passwd")
    os.mkfifo(card / "pipe.jpg")
    done = read_in(store, card)
    assert done.run.counts["frames"] == 4
    assert [p for p in done.run.problems if "link" in p] == ["link.jpg is a symbolic link and was not followed"]
    assert any(p.startswith("pipe.jpg is no file") for p in done.run.problems)
    assert len(list((store.path / "media").iterdir())) == 3
    names = sorted(p.relative_to(card).as_posix() for p in card.rglob("*") if p.is_file() and not p.is_symlink())
    lines = subprocess.run(["sha256sum", *names], cwd=card, capture_output=True, check=True).stdout
    assert done.media.id == hashlib.sha256(lines).hexdigest()
    assert read_in(store, card).known


def test_every_klv_packet_of_a_real_stream_is_decoded(store, read_in, settings, shared_data):
    seldom = dataclasses.replace(settings, every_s=6.0)
    counts = read_in(store, shared_data / "klv" / "jmisb" / "generator_output.mpeg", settings=seldom).run.counts
    assert counts["frames"] == 15
    assert counts["klv_packets"] == 1350
    assert counts["klv_bad_checksum"] == 0
    assert counts["frames_with_pose"] == 15


def test_a_real_picture_with_its_own_pose_and_lens_is_placed_on_real_terrain(store, tmp_path, shared_data, read_in):
    photos = shared_data / "photos" / "openathena"
    card = tmp_path / "card"
    card.mkdir()
    shutil.copy(photos / "skydio-catilina.jpg", card)
    ground = read_terrain(photos / "skydio-catilina-dem.tiff")
    done = read_in(store, card, settings=IngestSettings(terrain=ground, person_min_px=0.0))
    assert done.run.counts["frames_with_pose"] == 1
    (hit,) = store.hits()
    assert hit.reason is None
    assert 0 < hit.ce90_m < 200
    assert store.frames()[0].footprint_lon_lat


@pytest.mark.parametrize("damage", ["missing", "changed", "emptied"])
def test_a_derived_part_that_is_damaged_is_named_until_the_clip_is_offered_again(store, clip, read_in, damage):
    read_in(store, clip)
    before = state(store)
    part = next(store.path.glob("parts/*/hits-0000.parquet"))
    if damage == "missing":
        part.unlink()
    else:
        part.write_bytes(b"" if damage == "emptied" else part.read_bytes()[:-9] + b"\0" * 9)
    assert any("hits-0000" in finding.sentence for finding in verify(store.path).findings)
    with pytest.raises(DamagedError, match=r"hits-0000.* ingest its recording again"):
        store.hits()
    done = read_in(store, clip)
    assert done.known
    assert done.made_again == (part.relative_to(store.path).as_posix(),)
    assert state(store) == before
    assert verify(store.path).findings == ()
    assert [leaf.body.get("made_again") for leaf in store.leaves()][-1] == list(done.made_again)


def test_a_damaged_part_is_not_made_again_with_other_settings_than_its_run_had(store, clip, read_in):
    read_in(store, clip)
    next(store.path.glob("parts/*/hits-0000.parquet")).unlink()
    with pytest.raises(DamagedError, match="made with other settings"):
        read_in(store, clip, model="another")
    assert len(store.runs()) == 1


def test_an_original_that_is_missing_or_changed_is_put_back_by_offering_it_again(store, clip, read_in):
    read_in(store, clip)
    kept = next((store.path / "media").iterdir())
    kept.write_bytes(kept.read_bytes()[:-1] + b"x")
    assert verify(store.path).findings
    assert read_in(store, clip).made_again == (f"media/{kept.name}",)
    assert kept.read_bytes() == clip.read_bytes()
    assert verify(store.path).findings == ()


def verdict(store, run, decision=Decision.CONFIRMED, **what):
    value = Verdict(verdict_id=f"v{store.head().size}", run_id=run.run_id, decision=decision, **what)
    store.append(LeafKind.VERDICT, value.verdict_id, value.body())
    return value


def test_a_redone_run_replaces_the_one_before_which_stays_with_its_verdicts(store, clip, read_in, centre_box, settings):
    first = read_in(store, clip)
    track_id = store.tracks().track_id[0]
    judged = verdict(store, first.run, track_id=track_id, note="two people", reason="seen")
    lower = dataclasses.replace(settings, terrain=FlatTerrain(height_m=60.0), terrain_identity="flat at 60 m")
    second = read_in(store, clip, settings=lower, redo=True)
    assert second.run.supersedes == first.run.run_id
    assert [run.run_id for run in store.runs()] == [second.run.run_id]
    assert {run.run_id for run in store.runs(superseded=True)} == {first.run.run_id, second.run.run_id}
    assert len(store.hits()) == FRAMES
    assert len(store.hits(runs=[first.run.run_id])) == FRAMES
    assert store.verdicts(runs=[first.run.run_id]) == [judged]
    (proposed,) = store.verdicts(runs=[second.run.run_id])
    assert (proposed.carried_from, proposed.confirmed) == (judged.verdict_id, False)
    assert (proposed.decision, proposed.note) == (Decision.CONFIRMED, "two people")
    assert proposed.track_id in store.tracks().track_id
    assert (second.verdicts_proposed, second.verdicts_left) == (1, 0)
    assert verify(store.path).findings == ()


def test_a_verdict_whose_track_has_no_counterpart_stays_behind_and_is_counted(
    store, clip, read_in, centre_box, settings
):
    first = read_in(store, clip)
    verdict(store, first.run, track_id=store.tracks().track_id[0])
    far = dataclasses.replace(settings, terrain=FlatTerrain(height_m=-100.0), terrain_identity="200 m lower")
    second = read_in(store, clip, settings=far, detector=centre_box(shift_px=120), redo=True)
    assert (second.verdicts_proposed, second.verdicts_left) == (0, 1)
    assert store.verdicts(runs=[second.run.run_id]) == []


def test_redoing_with_the_same_settings_is_another_run(store, clip, read_in):
    ids = {read_in(store, clip, redo=bool(number)).run.run_id for number in range(3)}
    assert len(ids) == 3
    assert len(store.runs()) == 1


def test_the_same_clip_and_settings_give_the_same_run_in_another_operation(store, clip, read_in, tmp_path):
    with OperationStore.create(tmp_path / "two", name="n", actor="a", clock=store.clock) as other:
        assert read_in(other, clip).run.run_id == read_in(store, clip).run.run_id


def test_a_second_reader_of_one_clip_is_refused_and_the_first_finishes(store, clip, read_in, centre_box, tmp_path):
    refused = []

    def second(frame):
        if frame == 3:
            with (
                OperationStore.open(store.path, actor="b", clock=store.clock) as other,
                pytest.raises(MediumBusyError, match=r"clip\.ts is being read .* by another process"),
            ):
                read_in(other, clip)
            refused.append(frame)

    read_in(store, clip, detector=centre_box(at_each=second))
    assert refused == [3]
    assert len(store.media()) == 1
    assert len(store.hits()) == FRAMES
    assert verify(store.path).findings == ()
    assert list((store.path / "locks").iterdir()) == []


def test_another_clip_and_verdicts_go_in_while_one_is_being_read(store, clip, make_clip, read_in, centre_box):
    short = make_clip("short.ts", 3)

    def beside(frame):
        with OperationStore.open(store.path, actor="b", clock=store.clock) as other:
            other.append(LeafKind.VIEW, "map", {"frame": frame})
            if frame == 3:
                read_in(other, short)

    read_in(store, clip, detector=centre_box(at_each=beside))
    assert [record.name for record in store.media()] == ["short.ts", "clip.ts"]
    assert len(store.hits()) == FRAMES + 3
    assert verify(store.path).findings == ()


def test_two_cards_that_share_a_picture_keep_it_when_one_of_them_fails(store, tmp_path, rng, read_in, centre_box):
    one = pictures(tmp_path / "one", rng, "a.jpg", "b.jpg")
    two = pictures(tmp_path / "two", rng, "c.jpg")
    shutil.copy(one / "a.jpg", two / "a.jpg")

    def other_fails(frame):
        if frame == 1:
            with (
                OperationStore.open(store.path, actor="b", clock=store.clock) as other,
                pytest.raises(OSError, match="No space"),
            ):
                read_in(other, two, detector=centre_box(dies_at=2))

    read_in(store, one, detector=centre_box(at_each=other_fails))
    assert verify(store.path).findings == ()
    assert len(list((store.path / "media").iterdir())) == 2


def test_a_hostile_name_is_data_only(store, clip, read_in):
    named = clip.rename(clip.with_name("x\x1b[31m\n{{7*7}}.t$s"))
    done = read_in(store, named)
    assert done.media.name == named.name
    assert next((store.path / "media").iterdir()).name == done.media.id


def test_an_encrypted_operation_keeps_nothing_in_clear_and_does_all_of_it(
    tmp_path, clock, make_clip, read_in, settings, monkeypatch
):
    secret = Secret(value=bytes(range(32)), from_key_file=True)
    clip = make_clip("the-name-nobody-may-read.ts", 4)
    path = tmp_path / "sealed"
    with OperationStore.create(path, name="the-night", actor="ana", clock=clock, secret=secret) as store:
        first = read_in(store, clip)
        assert read_in(store, clip).known
        next(path.glob("parts/*/hits-0000.parquet")).unlink()
        assert len(read_in(store, clip).made_again) == 1
        other = dataclasses.replace(settings, terrain=FlatTerrain(height_m=60.0), terrain_identity="flat at 60 m")
        assert read_in(store, clip, settings=other, redo=True).run.supersedes == first.run.run_id
        assert len(store.hits()) == 4
        assert verify(path, vault=store.vault).findings == ()
    with pytest.raises(SecretError):
        OperationStore.open(path, actor="a", clock=clock)
    with OperationStore.open(path, actor="a", clock=clock, secret=secret, read_only=True) as store:
        assert (store.name, store.media()[0].name) == ("the-night", clip.name)
    told = [clip.name.encode(), b"the-night", b"person", first.media.id.encode(), b"ana", clip.read_bytes()[1000:1100]]
    for kept in path.rglob("*"):
        if kept.is_file():
            assert not [text for text in told if text in kept.read_bytes()], kept
        assert first.media.id not in kept.name


def test_an_encrypted_operation_refuses_a_clip_that_changes_while_it_is_read(
    tmp_path, clock, clip, read_in, centre_box
):
    secret = Secret(value=bytes(range(32)), from_key_file=True)

    def change(frame):
        if frame == 2:
            clip.write_bytes(clip.read_bytes() + b"more")

    with OperationStore.create(tmp_path / "op", name="n", actor="a", clock=clock, secret=secret) as store:
        with pytest.raises(InputError, match=r"clip\.ts changed while it was read"):
            read_in(store, clip, detector=centre_box(at_each=change))
        assert store.media() == []
        assert list((store.path / "media").iterdir()) == []
