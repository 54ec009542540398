"""Codec 12, DRIVE."""

import numpy as np

from .bits import Reader, leb128
from .blocks import coordinates, read_start, write_codes
from .numbers import F, from_half_bits, half_bits, total
from .rotation import rotate, rotate_back

HEADER_BITS = 15


def encode(update, start, kind, seed, room_bytes):
    d = coordinates(len(update), start, room_bytes - len(leb128(start)), HEADER_BITS, 1)
    y = rotate(update[start : start + d], seed)
    a = total(np.abs(y))
    if a == 0:
        scale = F(0)
    elif kind == "least-squares":
        scale = F(a / F(d))
    else:
        scale = F(total(y * y) / a)
    return write_codes(start, [(half_bits(scale), 15)], [int(value < 0) for value in y], 1)


def decode(payload, seed, params):
    start, body = read_start(payload, params)
    reader = Reader(body)
    scale = from_half_bits(reader.take(15))
    d = coordinates(params, start, len(body), HEADER_BITS, 1)
    y = [-scale if reader.take(1) else scale for _ in range(d)]
    return start, rotate_back(y, seed)
