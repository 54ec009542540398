"""The rotation of a vector by a seed, and its inverse."""

import numpy as np

from .generator import Generator
from .numbers import F, from_bits

R = from_bits(0x3F3504F3)


def hadamard(x):
    m, h = len(x), 1
    while h < m:
        for i in range(m):
            if not i & h:
                a, b = x[i], x[i + h]
                x[i], x[i + h] = F(a + b), F(a - b)
        h *= 2
    x *= F(F(1) / np.sqrt(F(m)))


def flip(x, seed, stream):
    signs = Generator(seed, stream)
    for i in range(len(x)):
        x[i] = F(x[i] * signs.sign())


def mix(x):
    d = len(x)
    for i in range(d // 2):
        a, b = x[i], x[d - 1 - i]
        x[i], x[d - 1 - i] = F(F(a + b) * R), F(F(a - b) * R)


def steps(d, seed):
    """The steps in order. Those of step 3 are two, done the other way round on the way back."""
    m = 1 << d.bit_length() - 1
    out = [lambda x: flip(x, seed, 0), lambda x: hadamard(x[:m])]
    if d != m:
        out += [lambda x: flip(x[d - m :], seed, 1), lambda x: hadamard(x[d - m :]), mix]
    return out


def rotate(values, seed):
    x = np.array(values, F)
    for step in steps(len(x), seed):
        step(x)
    return x


def rotate_back(values, seed):
    x = np.array(values, F)
    for step in reversed(steps(len(x), seed)):
        step(x)
    return x
