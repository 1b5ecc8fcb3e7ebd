from __future__ import annotations

import io
import threading

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from detection.ground_hits import GroundHits
from detection.ground_tracks import CONTRAST, SIZES, GroundTrack, GroundTracks
from detection.labels import Labels
from operations.columns import hits_table, tracks_of, tracks_table
from operations.errors import DamagedError
from operations.parts_file import ROW_GROUP_ROWS, part_is_sound, part_name, read_part, write_part
from operations.staging import PARTS
from operations.values import PartRecord
from operations.vault.key_ring import KeyRing, Secret
from operations.vault.key_vault import KeyVault
from operations.vault.vault import PlainVault

COUNT = 3 * ROW_GROUP_ROWS + 7
RUN = "0" * 16


@pytest.fixture(params=["plain", "encrypted"])
def vault(request):
    return PlainVault() if request.param == "plain" else KeyVault(KeyRing.create(Secret(value=b"x" * 32)))


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(20260101)
    unknown = np.full(COUNT, np.nan, np.float32)
    lat = 50 + rng.random(COUNT)
    lat[::10] = np.nan
    hits = GroundHits(
        hit_id=np.char.mod("%012x", np.arange(COUNT)).astype("S20"),
        media=Labels.repeated("m", COUNT),
        stream=np.zeros(COUNT, np.int16),
        frame_index=np.arange(COUNT),
        media_t_ns=np.arange(COUNT),
        t_utc_ns=rng.integers(10**18, 2 * 10**18, COUNT),
        class_name=Labels(names=("person", "vehicle", "unused"), codes=(np.arange(COUNT) % 2).astype(np.int32)),
        score_raw=rng.random(COUNT).astype(np.float32),
        score=unknown,
        box_px=np.zeros((COUNT, 4), np.float32),
        lat_deg=lat,
        lon_deg=np.where(np.isnan(lat), np.nan, 8 + rng.random(COUNT)),
        alt_hae_m=unknown,
        var_e_m2=unknown,
        var_n_m2=unknown,
        cov_en_m2=unknown,
        ce90_m=unknown,
        slant_m=unknown,
        contrast=unknown,
        reason_code=np.where(np.isnan(lat), 1, 0).astype(np.int8),
        track=Labels.repeated("", COUNT),
    )
    return hits_table(hits, run_id=RUN)


@pytest.fixture
def written(tmp_path, rows, vault):
    name = part_name(RUN, "hits", 0)
    (tmp_path / name).parent.mkdir(parents=True)
    blank = PartRecord(run_id=RUN, table="hits", file=name, size_bytes=0, sha256="", rows=0)
    return tmp_path, write_part(rows, tmp_path / name, final=tmp_path / name, vault=vault, record=blank)


def test_every_row_comes_back_and_its_record_says_what_they_are(written, rows, vault):
    folder, part = written
    back = read_part(folder, part, vault=vault)
    assert back.schema.equals(rows.schema)
    assert back.sort_by("hit_id").to_pydict() == rows.sort_by("hit_id").to_pydict()
    lat, t_ns = rows["lat_deg"].to_numpy(), rows["t_utc_ns"].to_numpy()
    assert (part.rows, part.classes) == (COUNT, ("person", "vehicle"))
    assert part.bbox_deg[0] == np.nanmin(lat)
    assert part.bbox_deg[2] == np.nanmax(lat)
    assert part.t_utc_ns == (t_ns.min(), t_ns.max())
    assert part_is_sound(folder, part, vault=vault)


class _Watched(io.BufferedReader):
    """Notes which threads read it."""

    def __init__(self, path, threads):
        super().__init__(io.FileIO(path))
        self._threads = threads

    def read(self, size=-1):
        self._threads.add(threading.get_ident())
        return super().read(size)


def test_a_part_is_read_by_the_thread_that_asks(tmp_path, rows):
    """Threads of Arrow that read through a Python file abort the process now and then as it ends."""
    threads = set()

    class Vault(PlainVault):
        def reader(self, path):
            return _Watched(path, threads)

    name = part_name(RUN, "hits", 0)
    (tmp_path / name).parent.mkdir(parents=True)
    blank = PartRecord(run_id=RUN, table="hits", file=name, size_bytes=0, sha256="", rows=0)
    part = write_part(rows, tmp_path / name, final=tmp_path / name, vault=Vault(), record=blank)
    assert read_part(tmp_path, part, vault=Vault()).num_rows == COUNT
    assert threads == {threading.get_ident()}


def test_row_groups_are_small_and_each_is_a_piece_of_the_ground(written, vault):
    folder, part = written
    with vault.reader(folder / part.file) as stream:
        about = pq.ParquetFile(stream).metadata
        groups = [about.row_group(i) for i in range(about.num_row_groups)]
        assert [group.num_rows for group in groups] == [ROW_GROUP_ROWS] * 3 + [7]
        names = about.schema.names
        boxes = [[group.column(names.index(name)).statistics for name in ("lat_deg", "lon_deg")] for group in groups]
        areas = [(lat.max - lat.min) * (lon.max - lon.min) for lat, lon in boxes[:2]]
    assert max(areas) < 0.8


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "missing", "other"])
def test_a_damaged_part_is_not_sound_and_is_named_when_it_cannot_be_read(written, vault, damage):
    folder, part = written
    path = folder / part.file
    data = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        middle = len(data) // 2
        flipped = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
        path.write_bytes({"flip": flipped, "cut": data[:-1], "empty": b"", "other": b"PAR1 no" * 9}[damage])
    assert not part_is_sound(folder, part, vault=vault)
    if damage != "flip":  # a flipped bit may be in a value, which only the hash tells
        with pytest.raises(DamagedError, match=r"hits-0000\.parquet.*ingest its recording again"):
            read_part(folder, part, vault=vault)


def test_a_part_of_before_a_column_was_added_goes_with_a_newer_one(tmp_path, vault):
    """Sizes of tracks that nobody measured are unknown."""
    (tmp_path / PARTS / RUN).mkdir(parents=True)
    parts, blank = [], GroundTrack(
        track_id="T1", class_name="person", t_utc_ns=(1,), lat_deg=(50.0,), lon_deg=(8.0,), ce90_m=(9.0,),
        speed_mps=1.0, heading_deg=0.0, hit_ids=("a",), height_ln=0.25, height_ln_var=0.5, width_ln=0.5,
        width_ln_var=0.25,
    )  # fmt: skip
    whole = tracks_table(GroundTracks.of([blank]), run_id=RUN)
    for number, rows in enumerate([whole, whole.drop_columns([*SIZES, *CONTRAST])]):
        name = part_name(RUN, "tracks", number)
        record = PartRecord(run_id=RUN, table="tracks", file=name, size_bytes=0, sha256="", rows=0)
        parts.append(write_part(rows, tmp_path / name, final=tmp_path / name, vault=vault, record=record))
    back = tracks_of(pa.concat_tables([read_part(tmp_path, part, vault=vault) for part in parts]))
    assert back.width_ln[0] == 0.5
    assert all(np.isnan(getattr(back, name)[1]) for name in (*SIZES, *CONTRAST))
