"""Codec 48, prototypes."""

import copy

import numpy as np

from . import coarse
from .numbers import F, away_from_zero
from .rangecoder import Adaptive, Decoder, Encoder


class Models:
    def __init__(self):
        self.exponent, self.further = Adaptive(2), Adaptive(2)
        self.first, self.second = [Adaptive(2) for _ in range(4)], [Adaptive(2) for _ in range(4)]

    def of_exponent(self, digit):
        return self.exponent

    def of_coefficient(self, j):
        band = min(j // 8, 3)
        return lambda digit: [self.first[band], self.second[band], self.further][min(digit, 2)]


def put_unary(encoder, model, number, largest):
    for digit in range(min(number + 1, largest)):
        encoder.symbol(model(digit), int(digit < number))


def take_unary(decoder, model, largest):
    number = 0
    while number < largest and decoder.symbol(model(number)):
        number += 1
    return number


def put(encoder, models, class_, samples, levels, classes, fewest):
    encoder.narrow(class_, 1, classes + 1)
    v = samples - fewest + 1
    e = v.bit_length() - 1
    put_unary(encoder, models.of_exponent, e, 23)
    if e:
        encoder.narrow(v >> e - 1 & 1, 1, 2)
    for j, level in enumerate(levels):
        put_unary(encoder, models.of_coefficient(j), abs(level), 63)
        if level:
            encoder.narrow(int(level < 0), 1, 2)


def encode(prototypes, coefficients, start, step, classes, fewest, room_bytes):
    """`prototypes` are pairs of class and samples. Returns the payload, and where to go on."""
    code = coarse.code(step)
    d = coarse.value(code)
    encoder, models, end = Encoder(), Models(), start
    encoder.narrow(code, 1, 512)
    while end < min(len(prototypes), start + 128):
        class_, samples = prototypes[end]
        signed = [(away_from_zero(F(abs(value) / d)), value < 0) for value in coefficients[end]]
        levels = [-min(level, 63) if negative else min(level, 63) for level, negative in signed]
        tried = copy.deepcopy((encoder, models))
        put(*tried, class_, samples, levels, classes, fewest)
        if tried[0].bytes_for(1, classes + 1) > room_bytes:
            break
        (encoder, models), end = tried, end + 1
    encoder.narrow(classes, 1, classes + 1)
    return encoder.payload(encoder.settled), end


def decode(payload, classes, count, fewest):
    """Class, samples and coefficients of each."""
    decoder, models, out = Decoder(payload), Models(), []
    d = coarse.value(decoder.one_of(512))
    while (class_ := decoder.one_of(classes + 1)) < classes:
        e = take_unary(decoder, models.of_exponent, 23)
        h = decoder.one_of(2) if e else 0
        values = []
        for j in range(count):
            magnitude = take_unary(decoder, models.of_coefficient(j), 63)
            negative = magnitude and decoder.one_of(2)
            values.append(F(F(-magnitude if negative else magnitude) * d))
        out.append((class_, fewest - 1 + 2**e + (h << e >> 1), np.array(values, F)))
    return out
