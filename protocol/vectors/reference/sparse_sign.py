"""Codec 10, sparse signs in a basis."""

import numpy as np

from . import coarse
from .basis import transform
from .numbers import F, total
from .rangecoder import Decoder, Encoder


def place(encoder, positions, params):
    """Form 0 of positions. A sign follows each, where there is one."""
    missing, at = len(positions), 0
    for position, sign in positions:
        while True:
            left = params - at
            at += 1
            if at - 1 == position:
                encoder.narrow(left - missing, missing, left)
                missing -= 1
                break
            encoder.narrow(0, left - missing, left)
        encoder.narrow(sign, 1, 2)


def begin(scale_code, count, params):
    encoder = Encoder()
    encoder.narrow(scale_code, 1, 512)
    encoder.narrow(count - 1, 1, params)
    return encoder


def settled(count, params):
    encoder = begin(0, count, params)
    place(encoder, [(at, 0) for at in range(count)], params)
    return encoder.settled


def encode(update, columns, basis, percent, room_bytes):
    params = len(update)
    x = transform(update, columns, basis)
    order = sorted(range(params), key=lambda at: (-int(abs(x[at]).view(np.uint32) >> 16), at))
    most = max(1, min(params * percent // 100, 2 * params // 3, 4 * room_bytes))
    start = max([k for k in range(1, most + 1) if settled(k, params) <= room_bytes - 1], default=0)
    for k in range(start, 0, -1):
        first = sorted(order[:k])
        mean = F(total(abs(x[at]) for at in first) / F(k))
        kept = [at for at in first if not abs(x[at]) < F(mean / F(2))]
        s = F(total(abs(x[at]) for at in kept) / F(len(kept)))
        encoder = begin(coarse.code(s), len(kept), params)
        place(encoder, [(at, int(x[at] < 0)) for at in kept], params)
        payload = encoder.payload(1)
        if len(payload) <= room_bytes:
            return payload
    raise ValueError("no room")


def decode(payload, params, columns, basis):
    decoder = Decoder(payload)
    s = coarse.value(decoder.one_of(512))
    missing = decoder.one_of(params) + 1
    x = np.zeros(params, F)
    for at in range(params):
        if not missing:
            break
        left = params - at
        if decoder.frequency(left) < left - missing:
            decoder.narrow(0, left - missing, left)
            continue
        decoder.narrow(left - missing, missing, left)
        missing -= 1
        x[at] = -s if decoder.one_of(2) else s
    return transform(x, columns, basis, back=True)
