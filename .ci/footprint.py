"""Measures the items of protocol/footprint and writes docs/footprint.md, or checks that it still holds.

Usage: footprint.py [--check] -- CARGO BUILD ARGUMENT...     in the folder of the program, for a bare-metal target

The program is built once with all items, which the emulator runs, and once more for each item alone, whose size
counts. Nothing depends on the speed of the machine.
"""

import itertools
import os
import pathlib
import struct
import subprocess
import sys

import emulated

TABLE = pathlib.Path(__file__).parent.parent / "docs" / "footprint.md"
PROGRAM = "chirrup-footprint"
SEALING_PATH = "sealing path"
SEALING_STACK_LIMIT_BYTES = 2048
# Ciphers and hashes in loops instead of unrolled.
COMPACT = '--cfg aes_backend_soft="compact" --cfg sha2_backend_soft="compact"'
# Ways to build, with opt-level and flags of the compiler. The first is what the table is of.
FIRMWARE = "`s`"
BUILDS = {
    FIRMWARE: ("s", COMPACT),
    "`z`": ("z", COMPACT),
    "`3`": ("3", COMPACT),
    "`s`, ciphers and hashes unrolled": ("s", "-C debuginfo=0"),
}

SECTIONS = {
    "frames": ("Frames and objects", "At 40 and 231 bytes of message, 650 and 5,000 bytes of object."),
    "identity": ("Identity", "Once in a node's life, or when the aggregator's keys change."),
    "epochs": ("Counters", "Before a node sends, or when it starts."),
    "updates": (
        "Codecs of client updates",
        "At 650 and 5,000 parameters. One call: the payload of one frame, 100 bytes of EU868 DR3.",
    ),
    "parts": ("Parts of codecs", "At 650 and 5,000 parameters, or as it says."),
    "statistics": (
        "Codecs of statistics",
        "At 650 and 5,000 numbers. One call: one sample, or the payload of one frame, 100 bytes of EU868 DR3.",
    ),
    "models": ("Codecs of models", "At 650 and 5,000 parameters. One call: the whole model."),
    "classifiers": (
        "Codecs of prototypes and classifiers",
        "At 650 and 5,000 weights, or as it says. One call: the payload of one frame, 100 bytes of EU868 DR3.",
    ),
}

PREFACE = """# Footprint on a Cortex-M4

What `chirrup-protocol` needs on a node. `.ci/footprint` measures it and writes this file; `.ci/footprint --check`
fails when a figure is more than 2 % off. Built with {compiler}, opt-level {level}, one codegen unit and whole-program
optimisation, for `thumbv7em-none-eabihf`, run by QEMU as board `mps2-an386`. The compiler is given the flags

```text
{flags}
```

- **Flash**: code and constants of a program that does nothing but the item, less those of one that does nothing.
  Items share code, so a node with several needs less than their sum.
- **Stack**: what is used below the caller, by painting. This, and instructions, in the program with all items, which
  inlines less of what they share than one with a few.
- **Lent**: memory that the caller lends for the work, besides inputs and outputs. No item has static memory.
- **Instructions**: executed, to within 40. They are not cycles: a Cortex-M4 takes one to two a piece, more for divisions
  and slow flash.
"""


def build(command: list[str], way: str, item: int | None = None) -> pathlib.Path:
    level, flags = BUILDS[way]
    environment = dict(os.environ, CARGO_PROFILE_RELEASE_OPT_LEVEL=level, RUSTFLAGS=flags)
    if item is not None:
        environment["FOOTPRINT_ITEM"] = str(item)
    if subprocess.run(command, env=environment).returncode != 0:
        raise SystemExit("the program does not build")
    target = command[command.index("--target") + 1]
    return pathlib.Path(environment["CARGO_TARGET_DIR"]) / target / "release" / PROGRAM


def run(program: pathlib.Path) -> list[dict]:
    """What the program printed, a dictionary a line."""
    names = ("index", "section", "item", "size", "stack", "lent", "instructions")
    texts = ("section", "item")
    lines = (dict(zip(names, line.split("\t"), strict=True)) for line in emulated.run(program, "mps2-an386"))
    return [{name: value if name in texts else int(value) for name, value in line.items()} for line in lines]


def sizes(program: pathlib.Path) -> tuple[int, int]:
    """Flash and static RAM of an ELF file in bytes: its sections that are loaded, and those that are writable."""
    elf = program.read_bytes()
    assert elf[:6] == b"\x7fELF\x01\x01", f"{program} is no little-endian ELF file of 32 bits"
    (start,) = struct.unpack_from("<I", elf, 0x20)
    entry_bytes, count = struct.unpack_from("<HH", elf, 0x2E)
    flash = ram = 0
    for index in range(count):
        kind, flags, _, _, size = struct.unpack_from("<IIIII", elf, start + index * entry_bytes + 4)
        is_writable, is_allocated, has_no_bytes = flags & 1, flags & 2, kind == 8
        if is_allocated and not has_no_bytes:
            flash += size
        if is_allocated and is_writable:
            ram += size
    return flash, ram


def cell(values: list[int]) -> str:
    """One number where all are equal."""
    return " / ".join(f"{value:,}" for value in (values if len(set(values)) > 1 else values[:1]))


def section_table(lines: list[dict], flash: dict[int, int]) -> list[str]:
    rows = ["| item | flash, B | stack, B | lent, B | instructions |", "| --- | ---: | ---: | ---: | ---: |"]
    for index, group in itertools.groupby(lines, key=lambda line: line["index"]):
        group = list(group)
        cells = [cell([line[name] for line in group]) for name in ("stack", "lent", "instructions")]
        rows.append(f"| {group[0]['item']} | {flash[index]:,} | {' | '.join(cells)} |")
    return rows


def build_table(programs: dict[str, tuple[int, list[dict]]]) -> list[str]:
    rows = [
        "## Which way to build",
        "",
        "Firmware is built as the first says, with the flags above. Flash is that of the program with all items at once,",
        "its report included; instructions are the sum of those above.",
        "",
        "| opt-level | flash, B | largest stack of a codec, B | sealing path, B | instructions, millions |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for way, (flash, lines) in programs.items():
        codecs = max(line["stack"] for line in lines if line["section"] not in ("frames", "identity"))
        millions = sum(line["instructions"] for line in lines) / 1e6
        rows.append(f"| {way} | {flash:,} | {codecs:,} | {sealing_stack(lines):,} | {millions:,.1f} |")
    return rows


def sealing_stack(lines: list[dict]) -> int:
    return max(line["stack"] for line in lines if line["item"].startswith(SEALING_PATH))


def measure(command: list[str]) -> str:
    """The text of the table. Ends the program when the sealing path needs too much stack."""
    programs = {}
    for way in BUILDS:
        program = build(command, way)
        programs[way] = sizes(program)[0], run(program)
    lines = programs[FIRMWARE][1]
    alone = {index: sizes(build(command, FIRMWARE, index)) for index in sorted({line["index"] for line in lines})}
    flash = {index: size - alone[0][0] for index, (size, _) in alone.items()}
    static = [index for index, (_, ram) in alone.items() if ram != alone[0][1]]
    if static:
        raise SystemExit(f"items {static} have static memory, and the table says that none has")
    if sealing_stack(lines) > SEALING_STACK_LIMIT_BYTES:
        raise SystemExit(f"the sealing path uses {sealing_stack(lines)} B of stack, over {SEALING_STACK_LIMIT_BYTES}")
    text = [PREFACE.format(compiler=emulated.compiler(), level=FIRMWARE, flags=COMPACT)]
    for section, (title, sentence) in SECTIONS.items():
        of_section = [line for line in lines if line["section"] == section]
        if of_section:
            text += [f"## {title}", "", sentence, "", *section_table(of_section, flash), ""]
    return "\n".join([*text, *build_table(programs)]) + "\n"


def main(words: list[str]) -> int:
    split = words.index("--")
    measured = measure(words[split + 1 :])
    if "--check" in words[:split]:
        return emulated.check(TABLE, measured)
    TABLE.write_text(measured)
    print(f"wrote {TABLE.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
