"""Codec 33, second moments."""

import numpy as np

from .bits import Reader, Writer, leb128, read_leb128
from .blocks import half_above
from .numbers import F, away_from_zero, from_half_bits, half_bits


def diagonal(features):
    """Of each entry of the triangle, whether it is on the diagonal."""
    return [column == row for row in range(features) for column in range(row, features)]


def that_fit(on_diagonal, start, bits, room_bits):
    end = start
    while end < len(on_diagonal) and (width := 16 if on_diagonal[end] else bits) <= room_bits:
        room_bits -= width
        end += 1
    return end


def encode(triangle, features, samples, start, bits, room_bytes):
    on_diagonal, most = diagonal(features), 2 ** (bits - 1) - 1
    head = leb128(start) + leb128(samples)
    end = that_fit(on_diagonal, start, bits, 8 * (room_bytes - len(head) - 2))
    entries = list(zip(triangle[start:end], on_diagonal[start:end]))
    largest = max([abs(value) for value, on in entries if not on], default=F(0))
    unit_bits = half_above(F(largest / F(most)))
    unit = from_half_bits(unit_bits)
    writer = Writer()
    for value, on in entries:
        if on:
            writer.put(half_bits(value), 16)
        else:
            level = away_from_zero(F(value / unit)) if unit != 0 else 0
            writer.put(min(max(level, -most), most) + most, bits)
    return head + unit_bits.to_bytes(2, "little") + writer.payload(), end


def decode(payload, features, bits):
    """Index, samples and sum of each entry, the sum in 2^-24."""
    start, body = read_leb128(payload)
    samples, body = read_leb128(body)
    units = lambda value: int(float(value) * 2**24)
    unit = units(from_half_bits(int.from_bytes(body[:2], "little")))
    on_diagonal, reader, out = diagonal(features), Reader(body[2:]), []
    for index in range(start, that_fit(on_diagonal, start, bits, 8 * len(body[2:]))):
        if on_diagonal[index]:
            entry = units(from_half_bits(reader.take(16)))
        else:
            entry = (reader.take(bits) - 2 ** (bits - 1) + 1) * unit
        out.append((index, samples, samples * entry))
    return out
