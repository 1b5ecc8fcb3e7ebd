"""Verifying, encrypting and logging beside the plain tool or the plain file, in processor time."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import Row
from detection.model_file import load_detector
from geo.terrain import FlatTerrain
from operations.ingest import IngestJob, IngestSettings, ingest
from operations.log.leaves import LeafKind
from operations.log.merkle import Frontier, leaf_hash
from operations.originals import look_over, seal
from operations.store import OperationStore
from operations.vault import PlainVault
from operations.vault.key_ring import KeyRing, Secret
from operations.vault.key_vault import KeyVault
from operations.verify import verify
from telemetry.klv import encode
from telemetry.videos.stream_writer_file import StreamWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    from operations.vault import Vault

T0_NS = 1_767_225_600_000_000_000
KEY = Secret(value=bytes(range(32)), from_key_file=True)
FILE_BYTES = 256 << 20
CLIP_FRAMES = 60
LEAVES = 100_000


def processor_s(function: Callable[[], object]) -> float:
    """Return the processor time a call takes, children included: other work on the machine does not count."""
    before = _used_s()
    function()
    return _used_s() - before


def _used_s() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def _store(folder: Path, secret: Secret | None) -> OperationStore:
    return OperationStore.create(folder, name="n", actor="a", clock=lambda: T0_NS, secret=secret)


def _film(folder: Path) -> Path:
    path = folder / "clip.ts"
    rng = np.random.default_rng(1)
    with StreamWriter(path, width_px=1280, height_px=720, fps=Fraction(2)) as writer:
        ground = rng.integers(0, 255, (720, 1280 + 8 * CLIP_FRAMES, 3), dtype=np.uint8)
        for row in range(CLIP_FRAMES):
            moment = T0_NS + row * 500_000_000
            tags = {2: moment // 1000, 5: 90.0, 90: 0.0, 91: 0.0, 13: 50.0, 14: 8.0 + row * 1e-4, 75: 300.0, 16: 32.0}
            tags |= {17: 18.0, 18: 0.0, 19: -45.0, 20: 0.0, 65: 19}
            writer.write(np.ascontiguousarray(ground[:, 8 * row : 8 * row + 1280]), moment, encode(tags))
    return path


def _ingest(clip: Path, folder: Path, secret: Secret | None) -> float:
    detector, described = load_detector(None)
    settings = IngestSettings(terrain=FlatTerrain(height_m=100.0))
    shutil.rmtree(folder, ignore_errors=True)

    def read_in() -> None:
        with _store(folder, secret) as store:
            ingest(clip, IngestJob(store=store, detector=detector, model=described, settings=settings))

    return processor_s(read_in)


def _write(vault: Vault, path: Path, piece: bytes) -> float:
    path.unlink(missing_ok=True)
    return processor_s(lambda: vault.write((piece for _ in range(FILE_BYTES // len(piece))), path))


def run() -> list[Row]:
    """Time verifying, encryption and the log."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return [*_files(folder), *_clip(folder), *_log(folder)]


def _files(folder: Path) -> list[Row]:
    piece = os.urandom(1 << 20)
    (folder / "media").mkdir()
    big, megabytes = folder / "media" / "big.ts", FILE_BYTES / 1e6
    plain = min(_write(PlainVault(), big, piece) for _ in range(3))
    tool = min(
        processor_s(lambda: subprocess.run(["sha256sum", big], check=True, capture_output=True)) for _ in range(3)
    )
    card = folder / "card"
    card.mkdir()
    shutil.copy(big, card / "film.ts")
    with _store(folder / "op", None) as store, store.staging() as staging:
        sealed = seal(look_over(card), staging, store.vault)
        staging.publish(sealed.moves(store.path, store.vault))
        store.append(LeafKind.MEDIA, sealed.media.id, sealed.media.body())
    if verify(folder / "op").size_bytes < FILE_BYTES:
        raise RuntimeError("the original was not hashed")
    ours = min(processor_s(lambda: verify(folder / "op")) for _ in range(3))
    vault = KeyVault(KeyRing.create(KEY))
    closed = min(_write(vault, big, piece) for _ in range(3))
    opened = min(processor_s(lambda: vault.read(big)) for _ in range(3))
    goal = "400 MB/s a core"
    return [
        Row(
            what="verify an original",
            ours=megabytes / ours,
            rival=megabytes / tool,
            rival_name="sha256sum",
            unit="MB/s",
            goal=goal,
            higher_is_better=True,
        ),
        Row(
            what="write encrypted",
            ours=megabytes / closed,
            rival=megabytes / plain,
            rival_name="written plain",
            unit="MB/s",
            higher_is_better=True,
        ),
        Row(
            what="read encrypted",
            ours=megabytes / opened,
            rival=megabytes / tool,
            rival_name="sha256sum of it plain",
            unit="MB/s",
            higher_is_better=True,
        ),
    ]


def _clip(folder: Path) -> list[Row]:
    clip = _film(folder)
    times = [(_ingest(clip, folder / "plain", None), _ingest(clip, folder / "closed", KEY)) for _ in range(3)]
    plain, closed = (min(column) for column in zip(*times, strict=True))
    what = f"ingest {clip.stat().st_size / 1e6:.0f} MB, encrypted"
    return [Row(what=what, ours=closed, rival=plain, rival_name="plain", unit="s of processor", goal="0.77 (1.3 x)")]


def _log(folder: Path) -> list[Row]:
    data = [str(number).encode() * 20 for number in range(LEAVES)]

    def grow() -> None:
        Frontier().extend(leaf_hash(one) for one in data)

    def one_by_one() -> None:
        with _store(folder / "log", None) as store:
            for number in range(300):
                store.append(LeafKind.NOTE, f"n{number}", {"number": number})

    return [
        Row(
            what="Merkle tree, leaves",
            ours=LEAVES / processor_s(grow),
            rival=0.0,
            rival_name="-",
            unit="1/s",
            higher_is_better=True,
        ),
        Row(
            what="append a record, synced",
            ours=300 / processor_s(one_by_one),
            rival=0.0,
            rival_name="-",
            unit="1/s of processor",
            higher_is_better=True,
        ),
    ]
