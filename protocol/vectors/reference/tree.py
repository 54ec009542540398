"""Codec 66, decision tree. A node is (feature, threshold, class, share); a leaf's feature is None."""

from .bits import Reader, Writer


class Shape:
    def __init__(self, features, classes, share_bits):
        self.f, self.c, self.w = (features - 1).bit_length(), (classes - 1).bit_length(), share_bits


def layout(nodes):
    """Of each node its left and right side, its parent, and whether it is the parent's left side."""
    sides, parents = {}, {0: None}

    def visit(at):
        if nodes[at][0] is None:
            return at + 1
        right = visit_child(at, at + 1, True)
        end = visit_child(at, right, False)
        sides[at] = (at + 1, right)
        return end

    def visit_child(parent, child, is_left):
        parents[child] = (parent, is_left)
        return visit(child)

    visit(0)
    return sides, parents


def write(nodes, start, end, shape):
    sides, parents = layout(nodes)
    path, at = [], start
    while parents[at]:
        at, is_left = parents[at]
        path.insert(0, (at, is_left))
    on_path = dict(path)
    writer = Writer()
    writer.put(len(path), 5)

    def test(at):
        writer.put(nodes[at][0], shape.f)
        writer.put(nodes[at][1], 8)

    def emit(at):
        if at in on_path:
            left, right = sides[at]
            here = 2 if not on_path[at] else 0 if right < end else 1
            writer.put(here, 2)
            test(at)
            if here != 2:
                emit(left)
            if here != 1:
                emit(right)
        elif nodes[at][0] is not None and at < end:
            writer.put(0, 1)
            test(at)
            for side in sides[at]:
                emit(side)
        else:
            writer.put(1, 1)
            writer.put(nodes[at][2], shape.c)
            writer.put(nodes[at][3] >> 8 - shape.w, shape.w)

    emit(0)
    return writer.payload()


def encode(nodes, start, shape, room_bytes):
    """The payload, and where to go on."""
    fitting = [end for end in range(start + 1, len(nodes) + 1) if len(write(nodes, start, end, shape)) <= room_bytes]
    return write(nodes, start, fitting[-1], shape), fitting[-1]


def answer(payload, shape, sample):
    """Class, share and depth; None where that side is not here."""
    reader = Reader(payload)
    steps = [reader.take(5)]

    def read(depth, alive):
        if steps[0]:
            steps[0] -= 1
            here = reader.take(2)
        elif reader.take(1):
            class_, q = reader.take(shape.c), reader.take(shape.w)
            return (class_, (q + 1) / 2**shape.w, depth) if alive else None
        else:
            here = 0
        feature, threshold = reader.take(shape.f), reader.take(8)
        left = float(sample[feature]) < (threshold - 128) / 32
        found = None
        if here != 2:
            found = read(depth + 1, alive and left)
        if here != 1:
            found = read(depth + 1, alive and not left) or found
        return found

    return read(0, True)
