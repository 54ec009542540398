"""Writes the figures of README.md: the quickstart's output, and the table of docs/evidence.

Usage: readme.py CHIRRUP [--check]     with --check nothing is written, and the exit code is 1 if something would be
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

README = pathlib.Path("README.md")
EVIDENCE = pathlib.Path("docs/evidence")
ROWS = [
    ("quickstart", "the quickstart"),
    ("loss-30-percent", "30 % of frames lost on purpose"),
    ("loss-60-percent", "60 % of frames lost on purpose"),
    ("loss-60-percent-three-days", "the same for three days"),
    ("one-class-per-node", "one digit a node"),
    ("breast-cancer", "breast cancer, 30 features"),
    ("hundred-nodes", "100 nodes, one gateway"),
    ("thousand-nodes", "1,000 nodes, four gateways"),
]


def quickstart(chirrup: pathlib.Path) -> str:
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run([chirrup], cwd=folder, check=True, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return f"```text\n{run.stderr.decode()}```\n"


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def row(name: str, what: str) -> str:
    measured = json.loads((EVIDENCE / f"{name}.json").read_text())
    spread = measured["spread"]
    accuracy = spread["accuracy"]
    cells = [
        f"[{what}](docs/evidence/{name}.json)",
        f"{percent(accuracy['median'])} ({percent(accuracy['min'])} to {percent(accuracy['max'])})",
        percent(spread["accuracy_of_all_data_in_one_place"]["median"]),
        percent(spread["accuracy_of_every_node_alone"]["median"]),
        percent(spread["delivery_ratio"]["median"]),
        f"{spread['contribution_bytes_per_node']['median']:.0f}",
        f"{spread['control_bytes_per_node']['median']:.0f}",
        f"{spread['raw_data_bytes_per_node']['median']:.0f}",
    ]
    return f"| {' | '.join(cells)} |\n"


def table() -> str:
    head = [
        "scenario", "accuracy % (least to most)", "one place %", "node alone %", "delivered %",
        "contributions B", "all else B", "all samples instead B",
    ]
    return f"| {' | '.join(head)} |\n|{' --- |' * len(head)}\n" + "".join(row(*entry) for entry in ROWS)


def fill(text: str, block: str, content: str) -> str:
    begin, end = f"<!-- {block}: written by .ci/readme.py -->\n", f"<!-- end of {block} -->"
    before, _, rest = text.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise SystemExit(f"{README} has no block `{block}`")
    return before + begin + content + end + after


def without_wall_time(text: str) -> str:
    return re.sub(r"virtual in [0-9.]+ s", "virtual in .. s", text)


def main(chirrup: pathlib.Path, check: bool) -> int:
    old = README.read_text()
    new = fill(old, "quickstart", quickstart(chirrup.resolve()))
    new = fill(new, "measured", table())
    if without_wall_time(old) == without_wall_time(new):
        print(f"{README} has the figures of this version")
        return 0
    if check:
        print(f"{README} has figures of another version: run .ci/evidence, or .ci/readme.py {chirrup}")
        return 1
    README.write_text(new)
    print(f"{README} written")
    return 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]), "--check" in sys.argv[2:]))
