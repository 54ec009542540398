"""Checks what the quickstart printed: it learns, keeps the law of the air, is quick, and is repeatable.

Usage: check_quickstart.py FOLDER, with the summaries first.json, again.json, debug.json and other-seed.json.
"""

import json
import pathlib
import sys

ACCURACY_AT_LEAST = 0.9
DUTY_CYCLE_AT_MOST = 1.0
WALL_S_BELOW = 60.0


def main(folder: pathlib.Path) -> int:
    first, again, debug, other = (
        json.loads((folder / f"{name}.json").read_text()) for name in ("first", "again", "debug", "other-seed")
    )
    accuracy = first["accuracy"]["final"]
    duty_cycle = first["duty_cycle"]["worst_ratio"]
    wall_s = first["wall_s"]
    trace = first["trace_hash"]
    checks = [
        (f"accuracy.final {accuracy:.4f} >= {ACCURACY_AT_LEAST}", accuracy >= ACCURACY_AT_LEAST),
        (f"duty_cycle.worst_ratio {duty_cycle:.4f} <= {DUTY_CYCLE_AT_MOST}", duty_cycle <= DUTY_CYCLE_AT_MOST),
        (f"wall_s {wall_s:.2f} < {WALL_S_BELOW}", wall_s < WALL_S_BELOW),
        (f"a trace of 64 hexadecimal digits: {trace}", len(trace) == 64 and int(trace, 16) != 0),
        ("the same seed has the same trace", again["trace_hash"] == trace),
        ("the debug build has the same trace", debug["trace_hash"] == trace),
        ("another seed has another trace", other["trace_hash"] != trace),
    ]
    for text, holds in checks:
        print("ok    " if holds else "FAILED", text)
    return 0 if all(holds for _, holds in checks) else 1


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
