"""``nnlab mnist`` of many seeds beside one run of a plain Keras script, in one run on one machine.

Usage: ``python tests/benchmarks/mnist.py mlp|cnn MNIST.npz [--plain-epochs N] [--runs N] [--epochs N]``.

``mlp``: the published recipe for the same epochs, ``--runs`` seeds against as many times one plain run.
``cnn``: ``--runs`` runs of this project's small network for ``--epochs`` epochs against one plain run of
``--plain-epochs``; each is to reach the plain run's accuracy.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
SMALL = ("--set", "design=nnlab")  # the network that is soonest at 99 %


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("net", choices=["mlp", "cnn"])
    parser.add_argument("data", type=Path)
    parser.add_argument("--plain-epochs", type=int, default=None)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=None)
    options = parser.parse_args()
    plain_epochs = options.plain_epochs or {"mlp": 5, "cnn": 12}[options.net]
    epochs = options.epochs or {"mlp": plain_epochs, "cnn": 2}[options.net]
    preset = {"mlp": "published", "cnn": "best"}[options.net]
    plain = json.loads(
        subprocess.run(
            [sys.executable, HERE / "plain_mnist.py", options.net, str(plain_epochs), options.data],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    )
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, "-m", "nnlab", "mnist", "--net", options.net, "--loss", "ce", "--preset", preset]
        command += ["--epochs", str(epochs), "--runs", str(options.runs), "--data", options.data, "--json", "-q"]
        command += SMALL if options.net == "cnn" else ()
        begun = time.perf_counter()
        process = subprocess.Popen([*command, "--out", f"{place}/run"], stdout=subprocess.PIPE, text=True)
        document = json.loads(process.stdout.read())
        _, _, usage = os.wait4(process.pid, 0)
        whole = time.perf_counter() - begun
        with open(f"{place}/run/metrics.csv", newline="") as file:
            last = [float(row["test_accuracy"]) for row in csv.DictReader(file) if int(row["epoch"]) == epochs]
    accuracy = document["results"][f"{options.net}_ce"]["test_accuracy"]
    ours = document["seconds"]["train"]
    times = options.runs if options.net == "mlp" else 1
    print(
        f"plain: one run of {plain_epochs} epochs, {plain['seconds']:.1f} s, {100 * plain['test_accuracy']:.2f} %, "
        f"{plain['peak_mb']:.0f} MB"
    )
    print(
        f"nnlab: {options.runs} runs of {epochs} epochs, {ours:.1f} s training ({whole:.1f} s in all), "
        f"{100 * accuracy['mean']:.2f} % (sd {100 * accuracy['std']:.3f}, least {100 * min(last):.2f} %), "
        f"{usage.ru_maxrss / 1024:.0f} MB"
    )
    print(f"{times} plain / {options.runs} nnlab: {times * plain['seconds'] / ours:.2f}")


if __name__ == "__main__":
    main()
