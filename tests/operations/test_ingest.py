from __future__ import annotations

import shutil
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from detection.values import Detections
from geo.errors import VedetteError
from geo.terrain import FlatTerrain
from geo.terrain_file import read_terrain
from geo.terrain_plane import UnknownGround
from operations.ingest import IngestSettings, ingest
from operations.seal_file import seal_problems
from operations.store import OperationStore
from telemetry.klv import encode
from telemetry.videos.stream_writer_file import StreamWriter

T0_NS = 1_767_225_600_000_000_000
FRAMES = 8


class CentreBox:
    """A detector that finds one person in the middle of every picture; may die at a given picture."""

    class_names = ("person",)

    def __init__(self, dies_at=None):
        self.seen, self.dies_at = 0, dies_at

    def detect(self, images):
        self.seen += 1
        if self.seen == self.dies_at:
            raise OSError(28, "No space left on device", "hits.parquet")
        height, width = images[0].shape[:2]
        box = [width / 2 - 4, height / 2 - 10, width / 2 + 4, height / 2 + 10]
        return [
            Detections(
                boxes_px=np.array([box], np.float32), classes=np.zeros(1, np.int64), scores=np.array([0.9], np.float32)
            )
        ]


def klv(row):
    return encode(
        {
            2: (T0_NS + row * 500_000_000) // 1000,
            5: 90.0,
            90: 0.0,
            91: 0.0,
            13: 50.0,
            14: 8.0 + row * 1e-4,
            75: 300.0,
            16: 32.0,
            17: 25.8,
            18: 0.0,
            19: -45.0,
            20: 0.0,
            65: 19,
        }
    )


@pytest.fixture
def clip(tmp_path, rng):
    path = tmp_path / "clip.ts"
    with StreamWriter(path, width_px=320, height_px=256, fps=Fraction(2)) as writer:
        for row in range(FRAMES):
            image = rng.integers(0, 255, (256, 320, 3), dtype=np.uint8)
            writer.write(image, T0_NS + row * 500_000_000, klv(row))
    return path


@pytest.fixture
def settings():
    return IngestSettings(terrain=FlatTerrain(height_m=100.0))


def run(store, source, settings, detector=None):
    return ingest(source, store=store, detector=detector or CentreBox(), model="centre box", settings=settings)


def state(store):
    """Return everything that was derived, without what depends on the wall clock."""
    return store.hits(), store.tracks(), store.frames(), sorted(store.chips())


def test_a_clip_becomes_placed_hits_tracks_frames_and_chips(store, clip, settings):
    record = run(store, clip, settings)
    assert (record.frames, record.frames_with_pose, record.klv_packets) == (FRAMES, FRAMES, FRAMES)
    assert (record.klv_bad_checksum, record.partial, record.problems) == (0, False, ())
    hits = store.hits()
    assert len(hits) == FRAMES
    assert all(hit.reason is None for hit in hits)
    # 200 m above flat ground at 45 degrees: about 200 m east of the camera, 283 m of slant
    assert hits[0].lat_deg == pytest.approx(50.0, abs=2e-4)
    assert hits[0].lon_deg == pytest.approx(8.0 + 200 / 71_700, abs=3e-4)
    assert hits[0].slant_m == pytest.approx(283, abs=20)
    assert len(store.chips()) == FRAMES
    assert store.frames()[0].footprint_lon_lat


def test_the_same_bytes_twice_are_stored_once(store, clip, settings):
    first = run(store, clip, settings)
    again = run(store, clip.rename(clip.with_name("other-name.ts")), settings)
    assert again == first
    assert len(store.media()) == 1
    assert len(store.hits()) == FRAMES
    assert store.audit_log()[-1].action == "media offered again"


def test_a_run_cut_short_registers_nothing_and_the_next_gives_the_same_end_state(store, clip, settings, tmp_path):
    with pytest.raises(OSError, match="No space"):
        run(store, clip, settings, CentreBox(dies_at=4))
    assert store.media() == []
    assert store.hits() == []
    run(store, clip, settings)
    with OperationStore.create(tmp_path / "undisturbed", name="n", actor="a", clock=store.clock) as other:
        run(other, clip, settings)
        assert state(other) == state(store)
    assert seal_problems(store) == ()
    assert not list(store.path.rglob("*.part"))


def test_without_ground_every_hit_says_so(store, clip):
    run(store, clip, IngestSettings(terrain=UnknownGround()))
    assert {str(hit.reason) for hit in store.hits()} == {"no terrain"}


def test_half_a_clip_is_read_as_far_as_it_goes_and_marked_partial(store, clip, settings):
    data = clip.read_bytes()
    half = clip.with_name("half.ts")
    half.write_bytes(data[: len(data) // 2])
    record = run(store, half, settings)
    assert 0 < record.frames < FRAMES
    assert record.partial
    assert record.problems


def test_a_file_that_is_no_video_registers_nothing(store, tmp_path, settings):
    bad = tmp_path / "bad.ts"
    bad.write_bytes(b"this is a letter, not a film. " * 100)
    with pytest.raises(VedetteError):
        run(store, bad, settings)
    assert store.media() == []


def test_a_folder_of_pictures_without_poses_gives_unplaced_hits_with_their_reason(store, tmp_path, settings, rng):
    card = tmp_path / "card"
    card.mkdir()
    for number in range(3):
        Image.fromarray(rng.integers(0, 255, (64, 80, 3), dtype=np.uint8)).save(card / f"{number}.jpg")
    record = run(store, card, settings)
    assert record.kind == "pictures"
    assert record.frames == 3
    assert {str(hit.reason) for hit in store.hits()} == {"no pose within 0.5 s"}


def test_every_klv_packet_of_a_real_stream_is_decoded(store, settings, shared_data):
    record = run(store, shared_data / "klv" / "jmisb" / "generator_output.mpeg", settings)
    assert record.klv_packets == 1350
    assert record.klv_bad_checksum == 0
    assert record.frames_with_pose > 0.99 * record.frames


def test_a_real_picture_with_its_own_pose_and_lens_is_placed_on_real_terrain(store, tmp_path, shared_data):
    photos = shared_data / "photos" / "openathena"
    card = tmp_path / "card"
    card.mkdir()
    shutil.copy(photos / "skydio-catilina.jpg", card)
    ground = read_terrain(photos / "skydio-catilina-dem.tiff")
    record = run(store, card, IngestSettings(terrain=ground))
    assert record.frames_with_pose == 1
    (hit,) = store.hits()
    assert hit.reason is None
    assert 0 < hit.ce90_m < 200
    assert store.frames()[0].footprint_lon_lat
