"""Bits, numbered from the most significant bit of the first byte, and numbers of variable length."""


class Writer:
    """Collects bits; `payload` fills the last byte with ones."""

    def __init__(self):
        self.bits = []

    def put(self, value, count):
        self.bits += [value >> shift & 1 for shift in reversed(range(count))]

    def payload(self):
        bits = self.bits + [1] * (-len(self.bits) % 8)
        return bytes(int("".join(map(str, bits[at : at + 8])), 2) for at in range(0, len(bits), 8))


class Reader:
    """Reads bits; `take` is None where they end too early."""

    def __init__(self, payload):
        self.bits = [byte >> shift & 1 for byte in payload for shift in reversed(range(8))]
        self.at = 0

    def left(self):
        return len(self.bits) - self.at

    def take(self, count):
        if self.left() < count:
            return None
        value = 0
        for bit in self.bits[self.at : self.at + count]:
            value = 2 * value + bit
        self.at += count
        return value


def leb128(value):
    """Seven bits a byte, least significant first; bit 7 set on all but the last."""
    out = []
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + [value])


def read_leb128(payload):
    """The number, and what follows it."""
    value = shift = 0
    for at, byte in enumerate(payload):
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, payload[at + 1 :]
    raise ValueError("ends before its last byte")
