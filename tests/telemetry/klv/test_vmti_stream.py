from __future__ import annotations

import pytest

from telemetry.errors import KlvValueError, MediaError
from telemetry.klv import decode
from telemetry.klv.encode import with_item
from telemetry.klv.klv_file import read_klv
from telemetry.klv.klv_track import utc_ns
from telemetry.klv.vmti import Target, TargetLocation, decode_vmti
from telemetry.videos.video_file import read_video
from telemetry.videos.vmti_stream_file import FrameTargets, write_targets

PLACE = TargetLocation(
    lat_deg=50.0, lon_deg=8.0, alt_hae_m=100.0, sigma_east_m=2.0, sigma_north_m=3.0, sigma_up_m=4.0
)  # fmt: skip


def target(number):
    return Target(number=number, centroid=100 + number, confidence_pct=90, location=PLACE)


def test_an_item_is_added_and_the_rest_stays(golden):
    changed = with_item(golden, 74, b"targets")
    stream = decode(changed)
    assert stream.bad_checksum == 0
    assert stream.blobs(74) == [b"targets"]
    before = decode(golden)
    assert all(stream.columns[tag].values == before.columns[tag].values for tag in before.columns if tag != 1)
    assert with_item(changed, 74, b"others") == with_item(golden, 74, b"others")


@pytest.mark.parametrize("broken", [b"", b"\x06\x0e\x2b\x34", b"x" * 60])
def test_what_is_no_packet_is_refused(broken):
    with pytest.raises(KlvValueError):
        with_item(broken, 74, b"")


def test_targets_travel_with_the_pictures_of_a_copy(shared_data, tmp_path):
    source = shared_data / "klv/kwiver/videos/h264_klv.ts"
    before = read_klv(source)
    moments = utc_ns(before)
    frames = [
        FrameTargets(t_utc_ns=int(moments[3]) + 4_000_000, targets=(target(1), target(2))),
        FrameTargets(t_utc_ns=int(moments[9]), targets=(target(1),)),
        FrameTargets(t_utc_ns=int(moments[9]) - 60_000_000_000, targets=(target(9),)),
    ]
    out = tmp_path / "copy.ts"
    report = write_targets(source, out, frames, width_px=160, height_px=120)
    assert (report.packets, report.packets_with_targets, report.targets, report.left_out) == (30, 2, 3, 1)
    after = read_klv(out)
    assert after.bad_checksum == 0
    assert utc_ns(after).tolist() == moments.tolist()
    found = [decode_vmti(blob) for blob in (after.blobs(74)[3], after.blobs(74)[9])]
    assert [[one.number for one in vmti.targets] for vmti in found] == [[1, 2], [1]]
    assert found[0].targets[0].location.lat_deg == pytest.approx(50.0, abs=1e-6)
    assert found[0].items[3] == "vedette"
    assert after.blobs(74)[5] == before.blobs(74)[5]
    with read_video(source) as old, read_video(out) as new:
        for ours, theirs in zip(new.frames(), old.frames(), strict=True):
            assert (ours.image == theirs.image).all()
            assert ours.t_utc_ns == theirs.t_utc_ns


def test_a_clip_without_klv_takes_no_targets(shared_data, tmp_path):
    with pytest.raises(MediaError, match="nowhere to go"):
        write_targets(
            shared_data / "klv/kwiver/videos/h264_no_klv.ts", tmp_path / "x.ts", [], width_px=160, height_px=120
        )
    assert list(tmp_path.iterdir()) == []
