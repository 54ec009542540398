"""Codec 32, class means."""

import numpy as np

from .bits import Reader, Writer, leb128, read_leb128
from .blocks import largest


def runs_that_fit(counts, features, start, bits, fewest, room_bytes):
    """Class, first feature, and how many."""
    left = room_bytes - len(leb128(8 * (start % features)))
    out = []
    for class_ in range(start // features, len(counts)):
        if counts[class_] < max(fewest, 1):
            continue
        first = start % features if not out else 0
        left -= len(leb128(class_)) + len(leb128(counts[class_]))
        count = min(features - first, 8 * left // bits)
        if count < 1:
            break
        out.append((class_, first, count))
        left -= -(-count * bits // 8)
        if first + count < features:
            break
    return out


def encode(counts, means, start, bits, fewest, room_bytes):
    """`means`, `[classes][features]`."""
    features, half = means.shape[1], 2 ** (bits - 1)
    runs = runs_that_fit(counts, features, start, bits, fewest, room_bytes)
    most = max(largest(means[class_, first : first + count]) for class_, first, count in runs)
    s = max([s for s in range(8) if float(most) * 2**s <= half], default=0)
    out = leb128(8 * runs[0][1] + s)
    for class_, first, count in runs:
        writer = Writer()
        for value in means[class_, first : first + count]:
            level = int(np.floor(float(value) * 2**s))
            writer.put(min(max(level, -half), half - 1) + half, bits)
        out += leb128(class_) + leb128(counts[class_]) + writer.payload()
    class_, first, count = runs[-1]
    if first + count < features:
        return out, class_ * features + first + count
    spoken_of = [later for later in range(class_ + 1, len(counts)) if counts[later] >= max(fewest, 1)]
    return out, (spoken_of + [len(counts)])[0] * features


def decode(payload, features, bits):
    """Index, samples and sum of each entry, the sum in 2^-24."""
    head, body = read_leb128(payload)
    first, s = divmod(head, 8)
    out = []
    while body:
        class_, body = read_leb128(body)
        samples, body = read_leb128(body)
        count = min(features - first, 8 * len(body) // bits)
        reader, used = Reader(body), -(-count * bits // 8)
        for feature in range(first, first + count):
            level = reader.take(bits) - 2 ** (bits - 1)
            out.append((class_ * features + feature, samples, samples * (2 * level + 1) << 23 - s))
        body, first = body[used:], 0
    return out
