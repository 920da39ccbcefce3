"""The error of each held-out recording as an anomaly score: what is unlike the training recordings comes back worst."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nnlab.configs.autoencode import AutoencodeConfig
from nnlab.evaluation.metrics import loss_of
from nnlab.experiments import FinishedRun, Loaded
from nnlab.experiments import autoencode_sounds as experiment
from nnlab.experiments.autoencode_sounds import Heard
from nnlab.experiments.insights import Insight, Table

SHOWN = 20


def insights(config: AutoencodeConfig, loaded: Loaded[AutoencodeConfig, Heard], run: FinishedRun) -> list[Insight]:
    """The table of recordings, the largest error first."""
    from nnlab.training.batches import predict_in_batches

    model = experiment.predictor(config, run, {}).model
    names = loaded.data.sounds.test.names
    tested = loaded.data.tested.parts
    errors = np.array([loss_of(config.loss, predict_in_batches(model, rows, size=50), rows) for rows in tested])
    order = np.argsort(-errors, kind="stable").tolist()
    median = max(float(np.median(errors)), 1e-12)
    rows = [[Path(names[place]).name, f"{errors[place]:.4f}", f"{errors[place] / median:.2f}"] for place in order]
    bars = [float(errors[place] / errors[order[0]]) if errors[order[0]] > 0 else 0.0 for place in order]
    caption = (
        f"Each held-out recording with its error ({config.loss}, all cells alike) and that error as a multiple of the "
        "median: an anomaly score. A recording far above the others is unlike what the network was trained on, or "
        "damaged: listen to it."
    )
    if len(order) > SHOWN:
        caption += f" The {SHOWN} largest of {len(order):,}."
    listed = Table(["recording", f"error ({config.loss})", "× median"], rows[:SHOWN], bars=bars[:SHOWN])
    return [Insight("Error by recording", caption, [listed])]
