"""Runs the learners of node/learn/footprint here and on emulated boards, and writes docs/learning-footprint.md, or checks
that it still holds. Fails when they do not learn the same bits.

Usage: learn_footprint.py [--check]     with the programs built; `.ci/learn-footprint` does that
"""

import os
import pathlib
import subprocess
import sys

import emulated

TABLE = pathlib.Path(__file__).parent.parent / "docs" / "learning-footprint.md"
BUILT = pathlib.Path(os.environ["CARGO_TARGET_DIR"])
BOARDS = {"M4F": ("thumbv7em-none-eabihf", "mps2-an386"), "M3": ("thumbv7m-none-eabi", "mps2-an385")}

PREFACE = """# Learners on a Cortex-M

What the learners of `chirrup-learn` need at 64 features and 10 classes, unless the row says otherwise.
`.ci/learn-footprint` measures it and writes this file; `.ci/learn-footprint --check` fails when a figure is more than 2 %
off, or when what is learnt from {samples} samples on a computer, on a Cortex-M4 with floating point (*M4F*) and on a
Cortex-M3 without (*M3*) differs in a bit. Built with {compiler}, opt-level 3 and whole-program optimisation, run by QEMU
as boards `mps2-an386` and `mps2-an385`.

- **State**: memory that a node keeps from sample to sample. **Scratch**: memory that is lent for a call. Both are lent
  by the caller; no learner has static memory of its own.
- **Stack**: what is used below the caller, the larger of a step and a verdict, by painting.
- **Step**: instructions of learning from one sample. **Verdict**: of judging one. To within 40; they are not cycles: a
  Cortex-M4 takes one to two a piece, more for divisions and slow flash.

| learner | state, B | scratch, B | stack, B: M4F | M3 | step: M4F | M3 | verdict: M4F | M3 |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
"""


def on_board(name: str) -> list[list[str]]:
    target, board = BOARDS[name]
    return [line.split("\t") for line in emulated.run(BUILT / target / "release" / "board", board)]


def here() -> list[list[str]]:
    ran = subprocess.run([BUILT / "release" / "host"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if ran.returncode != 0:
        raise SystemExit(f"the program ended with {ran.returncode}:\n{ran.stdout}{ran.stderr}")
    return [line.split("\t") for line in ran.stdout.splitlines()]


def must_agree(host: list[list[str]], boards: dict[str, list[list[str]]]) -> None:
    if not host:
        raise SystemExit("no learner took part")
    for board, lines in boards.items():
        other = [f"{name}: {mine} here, {theirs} on {board}" for (name, mine), (_, theirs, *_) in zip(host, lines) if mine != theirs]
        if other or [line[0] for line in host] != [line[0] for line in lines]:
            raise SystemExit("\n".join(["not the same bits, or not the same learners:", *other]))
    print(f"{len(host)} learners learn the same bits here and on {' and '.join(boards)}")


def row(m4f: list[str], m3: list[str]) -> str:
    name, _, state, scratch, *_ = m4f
    cells = [int(state), int(scratch)]
    (stack_of_step, step, stack_of_verdict, verdict) = zip(map(int, m4f[4:]), map(int, m3[4:]), strict=True)
    cells += [*map(max, stack_of_step, stack_of_verdict), *step, *verdict]
    return f"| {name} | {' | '.join(f'{cell:,}' for cell in cells)} |"


def samples() -> str:
    source = pathlib.Path(__file__).parent.parent / "node/learn/footprint/src/lib.rs"
    return next(line.split("= ")[1].rstrip(";") for line in source.read_text().splitlines() if "const SAMPLES" in line)


def main(words: list[str]) -> int:
    boards = {name: on_board(name) for name in BOARDS}
    must_agree(here(), boards)
    rows = "".join(row(*lines) + "\n" for lines in zip(*boards.values(), strict=True))
    measured = PREFACE.format(samples=samples(), compiler=emulated.compiler()) + rows
    if words == ["--check"]:
        return emulated.check(TABLE, measured)
    TABLE.write_text(measured)
    print(f"wrote {TABLE.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
