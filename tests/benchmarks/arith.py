"""``nnlab arith`` beside a plain Keras script, in one run on one machine.

Usage: ``python tests/benchmarks/arith.py [add|sub] [--plain-epochs N]``. Prints, as ratios, the time
from the first training step's compilation to 99% of the held-out sums right, peak memory, how far each
is from the machine's matrix-product limit, and how many questions per second ``predict`` answers.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent

# Multiply-adds of one training sample times 2, forward and twice that backward, in GFLOP per epoch.
LSTM = lambda inputs, units: 2 * 4 * units * (inputs + units)  # noqa: E731
PLAIN_GFLOP = 3 * 45_000 * (7 * LSTM(12, 128) + 4 * (LSTM(128, 128) + 2 * 128 * 12)) / 1e9
TRAINED = 40_500  # questions: nine tenths of nine tenths

MATRIX_RATE = """
import os, time
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf
a = tf.random.normal((1024, 1024))
multiply = tf.function(lambda a: a @ a)
multiply(a)
best = 0
for _ in range(10):
    start = time.perf_counter()
    for _ in range(20):
        b = multiply(a)
    b.numpy()
    best = max(best, 20 * 2 * 1024**3 / (time.perf_counter() - start) / 1e9)
print(best)
"""


def run(*command, **options):
    """Run a command; its stdout and its peak memory in MB."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        sys.exit(f"{command[0]} failed")
    return output, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("op", nargs="?", default="add", choices=["add", "sub"])
    parser.add_argument("--plain-epochs", type=int, default=60)
    options = parser.parse_args()
    quiet = {"stderr": subprocess.DEVNULL}
    rate = float(run(sys.executable, "-c", MATRIX_RATE, **quiet)[0])
    with tempfile.TemporaryDirectory() as place:
        folder = f"{place}/run"
        command = (sys.executable, "-m", "nnlab", "arith", "--op", options.op, "--set", "baseline_epochs=0")
        ours, ours_mb = run(*command, "--out", folder, "--json", "-q", **quiet)
        results = json.loads(ours)["results"]
        nnlab_gflop = 3 * TRAINED * results["mflop"] / 1e3
        rows = [line.split(",") for line in Path(folder, "metrics.csv").read_text().splitlines()]
        seconds = [float(row[rows[0].index("seconds")]) for row in rows[1:]]
        epoch = sorted(b - a for a, b in itertools.pairwise(seconds))[len(seconds) // 2 - 1]
        questions = "\n".join(
            f"{a}{'+' if options.op == 'add' else '-'}{b}" for a in range(100, 150) for b in range(100)
        )
        times = []
        for text in ("1+1\n".replace("+", "+" if options.op == "add" else "-"), questions + "\n"):
            begun = time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "nnlab", "predict", folder, "-"],
                input=text,
                text=True,
                stdout=subprocess.DEVNULL,
                check=True,
                **quiet,
            )
            times.append(time.perf_counter() - begun)
    plain = json.loads(run(sys.executable, str(HERE / "plain_arith.py"), options.op, str(options.plain_epochs))[0])
    plain_seconds = plain["seconds_to_99"] or plain["seconds"]

    def share(gflop, seconds_an_epoch):
        return 100 * gflop / seconds_an_epoch / rate

    table = [
        ("seconds to 99 % right", plain_seconds, results["seconds_to_99"], True),
        ("epochs to 99 % right", plain["epochs"], results["epochs_to_99"], True),
        ("held-out answers right, %", 100 * plain["exact_match"], 100 * results["exact_match"], False),
        ("all training seconds", plain["seconds"], seconds[-1], False),
        ("seconds per epoch (median)", plain["epoch_seconds"], epoch, True),
        ("GFLOP per epoch", PLAIN_GFLOP, nnlab_gflop, True),
        ("% of the matrix rate", share(PLAIN_GFLOP, plain["epoch_seconds"]), share(nnlab_gflop, epoch), False),
        ("peak memory, MB", plain["peak_mb"], ours_mb, True),
    ]
    print(f"matrix products: {rate:.0f} GFLOP/s")
    print(f"{'':27} {'plain':>9} {'nnlab':>9} {'plain/nnlab':>12}")
    for name, theirs, mine, ratio in table:
        print(f"{name:27} {theirs:9.2f} {mine:9.2f}" + (f" {theirs / mine:12.2f}" if ratio else ""))
    if not plain["seconds_to_99"]:
        print("the plain script had not reached 99 % when it was stopped")
    print(f"predict, 5,000 questions: {times[1]:.1f} s, one question: {times[0]:.1f} s")


if __name__ == "__main__":
    main()
