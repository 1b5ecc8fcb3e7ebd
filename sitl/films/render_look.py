"""How a simulated camera sees: by day or in the infrared, its noise, blur and gain."""

from __future__ import annotations

import dataclasses
import enum
import functools
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageChops, ImageFilter

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Band(enum.StrEnum):
    """What the camera is sensitive to."""

    DAY = "day"
    THERMAL = "thermal"


NOISE_SIDE: Final = 2048
"""Side of the sheet of sensor noise; no picture may be larger."""
GREY_ZERO: Final = 128
"""Level that stands for no difference in pictures of differences."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One camera's way of seeing under one weather; intensities run from 0 to 255."""

    band: Band
    sun_azimuth_deg: float = 140.0
    sun_elevation_deg: float = 40.0
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Season and white balance, as factors of red, green and blue."""
    ground_contrast: float = 1.0
    """How strongly land cover differs from its mean."""
    target_warmth: float = 1.0
    """Thermal only: how far people and engines stand out."""
    haze_m: float = 4000.0
    """Range at which contrast has fallen to 1/e (Koschmieder)."""
    black_hot: bool = False
    gain: float = 1.0
    offset: float = 0.0
    noise: float = 3.0
    """Standard deviation of the sensor's noise, in grey levels."""
    blur_px: float = 0.5


DAY = Look(band=Band.DAY)
THERMAL = Look(band=Band.THERMAL, noise=2.5, blur_px=0.6)


def random_look(rng: np.random.Generator, band: Band) -> Look:
    """Draw a look: light, season, gain, noise, blur, and for the infrared its polarity."""
    return Look(
        band=band,
        sun_azimuth_deg=float(rng.uniform(0.0, 360.0)),
        sun_elevation_deg=float(rng.uniform(15.0, 70.0)),
        tint=tuple(float(v) for v in rng.normal(1.0, 0.08, 3).clip(0.75, 1.25)),  # type: ignore[arg-type]
        ground_contrast=float(rng.uniform(0.5, 1.4)),
        target_warmth=float(rng.uniform(0.45, 1.2)),
        haze_m=float(rng.uniform(800.0, 6000.0)),
        black_hot=bool(band is Band.THERMAL and rng.random() < 0.15),
        gain=float(rng.uniform(0.7, 1.3)),
        offset=float(rng.uniform(-25.0, 25.0)),
        noise=float(rng.uniform(1.0, 7.0)),
        blur_px=float(rng.uniform(0.2, 0.9)),
    )


@functools.cache
def _noise_sheet() -> NDArray[np.float32]:
    """Draw normal noise to cut frames' noise from, shape (NOISE_SIDE, NOISE_SIDE): one sheet for every look."""
    return np.random.default_rng(7).standard_normal((NOISE_SIDE, NOISE_SIDE), dtype=np.float32)


def _noise(sigma: float, left: int, top: int, size: tuple[int, int]) -> Image.Image:
    """Noise of one frame around `GREY_ZERO` as an "L" picture of `size` (width, height)."""
    cut = _noise_sheet()[top : top + size[1], left : left + size[0]] * np.float32(sigma)
    return Image.fromarray(np.clip(np.rint(cut + GREY_ZERO), 0, 255).astype(np.uint8))


def add_grey(picture: Image.Image, grey: Image.Image) -> Image.Image:
    """Add an "L" picture of differences around `GREY_ZERO` to every band, cut off at black and white."""
    bands = len(picture.getbands())
    return ImageChops.add(picture, grey if bands == 1 else Image.merge("RGB", (grey,) * 3), 1.0, -GREY_ZERO)


def sense(picture: Image.Image, look: Look, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Turn the ideal picture into what the sensor gives: blur, gain, polarity, noise; RGB uint8."""
    if look.blur_px > 0.0:
        picture = picture.filter(ImageFilter.BoxBlur(look.blur_px))
    curve = (np.arange(256) - 110.0) * look.gain + 110.0 + look.offset
    curve = 255.0 - curve if look.black_hot else curve
    picture = picture.point(np.clip(np.rint(curve), 0, 255).astype(int).tolist() * len(picture.getbands()))
    left, top = (int(v) for v in rng.integers(0, (NOISE_SIDE - picture.width, NOISE_SIDE - picture.height)))
    sensed = np.array(add_grey(picture, _noise(look.noise, left, top, picture.size)))
    return sensed if sensed.ndim == 3 else np.repeat(sensed[..., None], 3, axis=2)
