"""SplitMix64, and what codecs draw from it."""

import numpy as np

MASK = 2**64 - 1


class Generator:
    """A stream of numbers: a function of seed and stream."""

    def __init__(self, seed, stream=0):
        self.state = (seed + (stream << 32)) & MASK
        self.signs_left = []

    def number(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK
        z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
        return z ^ z >> 31

    def uniform(self):
        """At least zero, below one."""
        return np.float32(self.number() >> 40) / np.float32(2**24)

    def sign(self):
        """1 or -1; the bits left of a word serve the next."""
        if not self.signs_left:
            word = self.number()
            self.signs_left = [word >> at & 1 for at in reversed(range(64))]
        return np.float32(-1 if self.signs_left.pop() else 1)
