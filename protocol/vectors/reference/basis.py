"""Bases of the weights of a row."""

import numpy as np

from .numbers import F
from .rotation import hadamard

PI = F(np.pi)


def two_hadamards(x, back):
    m = 1 << len(x).bit_length() - 1
    parts = [x[:m]] + ([x[-m:]] if m != len(x) else [])
    for part in reversed(parts) if back else parts:
        hadamard(part)


def cosine(j, count):
    """c(j), the cosine of pi j / (2 count)."""
    j %= 4 * count
    if j > 2 * count:
        return cosine(4 * count - j, count)
    if j == count:
        return F(0)
    if j > count:
        return -cosine(2 * count - j, count)
    a = F(F(PI * F(j)) / F(2 * count))
    y, c = F(a * a), F(1)
    for m in range(8, 0, -1):
        c = F(F(1) - F(F(y * c) / F((2 * m - 1) * (2 * m))))
    return c


def dct(x, back):
    count = len(x)
    table = [cosine(j, count) for j in range(4 * count)]
    first, other = np.sqrt(F(F(1) / F(count))), np.sqrt(F(F(2) / F(count)))
    out = []
    for k in range(count):
        sum_ = F(0)
        for n in range(int(back), count):
            at, of = (n, k) if back else (k, n)
            sum_ = F(sum_ + F(x[n] * table[(2 * of + 1) * at % (4 * count)]))
        if back:
            out.append(F(F(x[0] * first) + F(sum_ * other)))
        else:
            out.append(F(sum_ * (other if k else first)))
    x[:] = out


def transform(update, columns, basis, back=False):
    """Of the weights of each row; its last parameter, the bias, stays."""
    rows = np.array(update, F).reshape(-1, columns)
    for row in rows if columns > 1 and basis != "identity" else []:
        (two_hadamards if basis == "hadamard" else dct)(row[:-1], back)
    return rows.reshape(-1)
