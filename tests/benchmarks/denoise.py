"""``nnlab denoise`` beside a plain Keras script of the report's network, in one run on one machine.

Usage: ``python tests/benchmarks/denoise.py cifar10|FOLDER|ZIP [--plain-epochs N] [--pictures N]``. nnlab is given one
pass over the first N training pictures only: it must reach the plain script's loss on the same test pictures.
"""

import argparse
import csv
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from measure import run

from nnlab.data.pictures import images

HERE = Path(__file__).parent


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("--plain-epochs", type=int, default=3)
    parser.add_argument("--pictures", type=int, default=12_500)
    options = parser.parse_args()
    data = images.load(options.data)
    with tempfile.TemporaryDirectory() as place:
        np.savez(f"{place}/all.npz", x_train=data.train, x_test=data.test)
        np.savez(f"{place}/some.npz", x_train=data.train[: options.pictures], x_test=data.test)
        plain = json.loads(run(sys.executable, HERE / "plain_denoise.py", f"{place}/all.npz", options.plain_epochs)[0])
        command = [sys.executable, "-m", "nnlab", "denoise", "--data", f"{place}/some.npz", "--epochs", 1]
        ours, ours_mb = run(*command, "--out", f"{place}/run", "--json", "-q")
        with open(f"{place}/run/metrics.csv", newline="") as file:
            [row] = csv.DictReader(file)
    theirs, mine = plain["seconds"][-1], float(row["seconds"])
    print(f"plain: test loss {plain['val_loss'][-1]:.4f} after {theirs:.0f} s, {plain['peak_mb']:.0f} MB")
    print(f"nnlab: test loss {json.loads(ours)['results']['test_loss']:.4f} after {mine:.0f} s, {ours_mb:.0f} MB")
    print(f"ratio of the times: {theirs / mine:.1f}")


if __name__ == "__main__":
    main()
