"""Codec 5, QSGD."""

import numpy as np

from .bits import Reader, leb128
from .blocks import coordinates, half_above, largest, read_start, write_codes
from .numbers import F, from_half_bits
from .rounding import Levels

HEADER_BITS = 18


def intervals(bits):
    return 1 if bits == 1 else 2**bits - 2


def encode(update, start, bits, seed, room_bytes):
    d = coordinates(len(update), start, room_bytes - len(leb128(start)), HEADER_BITS, bits)
    block = update[start : start + d]
    scale = half_above(largest(block))
    levels = Levels(from_half_bits(scale), intervals(bits), seed)
    return write_codes(start, [(bits - 1, 3), (scale, 15)], [levels.level(value) for value in block], bits)


def decode(payload, params):
    start, body = read_start(payload, params)
    reader = Reader(body)
    bits = reader.take(3) + 1
    scale = from_half_bits(reader.take(15))
    h = F(F(intervals(bits)) / F(2))
    d = coordinates(params, start, len(body), HEADER_BITS, bits)
    return start, np.array([F(F(F(reader.take(bits)) - h) * F(scale / h)) for _ in range(d)], F)
