"""``nnlab textgen`` beside the plain Keras script, in one run on one machine.

Usage: ``python tests/benchmarks/textgen.py TEXT [--plain-epochs N]``. Prints the seconds that the plain script,
a quick run and a default run need to the plain script's best validation loss, the test loss of each,
characters per second and peak memory.
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
    plateau = min(plain["val_loss"])
    best = plain["val_loss"].index(plateau)
    theirs, tested = plain["seconds"][best], plain["test_loss"][best]
    print(f"plain: {tested:.4f} nats after {theirs:.0f} s, {plain['peak_mb']:.0f} MB; validation {plain['val_loss']}")
    print(f"plain: {plain['characters_per_second']:.0f} characters per second", flush=True)
    for preset in ("quick", "best"):
        with tempfile.TemporaryDirectory() as place:
            command = [sys.executable, "-m", "nnlab", "textgen", "--preset", preset, "--data", options.text]
            output, megabytes = run(*command, "--out", f"{place}/run", "--json", "-q")
            console = Path(place, "run", "console.txt").read_text(encoding="utf-8").splitlines()
            with open(f"{place}/run/metrics.csv", newline="") as file:
                rows = list(csv.DictReader(file))
        results = json.loads(output)["results"]
        mine = next((float(row["seconds"]) for row in rows if float(row["val_loss"]) <= plateau), None)
        sooner = f"after {mine:.1f} s ({theirs / mine:.1f} times sooner)" if mine else "never"
        print(f"{preset}: as good {sooner}; {results['test_loss']:.4f} nats after {rows[-1]['seconds']} s")
        many = next(line.split()[-1] for line in console if "side by side" in line)
        one = results["characters_per_second"]
        print(f"{preset}: {one:.0f} characters per second, of 64 texts {many}; {megabytes:.0f} MB", flush=True)


if __name__ == "__main__":
    main()
