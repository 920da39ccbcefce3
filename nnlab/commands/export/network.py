"""A run's networks as ONNX, with a JSON that says what their tensors mean; each is run and compared with Keras."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from typing import Any

import nnlab
from nnlab.commands.export import check_new, placing
from nnlab.commands.predict import open_predictor
from nnlab.commands.record import config_of, load_again
from nnlab.errors import InputError, NnlabError, UsageError, describe, install_hint
from nnlab.experiments.exports import Exported, exported
from nnlab.output.document import dumps
from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import Terminal

PACKAGES = ("tf2onnx", "onnx", "onnxruntime")  # of the extra onnx
CLOSE = 1e-3  # by how much answers may differ, of the largest number or of 1; measured: 2e-6
TIE = 1e-5  # two answers whose numbers differ by less are one


def write_networks(folder: RunFolder, target: Path, terminal: Terminal) -> dict[str, Any]:
    """Write ``target`` (of several networks one file each, with their names) and a JSON beside it; the results.

    Raises:
        UsageError: the extra is not installed, Keras runs on JAX, a file is there already.
        InputError: the network cannot be written, or answers otherwise than with Keras.
    """
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            f"ONNX needs the extra onnx, there is no {', '.join(missing)}", f"Install it: {install_hint('onnx')}"
        )
    check_new(target, target.with_suffix(".json"))
    predictor, environment = open_predictor(folder, {}, device="cpu")
    if environment["backend"] != "tensorflow":
        raise UsageError(f"ONNX is written with TensorFlow, got KERAS_BACKEND={environment['backend']}", "Unset it")
    needed = folder.read_json("preprocessing.json") if (folder.path / "preprocessing.json").is_file() else {}
    leaving = exported(folder.command, config_of(folder), predictor.model, needed)
    files = [target.with_name(_with_suffix(target, network.suffix)) for network in leaving.networks]
    described = target.with_suffix(".json")
    inputs, of_what = check_inputs(folder, leaving, terminal)
    with placing(*files, described) as parts:
        record = write_files(leaving, parts[:-1])
        checked = {"inputs": of_what, **compare(leaving, parts[:-1], inputs)}
        whole = {
            "made_by": f"nnlab {nnlab.__version__}",
            "command": folder.command,
            "networks": record,
            "preprocessing": dict(leaving.preprocessing),
            "left_out": list(leaving.left_out),
            "checked": checked,
        }
        parts[-1].write_text(dumps(whole), encoding="utf-8")
    terminal.tell(
        f"the same answers with onnxruntime on {checked['answers']:,} answers ({of_what}): "
        f"they differ by {checked['largest_difference']:.1g} at most"
    )
    terminal.tell(f"left out, do it yourself: {'; '.join(leaving.left_out)}")
    return {
        "to": "onnx",
        "files": [str(file) for file in [*files, described]],
        "left_out": list(leaving.left_out),
        "checked": checked,
    }


def write_files(leaving: Exported, parts: list[Path]) -> list[dict[str, Any]]:
    """Write each network; what the JSON says of it. InputError where Keras or tf2onnx cannot."""
    from nnlab.models.onnx import write_onnx

    record = []
    for network, part in zip(leaving.networks, parts, strict=True):
        try:
            given, back = write_onnx(network.model, part, network.outputs)
        except (OSError, MemoryError):
            raise
        except Exception as error:  # of whatever class Keras, tf2onnx and onnx have for what they cannot do
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise InputError(
                f"the network cannot be written as ONNX: {reason}", "Take the run along with its weights: --to zip"
            ) from error
        tensors = {
            name: [{**tensor.record(), "meaning": leaving.meaning[tensor.name]} for tensor in some]
            for name, some in (("inputs", given), ("outputs", back))
        }
        digest = hashlib.sha256(part.read_bytes()).hexdigest()
        record.append({"file": part.name, "sha256": digest, **tensors})
    return record


def compare(leaving: Exported, parts: list[Path], inputs: Any) -> dict[str, Any]:
    """How far the answers of the files are from Keras's. InputError where they are not the same."""
    import numpy as np

    from nnlab.models.onnx import open_onnx

    run = {network.suffix: open_onnx(part) for network, part in zip(leaving.networks, parts, strict=True)}
    wanted, got = leaving.by_keras(inputs), leaving.by_files(run, inputs)
    if wanted.shape != got.shape:
        raise InputError(
            f"the exported network answers {got.shape} for {wanted.shape}, nothing was written", "Please report it"
        )
    off = float(np.abs(wanted.astype(np.float64) - got).max())
    most = CLOSE * max(1.0, float(np.abs(wanted).max()))
    others = 0
    if leaving.chooses:
        rows, answered = wanted.reshape(-1, wanted.shape[-1]), got.reshape(-1, wanted.shape[-1]).argmax(-1)
        others = int((rows.max(-1) - rows[np.arange(len(rows)), answered] > TIE).sum())
    answers = int(wanted[..., 0].size if leaving.chooses else len(wanted))
    if not off <= most or others:
        raise InputError(
            f"the exported network answers otherwise than Keras: numbers differ by up to {off:.2g} (expected at most "
            f"{most:.2g}), {others:,} of {answers:,} answers are others; nothing was written",
            "Please report it",
        )
    return {"answers": answers, "largest_difference": off, "other_answers": others}


def check_inputs(folder: RunFolder, leaving: Exported, terminal: Terminal) -> tuple[Any, str]:
    """(inputs, what they are): held out of the run's data where these are at hand, else made."""
    import numpy as np

    try:
        return leaving.held_out(load_again(folder).data), "held-out inputs"
    except (NnlabError, OSError) as error:
        terminal.warn(f"compared on made inputs, the run's data are not to be had: {describe(error).message}")
    return leaving.made(np.random.default_rng(0)), "made inputs"


def _with_suffix(target: Path, suffix: str) -> str:
    return f"{target.stem}-{suffix}{target.suffix}" if suffix else target.name
