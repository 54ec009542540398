"""Random rounding, and levels between -S and S."""

import numpy as np

from .generator import Generator
from .numbers import F


class RandomRounding:
    """Draws one uniform of stream 0 for each number."""

    def __init__(self, seed):
        self.uniforms = Generator(seed)

    def __call__(self, t):
        low = np.floor(t)
        return int(low) + int(self.uniforms.uniform() < F(t - low))


class Levels:
    """n + 1 levels, -S to S, as QSGD rounds to them."""

    def __init__(self, scale, n, seed):
        self.n, self.h, self.rounding = n, F(F(n) / F(2)), RandomRounding(seed)
        self.factor = F(self.h / scale) if scale != 0 else F(0)

    def level(self, value):
        return min(max(self.rounding(F(F(value * self.factor) + self.h)), 0), self.n)
