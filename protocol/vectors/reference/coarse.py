"""The coarse scale, one of 512."""

import numpy as np

from .numbers import F


def code(value):
    return (int(F(value).view(np.uint32) >> 19) + 1 >> 1) - 784


def value(code_):
    e, m = divmod(code_, 8)
    return F((8 + m) * 2.0 ** (e - 32))
