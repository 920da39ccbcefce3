"""An eighth experiment, as somebody would add it: a config, an experiment, one line in the registry."""

from __future__ import annotations

from nnlab.experiments import REGISTRY, Entry, Experiment
from tests.experiments.eighth.config import MajorityConfig


def _majority(config: MajorityConfig) -> Experiment[MajorityConfig, object]:
    from tests.experiments.eighth import experiment

    return experiment


REGISTRY["majority"] = Entry(MajorityConfig, _majority)
