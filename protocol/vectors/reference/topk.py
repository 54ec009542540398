"""Codec 1, sparse top-k."""

import numpy as np

from .bits import Reader, Writer
from .numbers import F, from_bits, from_half_bits, half_bits


def gaps(update, threshold):
    """Of each coordinate of at least the threshold: the number skipped since the one before, and its value."""
    before = -1
    for at in np.flatnonzero(np.abs(update) >= threshold):
        yield int(at) - before - 1, update[at]
        before = int(at)


def cost(entries, rice):
    return sum((gap >> rice) + 1 + rice + 1 + 3 for gap, _ in entries)


def best(update, threshold, room_bits):
    """Rice parameter and entries, if they fit."""
    entries = list(gaps(update, threshold))
    rice = min(range(16), key=lambda rice: cost(entries, rice))
    return (rice, entries) if cost(entries, rice) <= room_bits else None


def encode(update, room_bytes):
    largest = np.max(np.abs(update))
    # Positive singles order as their bits do.
    low, high = 1, int(largest.view(np.uint32))
    room_bits = 8 * room_bytes - 20
    while low < high:
        middle = (low + high) // 2
        if best(update, from_bits(middle), room_bits):
            high = middle
        else:
            low = middle + 1
    rice, entries = best(update, from_bits(low), room_bits)
    writer = Writer()
    unit = half_bits(largest)
    writer.put(unit, 16)
    writer.put(rice, 4)
    for gap, value in entries:
        writer.unary(gap >> rice)
        writer.put(gap & (1 << rice) - 1, rice)
        writer.put(int(value < 0), 1)
        eighths = np.rint(F(F(8) * abs(value)) / from_half_bits(unit))
        writer.put(int(min(max(eighths, 1), 8)) - 1, 3)
    return writer.payload()


def decode(payload, params):
    reader = Reader(payload)
    unit = from_half_bits(reader.take(16))
    rice = reader.take(4)
    update = np.zeros(params, F)
    at = 0
    while True:
        high, low = reader.unary(), reader.take(rice)
        sign, m = reader.take(1), reader.take(3)
        if m is None or high is None:
            return update
        at += (high << rice) + low
        magnitude = F(F(m + 1) / F(8)) * unit
        update[at] = -magnitude if sign else magnitude
        at += 1
