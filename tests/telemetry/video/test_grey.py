"""Frames without colour, held as one channel: RGB shows the same numbers as FFmpeg's own conversion to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter
from PIL import Image

from telemetry.videos.grey import in_three_channels, stored_channel
from telemetry.videos.grey_frames import NEUTRAL, GreyFrames
from telemetry.videos.video_file import read_pictures, read_video

if TYPE_CHECKING:
    from pathlib import Path


def frame_of(layout: str, width: int, height: int, rng: np.random.Generator, chroma: int = NEUTRAL) -> av.VideoFrame:
    """Return a frame of random brightness and even chroma."""
    frame = av.VideoFrame(width, height, layout)
    for number, plane in enumerate(frame.planes):
        values = np.full(plane.buffer_size, chroma, np.uint8)
        plane.update(rng.integers(0, 256, plane.buffer_size, dtype=np.uint8) if number == 0 else values)
    return frame


def by_ffmpeg(frame: av.VideoFrame) -> np.ndarray:
    return frame.to_ndarray(format="rgb24")


@pytest.mark.parametrize("layout", ["gray", "yuv420p", "yuvj420p", "yuv422p", "yuv444p", "nv12"])
@pytest.mark.parametrize("size", [(640, 512), (322, 180), (100, 37), (33, 40)])
def test_the_one_channel_is_each_of_the_three_that_ffmpeg_makes(
    layout: str, size: tuple[int, int], rng: np.random.Generator
) -> None:
    grey = GreyFrames(VideoReformatter())
    for _ in range(3):
        frame = frame_of(layout, *size, rng)
        channel = grey.channel(frame)
        assert channel is not None
        shown = np.frombuffer(channel, np.uint8).reshape(size[1], size[0])
        assert np.array_equal(in_three_channels(shown), by_ffmpeg(frame))


class Dithering:
    """Converts as FFmpeg does, and lifts one colour of every 128th pixel."""

    def reformat(self, frame: av.VideoFrame, *, format: str) -> av.VideoFrame:  # noqa: A002 - PyAV's name
        made = frame.reformat(format=format)
        pixels = np.frombuffer(bytes(made.planes[0]), np.uint8).copy()
        pixels[2 :: 3 * 128] ^= 1
        made.planes[0].update(pixels)
        return made


def test_a_conversion_that_depends_on_the_place_in_the_picture_is_left_to_ffmpeg(rng: np.random.Generator) -> None:
    frame = frame_of("yuv420p", 640, 512, rng)
    assert GreyFrames(VideoReformatter()).channel(frame) is not None
    assert GreyFrames(Dithering()).channel(frame) is None


def test_what_a_brightness_is_shown_as_follows_the_range_and_the_size_of_each_frame(rng: np.random.Generator) -> None:
    grey = GreyFrames(VideoReformatter())
    for size, full in [((64, 48), False), ((64, 48), True), ((96, 48), True), ((64, 48), False)]:
        frame = frame_of("yuv420p", *size, rng)
        frame.color_range = 2 if full else 1
        channel = grey.channel(frame)
        assert channel is not None
        assert np.array_equal(np.frombuffer(channel, np.uint8), by_ffmpeg(frame)[..., 1].ravel())


@pytest.mark.parametrize(("plane", "sample"), [(1, 0), (1, -1), (2, 777)])
def test_one_sample_of_colour_makes_a_frame_one_in_colour(plane: int, sample: int, rng: np.random.Generator) -> None:
    frame = frame_of("yuv420p", 640, 512, rng)
    assert GreyFrames(VideoReformatter()).channel(frame) is not None
    changed = np.full(frame.planes[plane].buffer_size, NEUTRAL, np.uint8)
    changed[sample] = NEUTRAL + 1
    frame.planes[plane].update(changed)
    assert GreyFrames(VideoReformatter()).channel(frame) is None


@pytest.mark.parametrize("layout", ["rgb24", "gbrp", "gray10le", "yuv420p10le", "yuyv422", "yuva420p", "ya8", "pal8"])
def test_other_samples_than_8_bits_of_brightness_in_a_plane_are_left_to_ffmpeg(
    layout: str, rng: np.random.Generator
) -> None:
    assert GreyFrames(VideoReformatter()).channel(frame_of(layout, 64, 48, rng)) is None


def test_a_picture_too_small_to_show_every_brightness_is_left_to_ffmpeg(rng: np.random.Generator) -> None:
    assert GreyFrames(VideoReformatter()).channel(frame_of("gray", 12, 10, rng)) is None


def film(path: Path, pictures: list[np.ndarray]) -> list[np.ndarray]:
    """Write a film, and return its pictures as FFmpeg decodes and converts them."""
    with av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=5)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            target.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        target.mux(stream.encode(None))
    with av.open(str(path)) as source:
        return [by_ffmpeg(frame) for frame in source.decode(video=0)]


def test_a_film_of_heat_comes_as_one_channel_and_one_of_colours_as_three(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    heat = [np.repeat(rng.integers(60, 200, (96, 130, 1), dtype=np.uint8), 3, axis=2) for _ in range(4)]
    colours = [rng.integers(0, 256, (96, 130, 3), dtype=np.uint8) for _ in range(4)]
    for name, given, one in [("heat", heat, True), ("colours", colours, False), ("both", [*heat, *colours], None)]:
        wanted = film(tmp_path / f"{name}.mp4", given)
        with read_video(tmp_path / f"{name}.mp4") as reader:
            shown = [frame.image for frame in reader.frames()]
        assert len(shown) == len(wanted) == len(given)
        assert all(np.array_equal(a, b) for a, b in zip(shown, wanted, strict=True))
        assert not any(image.flags.writeable for image in shown)
        held = {stored_channel(image) is not None for image in shown}
        assert held == ({True, False} if one is None else {one})


def test_a_still_picture_of_one_channel_is_held_as_one(tmp_path: Path, rng: np.random.Generator) -> None:
    pixels = rng.integers(0, 256, (40, 60), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "heat.png")
    Image.fromarray(pixels).convert("RGB").save(tmp_path / "three.png")
    one, three = (frame.image for frame in read_pictures(tmp_path).frames())
    assert np.array_equal(one, three)
    assert (stored_channel(one) is not None, stored_channel(three) is not None) == (True, False)
    assert not one.flags.writeable
