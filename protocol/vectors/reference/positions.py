"""Positions, ascending, as symbols of the range coder. Something may be written or read after each."""

from .rangecoder import Encoder


def nothing(_):
    pass


def shares(coder, positions, params, after=nothing):
    at, missing = 0, len(positions)
    for position in positions:
        while at < position:
            coder.narrow(0, params - at - missing, params - at)
            at += 1
        coder.narrow(params - at - missing, missing, params - at)
        at, missing = at + 1, missing - 1
        after(position)


def golomb_rice(gap, k):
    """The bits of the code."""
    return [1] * (gap >> k) + [0] + [gap >> bit & 1 for bit in reversed(range(k))]


def skipped(positions):
    return [at - before - 1 for before, at in zip([-1, *positions], positions)]


def write(encoder, positions, params, after=nothing):
    alone = Encoder()
    shares(alone, positions, params)
    costs = [4 + sum(len(golomb_rice(gap, k)) for gap in skipped(positions)) for k in range(16)]
    if min(costs) >= alone.bits():
        encoder.narrow(0, 1, 2)
        return shares(encoder, positions, params, after)
    k = costs.index(min(costs))
    encoder.narrow(1, 1, 2)
    encoder.narrow(k, 1, 16)
    for gap, position in zip(skipped(positions), positions):
        for bit in golomb_rice(gap, k):
            encoder.narrow(bit, 1, 2)
        after(position)


def read(decoder, count, params):
    """Yields each position before what follows it is read."""
    k = decoder.one_of(16) if decoder.one_of(2) else None
    at = 0
    for missing in range(count, 0, -1):
        if k is None:
            while decoder.frequency(params - at) < params - at - missing:
                decoder.narrow(0, params - at - missing, params - at)
                at += 1
            decoder.narrow(params - at - missing, missing, params - at)
        else:
            gap = 0
            while decoder.one_of(2):
                gap += 1
            for _ in range(k):
                gap = gap << 1 | decoder.one_of(2)
            at += gap
        yield at
        at += 1
