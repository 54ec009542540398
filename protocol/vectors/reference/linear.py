"""Codec 64, linear."""

import numpy as np

from .bits import Reader, Writer
from .blocks import half_above, largest
from .numbers import F, away_from_zero, from_half_bits


def encode(params, columns, width):
    rows = params.reshape(-1, columns)
    levels = 2 ** (width - 1) - 1
    scales = [half_above(largest(row)) for row in rows]
    writer = Writer()
    for row, bits in zip(rows, scales):
        scale = from_half_bits(bits)
        for value in row:
            level = 0 if scale == 0 else away_from_zero(F(value * F(F(levels) / scale)))
            writer.put(level + levels, width)
    return b"".join(bits.to_bytes(2, "little") for bits in scales) + writer.payload()


def decode(payload, rows, columns, width):
    levels = 2 ** (width - 1) - 1
    reader = Reader(payload[2 * rows :])
    params = np.zeros((rows, columns), F)
    for row in range(rows):
        scale = from_half_bits(int.from_bytes(payload[2 * row : 2 * row + 2], "little"))
        for column in range(columns):
            level = min(reader.take(width) - levels, levels)
            params[row, column] = F(F(level) * scale) / F(levels)
    return params.reshape(-1)
