"""How sure a stream is of its values: the SDCC-FLP of MISB ST 1010.3 (tag 102 of ST 0601).

A floating-length pack of standard deviations and correlations. It says nothing
about which values it means; in ST 0601 these are the items just before it.
"""

from __future__ import annotations

import dataclasses
import struct
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.values import read_only
from telemetry.errors import KlvValueError
from telemetry.klv.ber import decode_oid, encode_oid
from telemetry.klv.imapb import imapb_decode, imapb_encode
from telemetry.klv.local_set import ieee_float

if TYPE_CHECKING:
    from geo.values import FloatArray

MAX_SIZE: Final = 128
"""Largest matrix read: ST 0601 has 143 items, and a pack covers those of one packet."""

_MODE_2: Final = 0x80
_SPARSE_1, _SPARSE_2 = 0x08, 0x20
_IMAP: Final = 0x10


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Uncertainty:
    """Standard deviations in the values' own units, shape (n,), and correlations, shape (n, n)."""

    sigma: FloatArray
    correlation: FloatArray

    @property
    def covariance(self) -> FloatArray:
        """The covariance matrix, shape (n, n)."""
        product: FloatArray = self.correlation * np.outer(self.sigma, self.sigma)
        return product


@dataclasses.dataclass(frozen=True, slots=True)
class _Control:
    sigma_length: int
    sigma_imap: bool
    rho_length: int
    rho_imap: bool
    sparse: bool
    end: int


def _control(data: bytes, offset: int) -> _Control | None:
    """Read the parse control: one byte in mode 1, two in mode 2 (ST 1010.3, section 7.2)."""
    if offset >= len(data):
        return None
    first = data[offset]
    if not first & _MODE_2:
        return _Control((first >> 4) & 7, False, first & 7, True, bool(first & _SPARSE_1), offset + 1)
    if offset + 1 >= len(data):
        return None
    second = data[offset + 1]
    sparse = bool(first & _SPARSE_2)
    return _Control(second & 15, bool(second & _IMAP), first & 15, bool(first & _IMAP), sparse, offset + 2)


def decode_uncertainty(data: bytes, *, sigma_range: tuple[float, float] = (0.0, 650.0)) -> Uncertainty | None:
    """Decode a pack.

    Parameters
    ----------
    data
        The pack's bytes.
    sigma_range
        Range of standard deviations written as ST 1201 integers; the standard leaves it to the parent set.

    Returns
    -------
    Uncertainty or None
        None when the bytes are no whole pack.
    """
    size = decode_oid(data, 0)
    control = _control(data, size[1]) if size else None
    if size is None or control is None or not 1 <= size[0] <= MAX_SIZE:
        return None
    count, cells = size[0], size[0] * (size[0] - 1) // 2
    position = control.end
    present = np.full(cells, control.rho_length > 0)
    if control.sparse:
        vector = np.frombuffer(data[position : position + (cells + 7) // 8], dtype=np.uint8)
        position += (cells + 7) // 8
        bits = np.unpackbits(vector)[:cells].astype(np.bool_)
        if len(bits) < cells:
            return None
        present &= bits
    sigmas = count if control.sigma_length else 0
    need = sigmas * control.sigma_length + int(present.sum()) * control.rho_length
    if position + need > len(data):
        return None
    sigma = np.full(count, np.nan)
    for k in range(sigmas):
        part = data[position : position + control.sigma_length]
        sigma[k] = _number(part, sigma_range if control.sigma_imap else None)
        position += control.sigma_length
    correlation = np.eye(count)
    rows, columns = np.triu_indices(count, 1)
    for row, column, there in zip(rows.tolist(), columns.tolist(), present.tolist(), strict=True):
        if there:
            part = data[position : position + control.rho_length]
            correlation[row, column] = correlation[column, row] = _number(
                part, (-1.0, 1.0) if control.rho_imap else None
            )
            position += control.rho_length
    return Uncertainty(sigma=read_only(sigma), correlation=read_only(correlation))  # type: ignore[arg-type]


def _number(data: bytes, imap_range: tuple[float, float] | None) -> float:
    if imap_range is None:
        return ieee_float(data)
    if not 1 <= len(data) <= 8:  # noqa: PLR2004
        return float("nan")
    raw = np.array([int.from_bytes(data, "big")], dtype=np.uint64)
    return float(imapb_decode(raw, *imap_range, len(data))[0])


def encode_uncertainty(uncertainty: Uncertainty) -> bytes:
    """Write a pack in mode 2: float32 standard deviations, ST 1201 correlations of three bytes, none left out.

    Raises
    ------
    KlvValueError
        A standard deviation is negative, or a correlation outside [-1, 1].
    """
    sigma, rho = uncertainty.sigma, uncertainty.correlation[np.triu_indices(len(uncertainty.sigma), 1)]
    if len(sigma) > MAX_SIZE or not (np.all(sigma >= 0.0) and np.all(np.abs(rho) <= 1.0)):
        message = f"an uncertainty has up to {MAX_SIZE} standard deviations >= 0, and correlations in [-1, 1]"
        raise KlvValueError(message, size=len(sigma))
    control = bytes((_MODE_2 | _IMAP | 3, 4))
    deviations = struct.pack(f">{len(sigma)}f", *sigma.tolist())
    correlations = b"".join(int(raw).to_bytes(3, "big") for raw in np.atleast_1d(imapb_encode(rho, -1.0, 1.0, 3)))
    return encode_oid(len(sigma)) + control + deviations + correlations
