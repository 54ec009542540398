"""Codec 9, signs."""

import numpy as np

from .bits import Reader, leb128
from .blocks import coordinates, read_start, write_codes
from .numbers import F, from_half_bits, half_bits, total

HEADER_BITS = 15


def encode(update, start, room_bytes):
    d = coordinates(len(update), start, room_bytes - len(leb128(start)), HEADER_BITS, 1)
    block = update[start : start + d]
    scale = half_bits(F(total(np.abs(block)) / F(d)))
    return write_codes(start, [(scale, 15)], [int(value < 0) for value in block], 1)


def decode(payload, params):
    start, body = read_start(payload, params)
    reader = Reader(body)
    scale = from_half_bits(reader.take(15))
    d = coordinates(params, start, len(body), HEADER_BITS, 1)
    return start, np.array([-scale if reader.take(1) else scale for _ in range(d)], F)
