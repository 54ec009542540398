"""Codec 34, sums of a random layer."""

import numpy as np

from .bits import Reader, Writer, leb128, read_leb128
from .generator import Generator
from .numbers import F, away_from_zero


def hidden(seed, unit, gain, sample):
    """A unit's answer, in 1/128."""
    uniforms = Generator(seed, unit)
    weights = [F(F(F(2) * uniforms.uniform()) - F(1)) for _ in range(len(sample) + 1)]
    z = F(0)
    for weight, x in zip(weights, sample):
        z = F(z + F(weight * x))
    z = F(F(z + weights[-1]) * gain)
    t = min(max(z, F(-2)), F(2))
    h = F(t * F(F(1) - F(abs(t) / F(4))))
    return min(away_from_zero(F(h * F(128))), 127)


def level(x, shift):
    return x + (1 << shift) // 2 >> shift


def encode(sums, start, bits, room_bytes):
    head = leb128(start)
    count = min(len(sums) - start, (8 * (room_bytes - len(head)) - 5) // bits)
    block, half = sums[start : start + count], 1 << bits - 1
    fit = lambda shift: all(-half <= level(x, shift) < half for x in block)
    shift = next(shift for shift in range(34 - bits) if fit(shift))
    writer = Writer()
    writer.put(shift, 5)
    for x in block:
        writer.put(level(x, shift) & 2 * half - 1, bits)
    return head + writer.payload(), start + count


def decode(payload, units, classes, bits):
    """Index and sum of each entry, the sum in 2^-24."""
    start, body = read_leb128(payload)
    triangle = units * (units + 1) // 2
    reader = Reader(body)
    shift, out = reader.take(5), []
    for index in range(start, min(triangle + units * classes, start + (8 * len(body) - 5) // bits)):
        code = reader.take(bits)
        code -= (code >> bits - 1) << bits
        out.append((index, (code << shift) << (10 if index < triangle else 17)))
    return out
