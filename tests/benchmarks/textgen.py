"""``nnlab textgen`` beside the plain Keras script, in one run on one machine.

Usage: ``python tests/benchmarks/textgen.py TEXT [--plain-epochs N]``. Prints the seconds each needs to the
plain script's best held-out loss, the loss of a default run, characters a second and peak memory.
"""

import argparse
import csv
import json
import sys
import tempfile
from pathlib import Path

from measure import run

HERE = Path(__file__).parent


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("text", type=Path)
    parser.add_argument("--plain-epochs", type=int, default=5)
    options = parser.parse_args()
    plain = json.loads(run(sys.executable, HERE / "plain_textgen.py", options.text, options.plain_epochs)[0])
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, "-m", "nnlab", "textgen", "--data", options.text, "--out", f"{place}/run"]
        ours, ours_mb = run(*command, "--json", "-q")
        console = Path(place, "run", "console.txt").read_text(encoding="utf-8").splitlines()
        with open(f"{place}/run/metrics.csv", newline="") as file:
            rows = list(csv.DictReader(file))
    results = json.loads(ours)["results"]
    plateau = min(plain["val_loss"])
    theirs = plain["seconds"][plain["val_loss"].index(plateau)]
    mine = next((float(row["seconds"]) for row in rows if float(row["val_loss"]) <= plateau), None)
    print(f"plain: {plateau:.4f} nats after {theirs:.0f} s, {plain['peak_mb']:.0f} MB, by epoch {plain['val_loss']}")
    ratio = f"{theirs / mine:.1f} times sooner" if mine else "never"
    print(f"nnlab: as good after {mine} s ({ratio}); {results['val_loss']:.4f} nats after {rows[-1]['seconds']} s")
    print(f"nnlab: peak memory {ours_mb:.0f} MB; " + "; ".join(line for line in console if "side by side" in line))
    print(
        f"characters a second: {plain['characters_per_second']:.0f} plain, {results['characters_per_second']:.0f} nnlab"
    )


if __name__ == "__main__":
    main()
