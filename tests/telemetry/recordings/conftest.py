"""Cards made with PyAV: clips with subtitles beside or inside, transport streams with KLV of every kind of clock."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

START_S = 1_714_557_600  # 2024-05-01T10:00:00Z
FPS = 10


def picture(index, width=160, height=120):
    image = np.full((height, width, 3), 60, dtype=np.uint8)
    left = (index * 3) % (width - 20)
    image[30:90, left : left + 20] = 220
    return image


def cue_times(start_s):
    ms = round(start_s * 1000)
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d},{ms % 1000:03d}"


def cue_text(index, *, gimbal=True, dated=True):
    ms = round(index * 1000 / FPS)
    date = f"2024-05-01 10:00:{ms // 1000:02d}.{ms % 1000:03d}\n" if dated else ""
    place = f"[latitude: {48 + index * 1e-6:.6f}] [longitude: 11.000000] [rel_alt: 100.000 abs_alt: 600.000]"
    angles = f" [gb_yaw: {90 + index * 0.1:.1f} gb_pitch: -45.0 gb_roll: 0.0]" if gimbal else ""
    return f"{date}[iso: 100] [focal_len: 24.00] {place}{angles}"


def write_srt(path, count, *, late_s=0.0, **how):
    """Write subtitles, whose cues may all say that they begin late."""
    times = [cue_times(late_s + i / FPS) for i in range(count + 1)]
    cues = [f"{i + 1}\n{times[i]} --> {times[i + 1]}\n{cue_text(i, **how)}\n\n" for i in range(count)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(cues))
    return path


def write_mp4(path, count, *, texts=None, created=None):
    """Write a clip; `texts` become a 3GPP timed text track inside."""
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    plain = path if texts is None else path.with_suffix(".plain.mp4")
    with av.open(str(plain), "w") as target:
        if created is not None:
            target.metadata["creation_time"] = created
        video = target.add_stream("libx264", rate=FPS)
        video.width, video.height, video.pix_fmt = 160, 120, "yuv420p"
        for index in range(count):
            target.mux(video.encode(av.VideoFrame.from_ndarray(picture(index), format="rgb24")))
        target.mux(video.encode(None))
    if texts is not None:
        _with_texts(plain, path, texts)
        plain.unlink()
    return path


def _with_texts(plain, path, texts):
    """Mux a SubRip file into the clip as mov_text, by way of Matroska's reader (packets copied, text recoded)."""
    import shutil
    import subprocess

    tool = shutil.which("ffmpeg")
    if tool is None:
        pytest.skip("muxing a subtitle track needs ffmpeg")
    command = [tool, "-loglevel", "error", "-y", "-i", str(plain), "-i", str(texts), "-c", "copy", "-c:s", "mov_text"]
    subprocess.run([*command, str(path)], check=True)


def klv(index, stamp_us, *, lat=50.0, more=None):
    from telemetry.klv import encode

    values = {2: stamp_us, 5: float(index % 360), 6: 0.0, 7: 0.0, 13: lat + index * 1e-5, 14: 8.0, 104: 300.0}
    return encode({**values, 18: 0.0, 19: -30.0, 20: 0.0, 16: 40.0, 17: 30.0, 65: 19} | (more or {}))


def write_ts(path, packets):
    """Write a transport stream whose pictures are a tenth of a second apart, one KLV packet each."""
    from telemetry.videos.stream_writer_file import StreamWriter

    with StreamWriter(path, width_px=160, height_px=120, fps=Fraction(FPS)) as writer:
        for index, packet in enumerate(packets):
            writer.write(picture(index), START_S * 10**9 + index * 10**8, packet)
    return path


def read_all(path, options=None, **how):
    """Open a path, read every recording, and return [(reader's recording, frames, problems)] and what was left out."""
    from telemetry.recordings.open_recordings import open_recordings
    from telemetry.recordings.reading import read

    card = open_recordings(path, **how)
    found = []
    for recording in card.recordings:
        with read(recording, options) as reader:
            frames = list(reader.frames())
            found.append((reader.recording, frames, {problem.kind for problem in reader.problems}))
    return found, card.left_out


DJI = 'xmlns:drone-dji="http://www.dji.com/drone-dji/1.0/"'


def write_jpeg(path, xmp, *, exif_altitude=600.0, model="FC7303", place=(48.0, 11.0)):
    """Write a small picture with EXIF position and XMP attributes."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    tags = Image.Exif()
    tags[0x010F], tags[0x0110] = "DJI", model
    tags.get_ifd(0x8769).update({0x9003: "2024:05:01 10:00:00", 0xA405: 24})
    lat, lon = place
    tags.get_ifd(0x8825).update({1: "N", 2: (lat, 0.0, 0.0), 3: "E", 4: (lon, 0.0, 0.0), 5: b"\x00", 6: exif_altitude})
    attributes = " ".join(f'{name}="{value}"' for name, value in xmp.items())
    spaces = f'{DJI} xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:camera="http://pix4d.com/camera/1.0"'
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description {spaces} xmlns:drone="http://www.autelrobotics.com/drone/1.0/" {attributes}/>'
        "</rdf:RDF></x:xmpmeta>"
    )
    Image.new("RGB", (400, 300), (90, 90, 90)).save(path, exif=tags, xmp=packet.encode())
    return path


GOOD = {
    "drone-dji:AbsoluteAltitude": "+600.0",
    "drone-dji:RelativeAltitude": "+100.0",
    "drone-dji:GimbalYawDegree": "+90.0",
    "drone-dji:GimbalPitchDegree": "-45.0",
    "drone-dji:GimbalRollDegree": "+0.0",
    "drone-dji:FlightYawDegree": "+88.0",
    "drone-dji:FlightPitchDegree": "-1.6",
    "drone-dji:FlightRollDegree": "+0.6",
}


@pytest.fixture(scope="session")
def cards():
    """Return the makers and readers of this file under one name."""
    from types import SimpleNamespace

    return SimpleNamespace(
        START_NS=START_S * 10**9,
        START_US=START_S * 10**6,
        GOOD=GOOD,
        klv=klv,
        picture=picture,
        read_all=read_all,
        write_jpeg=write_jpeg,
        write_mp4=write_mp4,
        write_srt=write_srt,
        write_ts=write_ts,
    )
