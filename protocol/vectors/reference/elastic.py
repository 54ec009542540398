"""Codec 7, elastic levels."""

import numpy as np

from .bits import leb128
from .blocks import half_above, largest, read_start
from .numbers import F, from_half_bits
from .rangecoder import Adaptive, Decoder, Encoder
from .rounding import Levels


def remainders(c, s):
    """How many magnitudes have c bits."""
    return min(2 ** (c - 1), s - 2 ** (c - 1) + 1)


def fits(interval, model, s):
    return interval.bytes_for(min(model.frequencies), model.total() << s.bit_length())


def encode(update, start, s, seed, room_bytes):
    head = leb128(start) + bytes([s])
    bits = half_above(largest(update[start:]))
    levels = Levels(from_half_bits(bits), 2 * s, seed)
    room = room_bytes - len(head) - 2
    model, encoder, needed = Adaptive(s.bit_length() + 1), Encoder(), 0
    for value in update[start:]:
        needs = fits(encoder, model, s)
        if needs > room:
            needed = room
            break
        needed = max(needed, needs)
        level = levels.level(value) - s
        c = abs(level).bit_length()
        encoder.symbol(model, c)
        if c:
            encoder.narrow(int(level < 0), 1, 2)
            encoder.narrow(abs(level) - 2 ** (c - 1), 1, remainders(c, s))
    return head + bits.to_bytes(2, "little") + encoder.payload(needed)


def decode(payload, params):
    start, body = read_start(payload, params)
    s, scale = body[0], from_half_bits(int.from_bytes(body[1:3], "little"))
    body = body[3:]
    model, decoder, values = Adaptive(s.bit_length() + 1), Decoder(body), []
    while start + len(values) < params and fits(decoder, model, s) <= len(body):
        c = decoder.symbol(model)
        level = 0
        if c:
            sign = -1 if decoder.one_of(2) else 1
            level = sign * (2 ** (c - 1) + decoder.one_of(remainders(c, s)))
        values.append(F(F(level) * F(scale / F(s))))
    return start, np.array(values, F)
