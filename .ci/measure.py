"""Runs the chirrup command several times and prints what came out, as JSON.

Usage:
  measure.py CHIRRUP spread ARGUMENT...            one run a seed, and the spread over them
  measure.py CHIRRUP live ARGUMENT...              the same with the real services
  measure.py CHIRRUP same-trace OTHER              two builds, the same runs, the same traces; OTHER is a command line
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

# What two builds must agree on: the quickstart, every part of the radio that computes with reals, every kind of data.
SAME = {
    "run": SEEDS,
    "run --set data.source=breast-cancer --set contribution.codec=planned": (1,),
    "run --set data.source=vibration --set run.duration_s=43200": (1,),
    "run --set run.duration_s=43200 --set radio.collision=croce --set radio.path_loss=okumura-hata"
    " --set radio.environment=suburban --set radio.shadowing_db=7 --set radio.shadowing_correlation_m=50"
    " --set radio.fading=rician --set radio.clock_drift_ppm=40": (1, 2),
    "run --set run.duration_s=43200 --set radio.gateways=3 --set radio.collision=capture --set radio.fading=rayleigh"
    " --set faults.frame_loss=0.2 --set faults.reboot_per_day=4": (1, 2),
}


def summary(binary: str, words: list[str], seed: int) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        command = [*shlex.split(binary), *words, "--seed", str(seed), "--json", "--out", folder]
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


def same_trace(binary: str, other: str) -> dict:
    runs = []
    for words, seeds in SAME.items():
        traces = {name: [summary(name, shlex.split(words), seed)["trace_hash"] for seed in seeds] for name in (binary, other)}
        if traces[binary] != traces[other]:
            raise SystemExit(f"the traces of {words} differ: {json.dumps(traces, indent=2)}")
        runs.append({"command": f"chirrup {words}", "seeds": list(seeds), "traces": traces[binary]})
    return {"same_trace": True, "runs": runs}


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
        result = same_trace(binary, *words)
    elif what == "is-current":
        result = is_current(binary, words[0])
    else:
        raise SystemExit(__doc__)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
