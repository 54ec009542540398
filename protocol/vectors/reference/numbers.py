"""Singles and halves."""

import numpy as np

F = np.float32


def total(values):
    """The sum from the first to the last, in single precision."""
    sum_ = F(0)
    for value in values:
        sum_ = F(sum_ + F(value))
    return sum_


def away_from_zero(value):
    """The nearest integer, halves away from zero. The sum is exact in double precision."""
    return int(np.copysign(np.floor(np.float64(abs(value)) + 0.5), value))


def half_bits(value):
    """Rounded to nearest, ties to even."""
    return int(np.float16(value).view(np.uint16))


def from_half_bits(bits):
    return F(np.uint16(bits).view(np.float16))


def from_bits(bits):
    return np.uint32(bits).view(F)


def to_hex(values):
    """Bit patterns, eight digits each."""
    return "".join(f"{bits:08x}" for bits in np.asarray(values, F).view(np.uint32))


def from_hex(digits):
    return np.array([int(digits[at : at + 8], 16) for at in range(0, len(digits), 8)], np.uint32).view(F)
