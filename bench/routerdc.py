"""RouterDC's data for the benchmarks: rows, rewards as its accuracy rule reads them, stores made of them."""
import json
import pathlib
import subprocess
import sys

DATA = pathlib.Path(__file__).resolve().parents[2] / "shared" / "data" / "routerdc"


def read(name):
    """Rows of train.jsonl or test.jsonl; on the sets whose metric is a probability an LLM is right (1) or wrong (0)."""
    rows = []
    with open(DATA / name, encoding="utf-8") as f:
        for line in f:
            row = json.loads(line)
            if row["metric"] == "probability":
                row["rewards"] = {llm: 1 if p > 0 else 0 for llm, p in row["rewards"].items()}
            rows.append(row)
    return rows


def write(path, rows):
    with open(path, "w", encoding="utf-8") as f:
        for row in rows:
            f.write(json.dumps(row, ensure_ascii=False) + "\n")


def call(command, log):
    """Runs to the end; on failure shows what was said and ends."""
    with open(log, "w+b") as out:
        if subprocess.run([str(c) for c in command], stdout=subprocess.DEVNULL, stderr=out).returncode:
            sys.exit(f"{pathlib.Path(sys.argv[0]).name}: {pathlib.Path(log).read_text(errors='replace')}")
