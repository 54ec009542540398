"""Runs the chirrup command several times and prints what came out, as JSON.

Usage:
  measure.py CHIRRUP spread ARGUMENT...            one run a seed, and the spread over them
  measure.py CHIRRUP live ARGUMENT...              the same with the real services
  measure.py CHIRRUP same-trace OTHER ARGUMENT...  two builds, the same runs, the same traces
  measure.py CHIRRUP is-current FILE               whether this build gives the trace that FILE, of `spread run`, has
"""

import json
import pathlib
import shlex
import statistics
import subprocess
import sys
import tempfile

SEEDS = (1, 2, 3, 4, 5)
LIVE_SEEDS = (1, 2, 3)


def summary(binary: str, words: list[str], seed: int) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        command = [binary, *words, "--seed", str(seed), "--json", "--out", folder]
        run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if run.returncode != 0:
            raise SystemExit(f"{shlex.join(command)} ended with {run.returncode}:\n{run.stderr}")
        return json.loads(run.stdout)


def spread_of(values: list[float]) -> dict:
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


FIGURES = {
    "accuracy": lambda run: run["accuracy"]["final"],
    "accuracy_of_all_data_in_one_place": lambda run: run["baselines"]["centralised"],
    "accuracy_of_every_node_alone": lambda run: run["baselines"]["local_only"],
    "delivery_ratio": lambda run: run["radio"]["delivery_ratio"],
    "contribution_bytes_per_node": lambda run: run["uplink"]["contribution"]["payload_bytes_per_node"]["mean"],
    "control_bytes_per_node": lambda run: run["uplink"]["control"]["payload_bytes_per_node"]["mean"],
    "uplink_airtime_s_per_node": lambda run: run["uplink"]["airtime_s_per_node"]["mean"],
    "raw_data_bytes_per_node": lambda run: run["baselines"]["raw_data"]["bytes_per_node"],
    "duty_cycle_worst_ratio": lambda run: run["duty_cycle"]["worst_ratio"],
}


def spread(binary: str, words: list[str], seeds: tuple[int, ...]) -> dict:
    runs = [summary(binary, words, seed) for seed in seeds]
    return {
        "command": f"chirrup {shlex.join(words)}",
        "seeds": list(seeds),
        "spread": {name: spread_of([figure(run) for run in runs]) for name, figure in FIGURES.items()},
        "accuracy_by_seed": [run["accuracy"]["final"] for run in runs],
        "wall_s_by_seed": [round(run["wall_s"], 3) for run in runs],
        "trace_hash_by_seed": [run["trace_hash"] for run in runs],
    }


def same_trace(binary: str, other: str, words: list[str]) -> dict:
    traces = {name: [summary(name, words, seed)["trace_hash"] for seed in SEEDS] for name in (binary, other)}
    if traces[binary] != traces[other]:
        raise SystemExit(f"the traces differ: {json.dumps(traces, indent=2)}")
    return {"command": f"chirrup {shlex.join(words)}", "seeds": list(SEEDS), "same_trace": True, "traces": traces[binary]}


def is_current(binary: str, file: str) -> dict:
    measured = json.loads(pathlib.Path(file).read_text())
    seed, trace = measured["seeds"][0], measured["trace_hash_by_seed"][0]
    if summary(binary, ["run"], seed)["trace_hash"] != trace:
        raise SystemExit(f"{file} was measured with another version: delete its folder's files to measure anew")
    return {"file": file, "is_current": True}


def main(binary: str, what: str, words: list[str]) -> None:
    if what == "spread":
        result = spread(binary, words, SEEDS)
    elif what == "live":
        result = spread(binary, ["live", *words], LIVE_SEEDS)
    elif what == "same-trace":
        result = same_trace(binary, words[0], words[1:])
    elif what == "is-current":
        result = is_current(binary, words[0])
    else:
        raise SystemExit(__doc__)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
