"""Codec 8, TernGrad."""

import numpy as np

from .bits import leb128
from .blocks import half_above, largest, read_start
from .generator import Generator
from .numbers import F, from_half_bits, total
from .rangecoder import Adaptive, Decoder, Encoder


def spans(model):
    """Of zero, plus and minus: from and width; and the total."""
    a, b = model.frequencies
    return [(0, 2 * a), (2 * a, b), (2 * a + b, b)], 2 * (a + b), min(2 * a, b)


def scale_bits(values, clip):
    m = largest(values)
    if m == 0:
        return 0
    if not clip:
        return half_above(m)
    ratios = [F(value / m) for value in values]
    q = total(F(ratio * ratio) for ratio in ratios)
    bound = F(F(F(2.5) * np.sqrt(F(q / F(len(values))))) * m)
    return half_above(min(m, bound))


def encode(update, start, clip, seed, room_bytes):
    head = leb128(start)
    bits = scale_bits(update[start:], clip)
    scale = from_half_bits(bits)
    room = room_bytes - len(head) - 2
    uniforms, model, encoder, needed = Generator(seed), Adaptive(2), Encoder(), 0
    for value in update[start:]:
        places, of, least = spans(model)
        needs = encoder.bytes_for(least, of)
        if needs > room:
            needed = room
            break
        needed = max(needed, needs)
        drawn = F(uniforms.uniform() * scale) < abs(value)
        symbol = 0 if not drawn else 2 if value < 0 else 1
        encoder.narrow(*places[symbol], of)
        model.learn(min(symbol, 1))
    return head + bits.to_bytes(2, "little") + encoder.payload(needed)


def decode(payload, params):
    start, body = read_start(payload, params)
    scale = from_half_bits(int.from_bytes(body[:2], "little"))
    body = body[2:]
    decoder, model, values = Decoder(body), Adaptive(2), []
    while start + len(values) < params:
        places, of, least = spans(model)
        if decoder.bytes_for(least, of) > len(body):
            break
        frequency = decoder.frequency(of)
        symbol = max(i for i, (at, _) in enumerate(places) if at <= frequency)
        decoder.narrow(*places[symbol], of)
        model.learn(min(symbol, 1))
        values.append([F(0), scale, -scale][symbol])
    return start, np.array(values, F)
