#!/usr/bin/env python3
"""Writes the vectors of every codec as JSON: inputs, payloads and decoded values, all as bits.

    generate.py FOLDER
"""

import json
import sys
from pathlib import Path

import numpy as np

from reference import (
    class_means,
    dense,
    drive,
    eden,
    elastic,
    linear,
    low_rank,
    nuqsgd,
    prototypes,
    qsgd,
    random_layer,
    runs,
    second_moments,
    sign,
    sparse_sign,
    terngrad,
    topk,
    tree,
)
from reference.generator import Generator
from reference.numbers import F, from_half_bits, to_hex


def gaussian(seed, count, spread=0.01):
    """Twelve uniforms added and centred: near enough, and the same everywhere."""
    draw = Generator(seed, 7)
    return np.array([F(sum(float(draw.uniform()) for _ in range(12)) - 6) * F(spread) for _ in range(count)], F)


def single(count, at, value):
    update = np.zeros(count, F)
    update[at] = value
    return update


def heavy(seed, count):
    """A few large ones among many small ones, as a layer's update has them."""
    update = gaussian(seed, count, 0.001)
    update[::17] *= F(40)
    return update


UPDATES = {
    "zeros": np.zeros(70, F),
    "one coordinate": single(300, 211, -0.75),
    "one parameter": single(1, 0, 0.3),
    "tiny": gaussian(3, 50, 1e-7),
    "large": gaussian(4, 65, 9000.0),
    "gaussian": gaussian(1, 650),
    "power of two": gaussian(2, 128),
    "odd length": gaussian(5, 129),
    "heavy tails": heavy(6, 400),
    "equal": np.full(40, F(0.125)),
    "alternating": np.array([F(0.5) * (-1) ** i for i in range(33)], F),
    "ties": np.array([F(i % 5 - 2) / F(8) for i in range(90)], F),
}
# More for sparse top-k: many coordinates within the rounding of the largest, and halfway between two levels.
ALL = {
    **UPDATES,
    "crowd": np.array([F(1 + (i % 7) / 20000) for i in range(60)], F),
    "sixteenths": np.array([F((i * 7 % 33 - 16) / 16) for i in range(33)], F),
}
SEEDS = [0, 1, 0xFFFFFFFF, 0x20210231]


def blocks():
    """Name of the input, start, room in bytes, seed."""
    for at, (name, update) in enumerate(UPDATES.items()):
        yield name, 0, 100, SEEDS[at % 4]
        yield name, 0, 36, SEEDS[(at + 1) % 4]
        if len(update) > 140:
            yield name, 131, 36, SEEDS[(at + 2) % 4]
            yield name, len(update) - 3, 207, SEEDS[(at + 3) % 4]


def of_blocks(encode, decode, **options):
    for name, start, room, seed in blocks():
        update = UPDATES[name]
        payload = encode(update, start, seed, room)
        at, values = decode(payload, seed, len(update))
        assert at == start and len(payload) <= room
        yield {
            "input": name,
            **options,
            "seed": seed,
            "start": start,
            "room_bytes": room,
            "payload": payload.hex(),
            "decoded": to_hex(values),
        }


def input_cases():
    for name, update in ALL.items():
        yield {"name": name, "values": to_hex(update)}


def generator_cases():
    for seed, stream in [(7, 0), (7, 1), (0, 0), (0xFFFFFFFF, 0xFFFFFFFF), (1234567, 0)]:
        numbers, uniforms, signs = Generator(seed, stream), Generator(seed, stream), Generator(seed, stream)
        yield {
            "seed": seed,
            "stream": stream,
            "numbers": [f"{numbers.number():016x}" for _ in range(8)],
            "uniforms": to_hex([uniforms.uniform() for _ in range(8)]),
            "signs": "".join("-" if signs.sign() < 0 else "+" for _ in range(130)),
        }


def topk_cases():
    for name, update in ALL.items():
        for room in [5, 8, 36, 100]:
            if np.any(update):
                payload = topk.encode(update, room)
                decoded = to_hex(topk.decode(payload, len(update)))
                yield {"input": name, "room_bytes": room, "payload": payload.hex(), "decoded": decoded}


def threshold_cases():
    thresholds = [("gaussian", 0.0078125), ("heavy tails", 0.015625), ("large", 4096.0), ("ties", 0.125), ("crowd", 1.0)]
    for name, threshold in thresholds:
        for room in [8, 36, 100]:
            payload = topk.encode(ALL[name], room, threshold)
            decoded = to_hex(topk.decode(payload, len(ALL[name])))
            fields = {"input": name, "threshold": to_hex([threshold]), "room_bytes": room}
            yield {**fields, "payload": payload.hex(), "decoded": decoded}


def linear_case(name, params, columns, width):
    payload = linear.encode(params, columns, width)
    decoded = to_hex(linear.decode(payload, len(params) // columns, columns, width))
    fields = {"name": name, "columns": columns, "bits": width}
    return {**fields, "params": to_hex(params), "payload": payload.hex(), "decoded": decoded}


def linear_cases():
    shapes = {"gaussian": (6, 9, 1.0), "tiny": (2, 5, 1e-6), "large": (3, 4, 5000.0), "one row": (1, 31, 0.1)}
    for name, (rows, columns, spread) in shapes.items():
        for width in range(2, 9):
            params = gaussian(rows * columns + width, rows * columns, spread)
            params[columns - 1] = 0
            yield linear_case(f"{name}, {width} bits", params, columns, width)
    zero_row = np.array([0, 0, 0, 1, -1, 0.5, 0.25, -0.125, 0.0625], F)
    yield linear_case("zero row", zero_row, 3, 4)
    for width in range(2, 9):
        levels = 2 ** (width - 1) - 1
        for bits in [0x3C00, 0x34CD, 0x47B3, 0x2A66]:
            # Where the order of rounding shows.
            scale = from_half_bits(bits)
            halves = [F(F((level + 0.5) / levels) * scale) * (-1) ** level for level in range(levels)]
            yield linear_case(f"halves of {scale}, {width} bits", np.array([scale, *halves], F), levels + 1, width)


def dense_cases():
    for width in dense.WIDTH_BYTES:
        yield from of_blocks(
            lambda update, start, _, room: dense.encode(update, start, width, room),
            lambda payload, _, params: dense.decode(payload, width, params),
            width=width,
        )


def drive_cases():
    for scale in ["least-squares", "unbiased"]:
        yield from of_blocks(
            lambda update, start, seed, room: drive.encode(update, start, scale, seed, room),
            drive.decode,
            scale=scale,
        )


def eden_cases():
    for bits, scale in [(1, "least-squares"), (2, "unbiased"), (3, "least-squares"), (4, "unbiased")]:
        yield from of_blocks(
            lambda update, start, seed, room: eden.encode(update, start, bits, scale, seed, room),
            eden.decode,
            bits=bits,
            scale=scale,
        )


def terngrad_cases():
    for clip in [False, True]:
        yield from of_blocks(
            lambda update, start, seed, room: terngrad.encode(update, start, clip, seed, room),
            lambda payload, _, params: terngrad.decode(payload, params),
            clip=clip,
        )


def qsgd_cases():
    for bits in [1, 3, 8]:
        yield from of_blocks(
            lambda update, start, seed, room: qsgd.encode(update, start, bits, seed, room),
            lambda payload, _, params: qsgd.decode(payload, params),
            bits=bits,
        )


def nuqsgd_cases():
    for bits in [2, 3, 5]:
        yield from of_blocks(
            lambda update, start, seed, room: nuqsgd.encode(update, start, bits, seed, room),
            lambda payload, _, params: nuqsgd.decode(payload, params),
            bits=bits,
        )


def elastic_cases():
    for levels in [1, 5, 127]:
        yield from of_blocks(
            lambda update, start, seed, room: elastic.encode(update, start, levels, seed, room),
            lambda payload, _, params: elastic.decode(payload, params),
            levels=levels,
        )


def sign_cases():
    yield from of_blocks(
        lambda update, start, _, room: sign.encode(update, start, room),
        lambda payload, _, params: sign.decode(payload, params),
    )


def matrices():
    """Name of the input and columns of the matrix."""
    yield from [("zeros", 7), ("gaussian", 65), ("gaussian", 13), ("odd length", 43), ("equal", 8), ("heavy tails", 50)]
    yield from [("tiny", 10), ("ties", 9), ("alternating", 11), ("one coordinate", 20), ("one parameter", 1)]


def low_rank_cases():
    for name, columns in matrices():
        update = UPDATES[name]
        for components, bits, room in [(1, 4, 100), (3, 2, 207)]:
            for start in [0, columns] if len(update) > columns else [0]:
                if low_rank.rows_held(1, room - 1, components, bits, columns) < 1:
                    continue
                warm, payloads, decoded = np.zeros((components, columns), F), [], ""
                # The second contribution begins with the vectors that the first one kept.
                for seed in SEEDS[:2]:
                    payload = low_rank.encode(update, start, columns, components, bits, warm, seed, room)
                    assert len(payload) <= room
                    payloads.append(payload.hex())
                    decoded += to_hex(low_rank.decode(payload, columns, len(update))[1])
                fields = {"input": name, "columns": columns, "components": components, "bits": bits}
                more = {"start": start, "seeds": SEEDS[:2], "room_bytes": room}
                yield {**fields, **more, "payloads": payloads, "decoded": decoded}


def sparse_sign_cases():
    for name, columns in matrices():
        update = UPDATES[name]
        for basis in ["identity", "hadamard", "dct"]:
            for percent, room in [(10, 36), (100, 8)]:
                if np.any(update):
                    payload = sparse_sign.encode(update, columns, basis, percent, room)
                    decoded = to_hex(sparse_sign.decode(payload, len(update), columns, basis))
                    fields = {"input": name, "columns": columns, "basis": basis, "percent": percent}
                    yield {**fields, "room_bytes": room, "payload": payload.hex(), "decoded": decoded}


def whole(seed, count, below):
    """Whole numbers from 0 to below."""
    draw = Generator(seed, 9)
    return [draw.number() % below for _ in range(count)]


def sums(entries):
    return [[index, samples, str(sum_)] for index, samples, sum_ in entries]


def class_means_cases():
    for seed, (classes, features, spread, fewest) in enumerate([(3, 4, 1.0, 1), (10, 20, 3.0, 8), (2, 30, 40.0, 4)]):
        counts = [1 + count for count in whole(seed, classes, 40)]
        counts[0], counts[-1] = 1000, 0 if classes > 2 else 5
        means = gaussian(20 + seed, classes * features, spread).reshape(classes, features)
        means[0, 0] = 0
        for bits, room in [(2, 36), (4, 36), (5, 100), (8, 207)]:
            start = 0
            # All payloads of a contribution: the later ones begin in the middle of a row.
            while start is not None:
                payload, end = class_means.encode(counts, means, start, bits, fewest, room)
                yield {
                    "counts": counts,
                    "means": to_hex(means.reshape(-1)),
                    "features": features,
                    "fewest": fewest,
                    "bits": bits,
                    "start": start,
                    "end": end,
                    "room_bytes": room,
                    "payload": payload.hex(),
                    "sums": sums(class_means.decode(payload, features, bits)),
                }
                start = end if end < means.size and start < 200 else None


def second_moments_cases():
    for seed, (features, spread) in enumerate([(1, 1.0), (4, 2.0), (12, 0.01)]):
        x = gaussian(30 + seed, 3 * features * features, spread).reshape(-1, features)
        # Not numpy's product of matrices: its order of summation depends on the machine.
        mean = lambda i, j: F(sum(float(row[i]) * float(row[j]) for row in x) / len(x))
        triangle = np.array([mean(i, j) for i in range(features) for j in range(i, features)], F)
        for bits, room in [(2, 36), (5, 36), (8, 100)]:
            start = 0
            while start < len(triangle):
                payload, end = second_moments.encode(triangle, features, 150 + seed, start, bits, room)
                yield {
                    "features": features,
                    "triangle": to_hex(triangle),
                    "samples": 150 + seed,
                    "bits": bits,
                    "start": start,
                    "end": end,
                    "room_bytes": room,
                    "payload": payload.hex(),
                    "sums": sums(second_moments.decode(payload, features, bits)),
                }
                start = end


def random_layer_cases():
    for units, classes, below in [(1, 1, 100), (5, 3, 2000), (12, 4, 2**30)]:
        entries = units * (units + 1) // 2 + units * classes
        numbers = [number - below // 2 for number in whole(units, entries, below)]
        for bits, room in [(4, 36), (13, 36), (32, 100)]:
            start = 0
            while start < entries:
                payload, end = random_layer.encode(numbers, start, bits, room)
                yield {
                    "units": units,
                    "classes": classes,
                    "numbers": numbers,
                    "bits": bits,
                    "start": start,
                    "end": end,
                    "room_bytes": room,
                    "payload": payload.hex(),
                    "sums": [[index, str(sum_)] for index, sum_ in random_layer.decode(payload, units, classes, bits)],
                }
                start = end


def hidden_cases():
    for seed in SEEDS:
        for features, gain in [(1, 1.0), (7, 0.3), (64, 0.125)]:
            sample = gaussian(seed % 1000 + features, features, 1.0)
            answers = [random_layer.hidden(seed, unit, F(gain), sample) for unit in range(10)]
            yield {"seed": seed, "gain": to_hex([gain]), "sample": to_hex(sample), "answers": answers}


def linear_block_cases():
    for name, columns in matrices():
        for bits, room in [(2, 36), (4, 36), (8, 100)]:
            for start in sorted({0, len(UPDATES[name]) // 2}):
                payload, end = runs.encode_linear(UPDATES[name], start, columns, bits, room)
                at, values = runs.decode_linear(payload, columns, bits)
                assert (at, at + len(values)) == (start, end)
                fields = {"input": name, "columns": columns, "bits": bits, "start": start, "end": end}
                yield {**fields, "room_bytes": room, "payload": payload.hex(), "decoded": to_hex(values)}


def one_versus_one_cases():
    for name, columns in [("gaussian", 65), ("heavy tails", 50), ("zeros", 7), ("ties", 9)]:
        update = UPDATES[name]
        learners = len(update) // columns
        pairs = [4 * learner + learner % 3 for learner in range(learners)]
        classes = next(c for c in range(2, 100) if c * (c - 1) // 2 > pairs[-1])
        for bits, room in [(2, 36), (4, 36), (8, 100)]:
            for start in sorted({0, len(update) // 2}):
                payload, end = runs.encode_one_versus_one(update, pairs, start, columns, bits, room)
                parts = runs.decode_one_versus_one(payload, columns, bits)
                fields = {"input": name, "columns": columns, "classes": classes, "pairs": pairs, "bits": bits}
                more = {"start": start, "end": end, "room_bytes": room, "payload": payload.hex()}
                yield {**fields, **more, "parts": [[pair, first, to_hex(values)] for pair, first, values in parts]}


def prototypes_cases():
    for seed, (classes, count, fewest, step, number) in enumerate(
        [(10, 10, 3, 0.25, 12), (2, 40, 1, 0.01, 9), (300, 1, 8, 3.0, 40), (1, 33, 1, 1e-5, 3)]
    ):
        samples = [fewest + (n >> n % 20) for n in whole(seed + 50, number, 2**20)]
        labels = list(zip(whole(seed, number, classes), samples))
        coefficients = gaussian(40 + seed, number * count, 3 * step).reshape(number, count)
        coefficients[0, 0], coefficients[-1, -1] = 80 * step, 0
        for room in [36, 100]:
            for start in [0, number // 2]:
                payload, end = prototypes.encode(labels, coefficients, start, F(step), classes, fewest, room)
                decoded = prototypes.decode(payload, classes, count, fewest)
                fields = {"classes": classes, "coefficients": count, "fewest": fewest, "step": to_hex([step])}
                yield {
                    **fields,
                    "prototypes": labels,
                    "values": to_hex(coefficients.reshape(-1)),
                    "start": start,
                    "end": end,
                    "room_bytes": room,
                    "payload": payload.hex(),
                    "decoded": [[class_, samples, to_hex(values)] for class_, samples, values in decoded],
                }


def grown(draw, depth, features, classes):
    """A tree in preorder."""
    node = [draw.number() % features, draw.number() % 256, draw.number() % classes, draw.number() % 256]
    if depth == 0 or draw.number() % 5 == 0:
        return [[None, 0, *node[2:]]]
    return [node] + grown(draw, depth - 1, features, classes) + grown(draw, depth - 1, features, classes)


def tree_cases():
    trees = [(1, 1, 0, 3), (5, 3, 2, 5), (64, 10, 8, 6), (17, 2, 4, 0)]
    for seed, (features, classes, share_bits, depth) in enumerate(trees):
        shape = tree.Shape(features, classes, share_bits)
        nodes = grown(Generator(seed, 11), depth, features, classes)
        samples = gaussian(seed, 8 * features, 2.0).reshape(8, features)
        for room in [36, 100]:
            start = 0
            while start < len(nodes):
                payload, end = tree.encode(nodes, start, shape, room)
                yield {
                    "features": features,
                    "classes": classes,
                    "share_bits": share_bits,
                    "nodes": nodes,
                    "start": start,
                    "end": end,
                    "room_bytes": room,
                    "payload": payload.hex(),
                    "samples": to_hex(samples.reshape(-1)),
                    "answers": [tree.answer(payload, shape, sample) for sample in samples],
                }
                start = end


FILES = {
    "inputs": input_cases,
    "generator": generator_cases,
    "topk": topk_cases,
    "threshold": threshold_cases,
    "linear": linear_cases,
    "dense": dense_cases,
    "drive": drive_cases,
    "eden": eden_cases,
    "terngrad": terngrad_cases,
    "qsgd": qsgd_cases,
    "nuqsgd": nuqsgd_cases,
    "elastic": elastic_cases,
    "sign": sign_cases,
    "low_rank": low_rank_cases,
    "sparse_sign": sparse_sign_cases,
    "class_means": class_means_cases,
    "second_moments": second_moments_cases,
    "random_layer": random_layer_cases,
    "hidden": hidden_cases,
    "linear_block": linear_block_cases,
    "one_versus_one": one_versus_one_cases,
    "prototypes": prototypes_cases,
    "tree": tree_cases,
}


def main(folder):
    for name, cases in FILES.items():
        lines = ",\n".join(json.dumps(case) for case in cases())
        Path(folder, f"{name}.json").write_text(f"[\n{lines}\n]\n", encoding="ascii", newline="\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
