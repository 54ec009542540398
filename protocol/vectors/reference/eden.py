"""Codec 13, EDEN."""

import numpy as np

from .bits import Reader, leb128
from .blocks import coordinates, read_start, write_codes
from .numbers import F, from_half_bits, half_bits, total
from .rotation import rotate, rotate_back

CENTROIDS = {
    1: [0.797884561],
    2: [0.452780035, 1.51041761],
    3: [0.245094179, 0.756005281, 1.34390928, 2.1519457],
    4: [0.12839503, 0.388048299, 0.656759119, 0.942340456, 1.2562312, 1.61804639, 2.06901723, 2.73258957],
}
HEADER_BITS = 18


def encode(update, start, bits, kind, seed, room_bytes):
    d = coordinates(len(update), start, room_bytes - len(leb128(start)), HEADER_BITS, bits)
    y = rotate(update[start : start + d], seed)
    c = np.array(CENTROIDS[bits], F)
    bounds = [F(F(low + high) / F(2)) for low, high in zip(c, c[1:])]
    n = total(y * y)
    g = F(0) if n == 0 else np.sqrt(F(F(d) / n))
    k = [sum(int(F(abs(value) * g) >= bound) for bound in bounds) for value in y]
    p = total(abs(value) * c[index] for value, index in zip(y, k))
    if p == 0:
        scale = F(0)
    elif kind == "least-squares":
        scale = F(p / total(c[index] * c[index] for index in k))
    else:
        scale = F(n / p)
    codes = [int(value < 0) << bits - 1 | index for value, index in zip(y, k)]
    return write_codes(start, [(bits - 1, 3), (half_bits(scale), 15)], codes, bits)


def decode(payload, seed, params):
    start, body = read_start(payload, params)
    reader = Reader(body)
    bits = reader.take(3) + 1
    scale = from_half_bits(reader.take(15))
    c = np.array(CENTROIDS[bits], F)
    y = []
    for _ in range(coordinates(params, start, len(body), HEADER_BITS, bits)):
        sign = reader.take(1)
        value = F(c[reader.take(bits - 1)] * scale)
        y.append(-value if sign else value)
    return start, rotate_back(y, seed)
