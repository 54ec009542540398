"""Runs of weights: those of linear blocks, and of one-versus-one."""

import numpy as np

from .bits import Reader, Writer, leb128, read_leb128
from .blocks import half_above, largest
from .numbers import F, away_from_zero, from_half_bits


def write(values, bits):
    most, scale_bits = 2 ** (bits - 1) - 1, half_above(largest(values))
    scale = from_half_bits(scale_bits)
    writer = Writer()
    for value in values:
        level = 0 if scale == 0 else away_from_zero(F(value * F(F(most) / scale)))
        writer.put(min(max(level, -most), most) + most, bits)
    return scale_bits.to_bytes(2, "little") + writer.payload()


def read(body, most_values, bits):
    """The values of a run, and what follows it."""
    most = 2 ** (bits - 1) - 1
    scale = from_half_bits(int.from_bytes(body[:2], "little"))
    count = min(most_values, 8 * (len(body) - 2) // bits)
    reader = Reader(body[2:])
    values = [F(F(F(reader.take(bits) - most) * scale) / F(most)) for _ in range(count)]
    return values, body[2 + -(-count * bits // 8) :]


def encode(params, start, columns, bits, room_bytes, heads, first):
    """Runs from `start` on, each after its head, as many as fit after the number `first`."""
    out, at = leb128(first), start
    while at < len(params):
        head = heads(at // columns)
        to_end = columns - at % columns
        count = min(to_end, 8 * (room_bytes - len(out) - len(head) - 2) // bits)
        if count < 1:
            break
        out += head + write(params[at : at + count], bits)
        at += count
        if count < to_end:
            break
    return out, at


def encode_linear(params, start, columns, bits, room_bytes):
    return encode(params, start, columns, bits, room_bytes, lambda row: b"", start)


def decode_linear(payload, columns, bits):
    start, body = read_leb128(payload)
    values = []
    while body:
        at = start + len(values)
        run, body = read(body, columns - at % columns, bits)
        values += run
    return start, np.array(values, F)


def encode_one_versus_one(params, pairs, start, columns, bits, room_bytes):
    return encode(params, start, columns, bits, room_bytes, lambda row: leb128(pairs[row]), start % columns)


def decode_one_versus_one(payload, columns, bits):
    """Pair, first weight, and weights of each run."""
    first, body = read_leb128(payload)
    out = []
    while body:
        pair, body = read_leb128(body)
        run, body = read(body, columns - first, bits)
        out.append((pair, first, np.array(run, F)))
        first = 0
    return out
