"""Codecs 2 to 4, dense."""

import numpy as np

from .bits import leb128
from .blocks import half_above, largest, read_start
from .numbers import F, away_from_zero, from_half_bits, half_bits

WIDTH_BYTES = {"single": 4, "half": 2, "byte": 1}


def held(width, params, start, body_bytes):
    """Coordinates that the bytes after the start hold."""
    scale_bytes = 2 if width == "byte" else 0
    return min(params - start, (body_bytes - scale_bytes) // WIDTH_BYTES[width])


def encode(update, start, width, room_bytes):
    head = leb128(start)
    block = update[start : start + held(width, len(update), start, room_bytes - len(head))]
    if width == "single":
        return head + b"".join(int(value.view(np.uint32)).to_bytes(4, "little") for value in block)
    if width == "half":
        return head + b"".join(half_bits(value).to_bytes(2, "little") for value in block)
    bits = half_above(largest(block))
    scale = from_half_bits(bits)
    factor = F(127) / scale if scale != 0 else F(0)
    levels = [away_from_zero(F(value * factor)) for value in block]
    return head + bits.to_bytes(2, "little") + bytes(level & 255 for level in levels)


def decode(payload, width, params):
    start, body = read_start(payload, params)
    count = held(width, params, start, len(body))
    if width == "single":
        words = [int.from_bytes(body[4 * i : 4 * i + 4], "little") for i in range(count)]
        return start, np.array(words, np.uint32).view(F)
    if width == "half":
        halves = [int.from_bytes(body[2 * i : 2 * i + 2], "little") for i in range(count)]
        return start, np.array([from_half_bits(bits) for bits in halves], F)
    step = F(from_half_bits(int.from_bytes(body[:2], "little")) / F(127))
    levels = [byte - 256 if byte > 127 else byte for byte in body[2 : 2 + count]]
    return start, np.array([F(F(level) * step) for level in levels], F)
