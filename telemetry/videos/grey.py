"""Pictures without colour as one channel in memory: RGB to whoever reads them, a third of it to whoever asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

RGB: Final = 3


def in_three_channels(channel: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a channel of shape (h, w) as RGB of shape (h, w, 3) that is three times it; it cannot be written to."""
    return np.broadcast_to(channel[:, :, None], (*channel.shape, RGB))


def stored_channel(image: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """Return the one channel, shape (h, w), that a picture of shape (h, w, 3) is in memory; None where it is three."""
    return image[:, :, 0] if image.ndim == RGB and image.strides[2] == 0 else None
