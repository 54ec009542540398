"""Codec 14, low rank."""

import numpy as np

from .bits import Reader, Writer, leb128
from .blocks import half_above, largest, read_start
from .generator import Generator
from .numbers import F, away_from_zero, from_half_bits, total


def rows_held(rows_left, body_bytes, r, b, m):
    return min(rows_left, ((8 * body_bytes - 6) // r - 15) // b - m)


def dot(a, b):
    return total(F(x * y) for x, y in zip(a, b))


def over(values, divisor):
    return np.array([F(value / divisor) if divisor != 0 else F(0) for value in values], F)


def times(e, w):
    return np.array([dot(row, w) for row in e], F)


def scaled(values, factor):
    """Whole numbers."""
    return [away_from_zero(F(value * factor)) if np.isfinite(factor) else 0 for value in values]


def component(e, w, most, seed, stream):
    """Levels x and y, bits of the scale, and the vector to keep."""
    if not np.any(w):
        signs = Generator(seed, stream)
        w = np.array([signs.sign() for _ in w], F)
    p = times(e, w)
    w = over(times(e.T, p), dot(p, p))
    p = times(e, w)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        x = scaled(p, F(F(most) / largest(p)))
    singles = np.array(x, F)
    w = over(times(e.T, singles), dot(singles, singles))
    scale = half_above(largest(w))
    unit = from_half_bits(scale)
    y = scaled(w, F(F(most) / unit)) if unit != 0 else [0] * len(w)
    return x, y, scale, w


def product(x, y, unit):
    return [[F(F(i) * F(F(j) * unit)) for j in y] for i in x]


def encode(update, start, columns, r, b, warm, seed, room_bytes):
    """`warm`, `[r][columns]`, changes."""
    rows = rows_held((len(update) - start) // columns, room_bytes - len(leb128(start)), r, b, columns)
    e = update[start : start + rows * columns].reshape(rows, columns).copy()
    most = 2 ** (b - 1) - 1
    writer = Writer()
    writer.put(r - 1, 3)
    writer.put(b - 1, 3)
    for k in range(r):
        x, y, scale, warm[k] = component(e, warm[k], most, seed, k)
        e -= np.array(product(x, y, F(from_half_bits(scale) / F(most))), F)
        writer.put(scale, 15)
        for level in x + y:
            writer.put(level + most, b)
    return leb128(start) + writer.payload()


def decode(payload, columns, params):
    start, body = read_start(payload, params)
    reader = Reader(body)
    r, b = reader.take(3) + 1, reader.take(3) + 1
    most = 2 ** (b - 1) - 1
    rows = rows_held((params - start) // columns, len(body), r, b, columns)
    values = np.zeros((rows, columns), F)
    for _ in range(r):
        unit = F(from_half_bits(reader.take(15)) / F(most))
        x = [reader.take(b) - most for _ in range(rows)]
        y = [reader.take(b) - most for _ in range(columns)]
        values += np.array(product(x, y, unit), F)
    return start, values.reshape(-1)
