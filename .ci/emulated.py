"""Programs on an emulated board, and tables of what they printed."""

import itertools
import os
import pathlib
import re
import subprocess

TOLERANCE = 0.02
LARGEST_RUN_S = 300


def run(program: pathlib.Path, board: str) -> list[str]:
    """The lines that the program printed. Ends this one when it fails."""
    emulator = ["qemu-system-arm", "-M", board, "-icount", "shift=0", "-nographic", "-monitor", "none"]
    emulator += ["-serial", "none", "-semihosting-config", "enable=on,target=native", "-kernel", str(program)]
    ran = subprocess.run(emulator, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LARGEST_RUN_S)
    if ran.returncode != 0:
        raise SystemExit(f"the program ended with {ran.returncode}:\n{ran.stdout}{ran.stderr}")
    return ran.stdout.splitlines()


def compiler() -> str:
    version = subprocess.run([os.environ.get("RUSTC", "rustc"), "--version"], capture_output=True, text=True, check=True)
    return " ".join(version.stdout.split()[:2])


def rows_of(text: str) -> dict[tuple[str, str], list[str]]:
    """Cells by heading and first cell."""
    heading, rows = "", {}
    for line in text.splitlines():
        if line.startswith("#"):
            heading = line.strip("# ")
        elif line.startswith("| ") and "---" not in line:
            name, *cells = (part.strip() for part in line.strip("|").split("|"))
            rows[heading, name] = cells
    return rows


def differs(written: str, measured: str) -> bool:
    numbers = [[float(number.replace(",", "")) for number in re.findall(r"\d[\d,.]*", text)] for text in (written, measured)]
    if len(numbers[0]) != len(numbers[1]) or not numbers[0]:
        return written != measured
    return any(abs(was - now) > TOLERANCE * was for was, now in zip(*numbers))


def check(table: pathlib.Path, measured: str) -> int:
    """Compares what was measured with what is written, and prints what differs."""
    written = table.read_text()
    if f"Built with {compiler()}," not in written:
        print(f"note: {table.name} is of another compiler than {compiler()}, its figures cannot be compared")
        return 0
    before, after = rows_of(written), rows_of(measured)
    failures = [f"{'missing' if key in after else 'gone'}: {' | '.join(key)}" for key in before.keys() ^ after.keys()]
    for key in before.keys() & after.keys():
        for was, now in itertools.zip_longest(before[key], after[key], fillvalue=""):
            if differs(was, now):
                failures.append(f"{' | '.join(key)}: {was} -> {now}")
    for failure in sorted(failures):
        print(failure)
    print(f"{len(after)} rows measured, {len(failures)} differ from {table.name}")
    return 1 if failures else 0
