"""The codecs of SPEC.md, chapter 10, one module a codec, written from that text alone.

An update is an array of `numpy.float32`, `[params]`. Singles are kept single: numpy rounds each operation of two
`float32` to nearest, ties to even, and `total` adds from the first to the last, where numpy's own sum would pair.
"""
