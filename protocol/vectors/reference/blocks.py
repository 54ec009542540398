"""What a block begins with: its start, and in some codecs a header of bits and a code for each coordinate."""

import numpy as np

from .bits import Reader, Writer, leb128, read_leb128
from .numbers import F, from_half_bits, half_bits


def half_above(value):
    """The bits of the smallest half that is not below a positive value."""
    bits = half_bits(value)
    return bits + 1 if from_half_bits(bits) < value else bits


def read_start(payload, params):
    start, rest = read_leb128(payload)
    assert start < params
    return start, rest


def coordinates(params, start, body_bytes, header_bits, code_bits):
    """How many coordinates a block of codes holds."""
    return min(params - start, (8 * body_bytes - header_bits) // code_bits)


def write_codes(start, header, codes, code_bits):
    """`header` is a list of numbers, each with its count of bits."""
    writer = Writer()
    for value, bits in header:
        writer.put(value, bits)
    for code in codes:
        writer.put(code, code_bits)
    return leb128(start) + writer.payload()


def largest(values):
    return F(np.max(np.abs(values)))
