"""Runs the scenario library and fills the tables of docs/scenarios.md.

Usage: scenarios.py CHIRRUP      runs what has no evidence of the present files, and writes
       scenarios.py --check      runs and writes nothing; the exit code is 1 if evidence is missing or of other files, or
                                 the document is not what the evidence says
"""

import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile
import tomllib

FOLDER = pathlib.Path("testbed/scenarios")
EVIDENCE = pathlib.Path("docs/evidence/scenarios")
DOCUMENT = pathlib.Path("docs/scenarios.md")
# File, what the table says of the data rate or of what differs, settings.
LEARNING = [
    ("quickstart", "ADR", []),
    ("quickstart", "SF9", ["radio.data_rate=3"]),
    ("quickstart", "SF12", ["radio.data_rate=0"]),
    ("building", "ADR", []),
    ("building", "SF7", ["radio.data_rate=5"]),
    ("building-ble", "BLE and ADR", []),
    ("farm", "ADR", []),
    ("farm", "SF12", ["radio.data_rate=0"]),
    ("factory", "ADR", []),
    ("factory", "SF9", ["radio.data_rate=3"]),
    ("harvest", "ADR", []),
    ("harbour", "ADR", []),
    ("harbour", "ADR, quiet", ["radio.interferers=[]"]),
    ("city", "ADR", []),
    ("city", "SF8", ["radio.data_rate=4"]),
    ("metropolis", "ADR", []),
]
TRAFFIC = [("lorasim", "SF12", []), ("meters", "SF9", [])]

Run = tuple[str, str, list[str]]


def evidence_of(run: Run) -> pathlib.Path:
    name, label, _ = run
    return EVIDENCE / f"{name}-{label.lower().replace(',', '').replace(' ', '-')}.json"


def inputs_of(run: Run) -> dict[str, str]:
    """Hashes of the scenario and of the files that it names."""
    scenario = FOLDER / f"{run[0]}.toml"
    sections = tomllib.loads(scenario.read_text())
    named = [sections.get("radio", {}).get("tracks"), sections.get("data", {}).get("path")]
    files = [scenario] + [FOLDER / file for file in named if file]
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def words_of(run: Run) -> list[str]:
    name, _, settings = run
    return ["run", str(FOLDER / f"{name}.toml")] + [word for setting in settings for word in ("--set", setting)]


def is_current(run: Run) -> bool:
    file = evidence_of(run)
    if not file.exists():
        return False
    evidence = json.loads(file.read_text())
    return evidence["inputs_sha256"] == inputs_of(run) and evidence["command"] == shlex.join(["chirrup", *words_of(run)])


def measure(chirrup: str, run: Run) -> None:
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        words = [*words_of(run), "--json", "--out", folder]
        print(shlex.join(["chirrup", *words]), file=sys.stderr)
        child = subprocess.Popen([chirrup, *words], stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0), err.seek(0)
        if child.returncode != 0:
            raise SystemExit(f"ended with {child.returncode}:\n{err.read().decode()}")
        write(run, json.load(out), used.ru_utime + used.ru_stime, used.ru_maxrss / 1_024)


def write(run: Run, summary: dict, cpu_s: float, memory_mib: float) -> None:
    evidence = {
        "command": shlex.join(["chirrup", *words_of(run)]),
        "inputs_sha256": inputs_of(run),
        "cpu_s": round(cpu_s, 1),
        "peak_memory_mib": round(memory_mib),
        "summary": summary,
    }
    EVIDENCE.mkdir(parents=True, exist_ok=True)
    evidence_of(run).write_text(json.dumps(evidence, indent=2) + "\n")


def percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f}"


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def opened(run: Run) -> tuple[list[str], dict, dict]:
    """The cells that begin a row, the evidence and its summary."""
    evidence = json.loads(evidence_of(run).read_text())
    name, label, _ = run
    link = f"[{name}]({evidence_of(run).relative_to(DOCUMENT.parent)})"
    return [link, label], evidence, evidence["summary"]


def learnt(run: Run) -> list[str]:
    cells, _, summary = opened(run)
    accuracy, baselines, sent = summary["accuracy"], summary["baselines"], summary["uplink"]
    return cells + [
        f"{summary['nodes']:,}",
        f"{summary['virtual_s'] / 86_400:g}",
        percent(accuracy["final"]),
        percent(accuracy["best"]),
        percent(baselines["centralised"]),
        percent(baselines["local_only"]),
        f"{sent['contribution']['payload_bytes_per_node']['mean']:.0f}",
        f"{sent['control']['payload_bytes_per_node']['mean']:,.0f}",
        f"{baselines['raw_data']['bytes_per_node']:,}",
        f"{sent['airtime_s_per_node']['mean']:.1f}",
        f"{sent['energy_mj_per_node']['mean'] / 1_000:.1f}",
        "{mean:.1f} / {min:.1f}".format(**summary["battery"]["years_per_node"]),
    ]


LEARNT = [
    "scenario", "data rate", "nodes", "days", "accuracy %", "best version %", "one place %", "node alone %",
    "contributions B", "all else B", "raw data B", "airtime s", "energy J", "battery years, mean / first",
]


def aired(run: Run) -> list[str]:
    cells, evidence, summary = opened(run)
    radio, hours = summary["radio"], summary["virtual_s"] / 3_600
    gateways = tomllib.loads((FOLDER / f"{run[0]}.toml").read_text())["radio"].get("gateways", 1)
    causes = ["collision", "sensitivity", "half_duplex", "no_demodulator", "interference", "unheard"]
    return cells + [
        f"{summary['nodes'] / gateways:g}",
        f"{radio['transmissions']:,}",
        percent(radio["delivery_ratio"]),
        *[percent(radio["lost"][cause] / radio["transmissions"], 2) for cause in causes],
        f"{summary['downlink']['airtime_s_total'] / gateways / hours:.0f}",
        f"{summary['duty_cycle']['worst_ratio']:.3f}",
        f"{summary['wall_s']:.0f}",
        f"{evidence['cpu_s']:.0f}",
        f"{evidence['peak_memory_mib']:,}",
        f"`{summary['trace_hash'][:12]}`",
    ]


AIRED = [
    "scenario", "data rate", "nodes a gateway", "frames", "delivered %", "collision %", "too weak %", "gateway sending %",
    "no demodulator %", "interferer %", "no window %", "downlink s an hour and gateway", "duty cycle, worst hour", "wall s",
    "CPU s", "memory MiB", "trace",
]


def carried(run: Run) -> list[str]:
    cells, _, summary = opened(run)
    traffic = summary["traffic"]
    return cells + [f"{traffic['load']:.3f}", percent(traffic["uplink_delivery_ratio"]), f"{traffic['goodput_bps']:,.0f}"]


CARRIED = ["scenario", "data rate", "offered load G a channel", "uplinks delivered %", "goodput bit/s"]


def filled(text: str) -> str:
    blocks = {
        "learning": table(LEARNT, [learnt(run) for run in LEARNING]),
        "air": table(AIRED, [aired(run) for run in LEARNING + TRAFFIC]),
        "traffic": table(CARRIED, [carried(run) for run in TRAFFIC]),
    }
    for name, content in blocks.items():
        begin, end = f"<!-- {name}: written by .ci/scenarios -->\n", f"<!-- end of {name} -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise SystemExit(f"{DOCUMENT} has no block `{name}`")
        text = before + begin + content + end + after
    return text


def check() -> None:
    stale = [evidence_of(run) for run in LEARNING + TRAFFIC if not is_current(run)]
    if stale:
        raise SystemExit("no evidence of the present files: " + ", ".join(map(str, stale)) + "; run .ci/scenarios")
    if DOCUMENT.read_text() != filled(DOCUMENT.read_text()):
        raise SystemExit(f"{DOCUMENT} is not what {EVIDENCE} says; run .ci/scenarios")
    print(f"{DOCUMENT} is of the present scenarios")


def main(chirrup: str) -> None:
    for run in LEARNING + TRAFFIC:
        if not is_current(run):
            measure(chirrup, run)
    DOCUMENT.write_text(filled(DOCUMENT.read_text()))


if __name__ == "__main__":
    check() if sys.argv[1] == "--check" else main(sys.argv[1])
