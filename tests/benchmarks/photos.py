"""A run of ``nnlab denoise`` on photographs of ordinary size, beside scikit-image's methods.

Usage: ``python tests/benchmarks/photos.py RUN [--noise 25] [--data cifar10]``. The photographs are scikit-image's
astronaut, chelsea and coffee, with noise of that deviation (of 255), not clipped. Each method is as strong as is best
on 40 validation pictures of the data; the network was trained on the others of them, never on a photograph.
"""

import argparse
import math
import sys

import numpy as np
import skimage.data

import nnlab
from nnlab.data.pictures.images import load, with_validation
from nnlab.data.pictures.pixels import apply_tiled
from nnlab.evaluation.denoisers import tuned_denoisers
from nnlab.experiments.denoise import restored

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee")


def psnr(made, wanted):
    return -10 * math.log10(np.square(np.clip(made, 0, 1) - wanted).mean())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("run")
    parser.add_argument("--noise", type=float, default=25)
    parser.add_argument("--data", default="cifar10")
    options = parser.parse_args()
    sigma = options.noise / 255
    run = nnlab.load(options.run)
    side = run.model.input_shape[1]
    draws = np.random.default_rng(0)
    some = with_validation(load(options.data), 0.1, 0).validation[:40] / np.float32(255)
    methods = tuned_denoisers(some + draws.normal(0, sigma, some.shape).astype("float32"), some, sigma, "mse")
    ahead = []
    for name in PHOTOGRAPHS:
        clean = getattr(skimage.data, name)()[..., :3] / np.float32(255)
        noisy = clean + draws.normal(0, sigma, clean.shape).astype("float32")
        found = {method: psnr(made(noisy[None])[0], clean) for method, made in methods.items()}
        best = max(found, key=found.get)
        mine = psnr(apply_tiled(lambda tiles: restored(run.model, tiles, "linear"), noisy, side), clean)
        ahead.append(mine - found[best])
        print(
            f"{name}: noisy {psnr(noisy, clean):.2f}, {best} {found[best]:.2f}, nnlab {mine:.2f} dB ({ahead[-1]:+.2f})"
        )
    print(f"mean: {np.mean(ahead):+.2f} dB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
