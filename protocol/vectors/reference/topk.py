"""Codec 1, sparse top-k, and codec 11, which has its bytes."""

import numpy as np

from . import coarse, positions
from .blocks import largest
from .numbers import F, away_from_zero, from_bits
from .rangecoder import Adaptive, Decoder, Encoder


def write(update, code, entries):
    unit = coarse.value(code)
    encoder, levels = Encoder(), Adaptive(8)
    encoder.narrow(code, 1, 512)
    encoder.narrow(len(entries) - 1, 1, len(update))

    def sign_and_level(at):
        encoder.narrow(int(update[at] < 0), 1, 2)
        eighths = away_from_zero(F(F(abs(update[at]) / unit) * F(8)))
        encoder.symbol(levels, min(max(eighths, 1), 8) - 1)

    positions.write(encoder, entries, len(update), sign_and_level)
    return encoder


def bisect(yes, no, is_so):
    """The last that is so, on the way from `yes` to `no`; the middle is rounded down."""
    while abs(yes - no) > 1:
        middle = (yes + no) // 2
        if is_so(middle):
            yes = middle
        else:
            no = middle
    return yes


def chosen(update, code, threshold, room_bytes):
    magnitudes, most = np.abs(update), largest(update)
    of = lambda least: [int(at) for at in np.flatnonzero(magnitudes >= least)]
    fit = lambda entries: bool(entries) and write(update, code, entries).settled <= room_bytes - 1
    least = max(F(threshold), F(coarse.value(code) / F(16)))
    if fit(of(least)):
        return of(least)
    if fit(of(most)):
        bits = lambda single: int(single.view(np.uint32))
        return of(from_bits(bisect(bits(most), bits(least), lambda middle: fit(of(from_bits(middle))))))
    return of(most)[: bisect(0, len(of(most)), lambda first: fit(of(most)[:first]))]


def encode(update, room_bytes, threshold=0):
    code = coarse.code(largest(update))
    return write(update, code, chosen(update, code, threshold, room_bytes)).payload()


def decode(payload, params):
    decoder, levels = Decoder(payload), Adaptive(8)
    unit = coarse.value(decoder.one_of(512))
    count = decoder.one_of(params) + 1
    update = np.zeros(params, F)
    for at in positions.read(decoder, count, params):
        negative = decoder.one_of(2)
        magnitude = F(F(F(decoder.symbol(levels) + 1) / F(8)) * unit)
        update[at] = -magnitude if negative else magnitude
    return update
