"""Codec 1, sparse top-k."""

import numpy as np

from .bits import Reader, Writer
from .blocks import largest
from .numbers import F, away_from_zero, from_half_bits, half_bits


def gaps(update, positions):
    """Of each coordinate: the number skipped since the one before, and its value."""
    before, out = -1, []
    for at in sorted(map(int, positions)):
        out.append((at - before - 1, update[at]))
        before = at
    return out


def cost(entries, rice):
    return sum((gap >> rice) + 1 + rice + 1 + 3 for gap, _ in entries)


def best(entries, params, room_bits):
    """Of three Rice parameters the one with the fewest bits, the smallest such, if there are entries and they fit."""
    if not entries:
        return None
    middle = (params // len(entries)).bit_length() - 1
    rice = min(range(max(middle - 1, 0), min(middle + 1, 15) + 1), key=lambda rice: cost(entries, rice))
    return rice if cost(entries, rice) <= room_bits else None


def crowded(update, positions, room_bits):
    """As many of the first of these as fit, and the smallest Rice parameter with which they do."""
    def fitting(rice):
        count = 0
        while count < len(positions) and cost(gaps(update, positions[: count + 1]), rice) <= room_bits:
            count += 1
        return count

    rice = max(range(16), key=fitting)
    return rice, gaps(update, positions[: fitting(rice)])


def chosen(update, unit, room_bits):
    """Rice parameter and entries: of each magnitude all coordinates or none, as low as they fit."""
    magnitudes = np.abs(update)
    at_least = lambda threshold: np.flatnonzero(magnitudes >= threshold)
    levels = sorted({min(value, unit) for value in magnitudes if value >= F(unit / F(16))})
    for threshold in levels:
        entries = gaps(update, at_least(threshold))
        rice = best(entries, len(update), room_bits)
        if rice is not None:
            return rice, entries
    return crowded(update, at_least(largest(update)), room_bits)


def encode(update, room_bytes):
    bits = half_bits(largest(update))
    unit = from_half_bits(bits)
    room_bits = 8 * room_bytes - 20
    rice, entries = chosen(update, unit, room_bits)
    writer = Writer()
    writer.put(bits, 16)
    writer.put(rice, 4)
    for gap, value in entries:
        writer.unary(gap >> rice)
        writer.put(gap & (1 << rice) - 1, rice)
        writer.put(int(value < 0), 1)
        eighths = away_from_zero(F(F(abs(value) / unit) * F(8)))
        writer.put(min(max(eighths, 1), 8) - 1, 3)
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
