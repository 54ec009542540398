"""Codec 6, NUQSGD."""

import numpy as np

from .bits import Reader, leb128
from .blocks import coordinates, half_above, largest, read_start, write_codes
from .numbers import F, from_half_bits
from .rounding import RandomRounding

HEADER_BITS = 18


def grid(bits):
    m = 2 ** (bits - 1) - 1
    return [F(0)] + [F(2.0 ** (index - m)) for index in range(1, m + 1)]


def encode(update, start, bits, seed, room_bytes):
    d = coordinates(len(update), start, room_bytes - len(leb128(start)), HEADER_BITS, bits)
    block = update[start : start + d]
    scale_bits = half_above(largest(block))
    scale, c, rounding = from_half_bits(scale_bits), grid(bits), RandomRounding(seed)
    most = len(c) - 1
    codes = []
    for value in block:
        r = F(0) if scale == 0 else F(abs(value) / scale)
        m = max(index for index in range(most + 1) if c[index] <= r)
        t = F(most) if m == most else F(F(m) + F(F(r - c[m]) / F(c[m + 1] - c[m])))
        level = rounding(t)
        codes.append(most + (-level if value < 0 else level))
    return write_codes(start, [(bits - 1, 3), (scale_bits, 15)], codes, bits)


def decode(payload, params):
    start, body = read_start(payload, params)
    reader = Reader(body)
    bits = reader.take(3) + 1
    scale, c = from_half_bits(reader.take(15)), grid(bits)
    values = []
    for _ in range(coordinates(params, start, len(body), HEADER_BITS, bits)):
        level = reader.take(bits) - (len(c) - 1)
        magnitude = F(c[abs(level)] * scale)
        values.append(-magnitude if level < 0 else magnitude)
    return start, np.array(values, F)
