"""The published network of ``nnlab translate`` beside the plain Keras script, in one run on one machine.

Usage: ``python tests/benchmarks/translate.py PAIRS [--epochs N] [--batch-size N]``. Prints the median
seconds of an epoch (the first, which compiles, left out), sentences decoded a second and peak memory.
"""

import argparse
import csv
import itertools
import json
import statistics
import sys
import tempfile
from pathlib import Path

from measure import run

HERE = Path(__file__).parent


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=75)
    options = parser.parse_args()
    few = ("--epochs", options.epochs, "--batch-size", options.batch_size)
    plain = json.loads(
        run(sys.executable, HERE / "plain_translate.py", options.pairs, options.epochs, options.batch_size)[0]
    )
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, "-m", "nnlab", "translate", "--pairs", options.pairs, "--preset", "published"]
        ours, ours_mb = run(*command, *few, "--test", 0.2, "--out", f"{place}/run", "--json", "-q")
        with open(f"{place}/run/metrics.csv", newline="") as file:
            ends = [float(row["seconds"]) for row in csv.DictReader(file)]
    mine = statistics.median(after - before for before, after in itertools.pairwise(ends))
    theirs = statistics.median(plain["seconds"][1:])
    speed = json.loads(ours)["results"]["sentences_per_second"]
    print(f"seconds per epoch: {theirs:.1f} plain, {mine:.1f} nnlab, ratio {theirs / mine:.2f}")
    print(f"sentences per second: {plain['sentences_per_second']:.2f} plain, {speed:.0f} nnlab")
    print(f"peak memory: {plain['peak_mb']:.0f} MB plain, {ours_mb:.0f} MB nnlab")


if __name__ == "__main__":
    main()
