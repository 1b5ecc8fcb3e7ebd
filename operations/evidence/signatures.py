"""Signatures checked in plain Python: Ed25519 (RFC 8032), RSA (RFC 8017, PKCS #1 v1.5), ECDSA (FIPS 186-5).

Slow and not constant in time, which does not matter here: nothing in checking a signature is secret. This module
imports only the standard library, for it goes into every evidence package as a piece of `verify.py`.
"""

from __future__ import annotations

import hashlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    Point = tuple[int, int, int, int]
    Jacobian = tuple[int, int, int]

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_SQRT_M1 = pow(2, (_P - 1) // 4, _P)
_BASE_Y = 4 * pow(5, -1, _P) % _P


# Ed25519, RFC 8032 section 5.1 -------------------------------------------------------------------


def _recover_x(y: int, sign: int) -> int | None:
    if y >= _P:
        return None
    xx = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(xx, (_P + 3) // 8, _P)
    if (x * x - xx) % _P:
        x = x * _SQRT_M1 % _P
    if (x * x - xx) % _P or (x == 0 and sign):
        return None
    return _P - x if (x & 1) != sign else x


def _point(data: bytes) -> Point | None:
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    x = _recover_x(y, sign)
    return None if x is None else (x, y, 1, x * y % _P)


def _add(p: Point, q: Point) -> Point:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % _P, (p[1] + p[0]) * (q[1] + q[0]) % _P
    c, d = 2 * p[3] * q[3] * _D % _P, 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _times(scalar: int, point: Point) -> Point:
    total: Point = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            total = _add(total, point)
        point, scalar = _add(point, point), scalar >> 1
    return total


_BASE_X = _recover_x(_BASE_Y, 0) or 0
_BASE = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % _P)


def ed25519_verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether a signature (64 bytes) of a message fits a public key (32 bytes): RFC 8032 section 5.1.7."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key, r = _point(public), _point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if key is None or r is None or s >= _L:
        return False
    if _same(_times(8, key), (0, 1, 1, 0)):  # a key of small order signs anything
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % _L
    return _same(_times(s, _BASE), _add(r, _times(h, key)))


def _same(p: Point, q: Point) -> bool:
    return (p[0] * q[2] - q[0] * p[2]) % _P == 0 and (p[1] * q[2] - q[1] * p[2]) % _P == 0


# RSASSA-PKCS1-v1_5, RFC 8017 section 8.2.2 --------------------------------------------------------

_DIGEST_INFO = {
    "sha256": "3031300d060960864801650304020105000420",
    "sha384": "3041300d060960864801650304020205000430",
    "sha512": "3051300d060960864801650304020305000440",
}
"""What stands before a digest in a signature (RFC 8017 section 9.2, note 1)."""
_LEAST_RSA_BITS = 2048


def rsa_verify(modulus: int, exponent: int, digest_name: str, message: bytes, signature: bytes) -> bool:
    """Tell whether an RSA signature of a message fits; the whole block is compared, nothing in it is parsed."""
    length = (modulus.bit_length() + 7) // 8
    if modulus.bit_length() < _LEAST_RSA_BITS or exponent < 3 or not exponent & 1 or len(signature) != length:
        return False
    number = int.from_bytes(signature, "big")
    if number >= modulus:
        return False
    told = bytes.fromhex(_DIGEST_INFO[digest_name]) + hashlib.new(digest_name, message).digest()
    wanted = b"\x00\x01" + b"\xff" * (length - len(told) - 3) + b"\x00" + told
    return pow(number, exponent, modulus).to_bytes(length, "big") == wanted


# ECDSA, FIPS 186-5 section 6.4.2, over the curves of SP 800-186 -----------------------------------

CURVES = {
    "P-256": (
        2**256 - 2**224 + 2**192 + 2**96 - 1,
        0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
        0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
        0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
        0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    ),
    "P-384": (
        2**384 - 2**128 - 2**96 + 2**32 - 1,
        0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
        0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
        0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7,
        0x3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F,
    ),
}
"""Of each curve y^2 = x^3 - 3x + b: the field's prime, b, the order, and the base point."""


def ecdsa_verify(curve: str, public: bytes, digest_name: str, message: bytes, signature: tuple[int, int]) -> bool:
    """Tell whether an ECDSA signature (r, s) of a message fits a public key (0x04, x, y)."""
    p, b, order, base_x, base_y = CURVES[curve]
    length, (r, s) = (p.bit_length() + 7) // 8, signature
    if len(public) != 2 * length + 1 or public[0] != 4 or not (0 < r < order and 0 < s < order):
        return False
    x, y = int.from_bytes(public[1 : length + 1], "big"), int.from_bytes(public[length + 1 :], "big")
    if x >= p or y >= p or (y * y - x * x * x + 3 * x - b) % p:
        return False
    digest = hashlib.new(digest_name, message).digest()
    e = int.from_bytes(digest, "big") >> max(8 * len(digest) - order.bit_length(), 0)
    w = pow(s, -1, order)
    one = _scaled(e * w % order, (base_x, base_y, 1), p)
    total = _joined(one, _scaled(r * w % order, (x, y, 1), p), p)
    return total[2] != 0 and total[0] * pow(total[2] * total[2], -1, p) % p % order == r


def _scaled(scalar: int, point: Jacobian, p: int) -> Jacobian:
    total: Jacobian = (1, 1, 0)
    while scalar:
        if scalar & 1:
            total = _joined(total, point, p)
        point, scalar = _doubled(point, p), scalar >> 1
    return total


def _doubled(point: Jacobian, p: int) -> Jacobian:
    """Double a point in Jacobian coordinates (x/z^2, y/z^3) on a curve with a = -3 (dbl-2001-b)."""
    x, y, z = point
    if not y or not z:
        return (1, 1, 0)
    delta, gamma = z * z % p, y * y % p
    beta, alpha = x * gamma % p, 3 * (x - delta) * (x + delta) % p
    new_x = (alpha * alpha - 8 * beta) % p
    return new_x, (alpha * (4 * beta - new_x) - 8 * gamma * gamma) % p, ((y + z) ** 2 - gamma - delta) % p


def _joined(one: Jacobian, other: Jacobian, p: int) -> Jacobian:
    """Add two points in Jacobian coordinates (add-2007-bl)."""
    if not one[2] or not other[2]:
        return other if not one[2] else one
    z1, z2 = one[2] * one[2] % p, other[2] * other[2] % p
    u1, u2 = one[0] * z2 % p, other[0] * z1 % p
    s1, s2 = one[1] * other[2] * z2 % p, other[1] * one[2] * z1 % p
    if u1 == u2:
        return _doubled(one, p) if s1 == s2 else (1, 1, 0)
    h, r = (u2 - u1) % p, (s2 - s1) % p
    hh, v = h * h % p, u1 * h * h % p
    x = (r * r - h * hh - 2 * v) % p
    return x, (r * (v - x) - s1 * h * hh) % p, h * one[2] * other[2] % p
