"""What leaves nnlab of a run as networks that other programs run: their tensors, and what these mean.

One function per experiment makes an :class:`Exported` of its trained network. Each comes with what checks it: inputs,
held out where the data are to be had, and the same answers asked of Keras and of the exported networks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nnlab.configs.denoise import DenoiseConfig
from nnlab.errors import UsageError

Array = np.ndarray[Any, Any]
Run = Callable[[Mapping[str, Array]], list[Array]]  # a network of a file: inputs by name -> outputs in order
MOST = 256  # inputs that are compared


@dataclass(frozen=True)
class Network:
    """A Keras model to be written: ``suffix`` in the name of its file, and the names of its outputs in order."""

    suffix: str
    model: Any
    outputs: Sequence[str]


@dataclass(frozen=True)
class Exported:
    """The networks of a run, what their tensors mean, and how they are checked.

    ``by_keras`` and ``by_files`` answer the same inputs, the second with the networks of the files by their suffix;
    ``chooses``: the largest number on the last axis is the answer. ``held_out`` takes inputs from the run's data,
    ``made`` makes some of the right kind.
    """

    networks: Sequence[Network]
    meaning: Mapping[str, str]
    by_keras: Callable[[Any], Array]
    by_files: Callable[[Mapping[str, Run], Any], Array]
    held_out: Callable[[Any], Any]
    made: Callable[[np.random.Generator], Any]
    chooses: bool
    preprocessing: Mapping[str, Any] = field(default_factory=dict)
    left_out: Sequence[str] = ()


def exported(command: str, config: Any, model: Any, preprocessing: Mapping[str, Any]) -> Exported:
    """The networks of a finished run; ``model`` is filled. UsageError where nothing is known of an experiment."""
    makers: dict[str, Callable[[Any, Any, Mapping[str, Any]], Exported]] = {
        "mnist": _digits,
        "permute": _digits,
        "arith": _sums,
        "textgen": _text,
        "translate": _sentences,
        "autoencode": _sounds if getattr(config, "kind", None) == "sounds" else _pictures,
        "denoise": _pictures,
    }
    if command not in makers:
        raise UsageError(f"expected a run of {', '.join(makers)}, got one of {command}", "Take it along: --to zip")
    return makers[command](config, model, preprocessing)


# ---- networks of one input and one output ------------------------------------------------------------


def _one(
    model: Any,
    meaning: tuple[str, str],
    names: tuple[str, str],
    *,
    written: Any = None,
    **known: Any,
) -> Exported:
    """One network from one tensor to one; its input and its output are called ``names``.

    ``written`` goes into the file where it is not the model itself; it is compared with the model.
    """
    from nnlab.models.onnx import renamed, with_erf
    from nnlab.training.batches import predict_in_batches

    network = renamed(with_erf(model if written is None else written), names[0])
    return Exported(
        [Network("", network, names[1:])],
        dict(zip(names, meaning, strict=True)),
        by_keras=lambda inputs: np.asarray(predict_in_batches(model, inputs, size=64)),
        by_files=lambda run, inputs: run[""]({names[0]: inputs})[0],
        **known,
    )


def _digits(config: Any, model: Any, preprocessing: Mapping[str, Any]) -> Exported:
    def held_out(data: Any) -> Array:
        if hasattr(data, "orders"):  # permute: the order of the pixels that the kept network was trained on
            return np.asarray(data.test_pictures(config.experiments[0][1])[:MOST])
        return np.asarray(data.x_test[:MOST])

    return _one(
        model,
        (
            "grey pictures of digits, light ink on black, 0 to 255, in the form under preprocessing",
            "logits of the digits 0 to 9; softmax makes probabilities of them",
        ),
        ("pictures", "logits"),
        held_out=held_out,
        made=lambda draws: draws.integers(0, 256, (MOST, *model.input_shape[1:])).astype(np.uint8),
        chooses=True,
        preprocessing={
            "form": preprocessing.get("form"),
            "meaning": "box: the longer side of a digit's ink in pixels; middle: the row and column where its centre "
            "lies, that of its mass or of its box; taken: whether pictures are prepared so, or those of 28 x 28 pixels "
            "are taken as they are, light on dark, dark on light and inverted, or each as it looks",
        },
        left_out=["reading picture files and bringing digits into their form", "softmax"],
    )


def _sums(config: Any, model: Any, preprocessing: Mapping[str, Any]) -> Exported:
    from nnlab.data.sums.arithmetic import CHARACTERS, SIGNS
    from nnlab.experiments._sums import encode_questions, encoded

    columns = config.network == "columns"
    read = (
        "digits of both operands, the last ones first, 10 where there is none: (batch, column, operand)"
        if columns
        else "the characters of the question, read backwards, 10 for a blank"
    )
    written = "the last one first" if columns else "the first one first"

    def made(draws: np.random.Generator) -> Array:
        left, right = draws.integers(0, min(10**config.digits, 2**62), (2, MOST)).tolist()
        return np.asarray(encode_questions(config, list(map(str, left)), list(map(str, right))))

    from nnlab.models.exported import column_network

    return _one(
        model,
        (read, f"logits of each character of the answer, {written}: (batch, place, character)"),
        (model.inputs[0].name, "logits"),
        written=column_network(model) if config.reads_any_length else None,
        held_out=lambda data: encoded(config, data.test[:MOST])[0],
        made=made,
        chooses=True,
        preprocessing={"vocabulary": [*CHARACTERS, SIGNS[config.op]], "operation": config.op, "digits": config.digits},
        left_out=["reading a typed sum, writing the answer's characters"],
    )


def _pictures(config: Any, model: Any, preprocessing: Mapping[str, Any]) -> Exported:
    noise = config.tested[-1] if isinstance(config, DenoiseConfig) else None  # the strongest

    def held_out(data: Any) -> Array:
        if noise is not None:
            from nnlab.experiments.denoise import with_noise

            return np.asarray(with_noise(data.test, noise, range(min(MOST, len(data.test))), clip=config.clip))
        return np.asarray(data.pictures.test[:MOST] / np.float32(255), np.float32)

    told = ["reading picture files, levels and orientation, larger pictures tile by tile", "clipping to 0 to 1"]
    if noise is not None and config.activation == "linear":
        told.append("the mean with the mirrored picture's answer, which predict takes")
    given = "with noise" if noise is not None else "as they are"
    return _one(
        model,
        (
            f"colour pictures {given}, (batch, row, column, red green blue), 0 to 1",
            "the pictures without noise" if noise is not None else "the pictures as they come back from the code",
        ),
        ("pictures", "restored" if noise is not None else "reconstructed"),
        held_out=held_out,
        made=lambda draws: draws.random((MOST, *model.input_shape[1:]), np.float32),
        chooses=False,
        preprocessing={
            "side": preprocessing.get("side"),
            "levels": preprocessing.get("levels"),
            "scale": "value / 255",
        },
        left_out=told,
    )


def _sounds(config: Any, model: Any, preprocessing: Mapping[str, Any]) -> Exported:
    from nnlab.data.sounds import spectrogram
    from nnlab.data.sounds.audio import RATE
    from nnlab.data.sounds.spectrogram import WaveformFrontEnd

    scaling: dict[str, Any]
    if config.net == "conv":
        meaning = "windows of the log-mel spectrogram, (batch, frame, band, 1), as (dB - mean) / deviation"
        scaling = {
            "sample_rate": RATE,
            "hop": spectrogram.HOP,
            "bands": spectrogram.BANDS,
            "mean_db": preprocessing.get("mean"),
            "deviation_db": preprocessing.get("deviation"),
        }
    else:
        meaning = "windows of 11 s of samples, the loudest of each at 1"
        scaling = {"sample_rate": WaveformFrontEnd.rate, "samples": WaveformFrontEnd.numbers}
    shape = model.input_shape[1:]
    return _one(
        model,
        (meaning, "the same as they come back from the code"),
        ("windows", "reconstructed"),
        held_out=lambda data: np.concatenate(data.tested.parts)[:MOST].astype(np.float32),
        made=lambda draws: draws.standard_normal((32, *shape), np.float32),
        chooses=False,
        preprocessing=scaling,
        left_out=["reading sound files, resampling and the spectrogram", "the way back to sound (Griffin and Lim)"],
    )


# ---- networks of one step ----------------------------------------------------------------------------


def _text(config: Any, model: Any, preprocessing: Mapping[str, Any]) -> Exported:
    from nnlab.models.exported import character_step

    step = character_step(model)
    states = [spec.name for spec in step.inputs[1:]]
    streams, window = model.input_shape

    def by_keras(ids: Array) -> Array:
        """Logits after each character, ``(streams, 2 windows, vocabulary)``, or after the window's last."""
        if streams is None:
            return np.asarray(model.predict_on_batch(ids))
        from nnlab.experiments.textgen import reset

        reset(model)
        halves = [np.asarray(model.predict_on_batch(half)) for half in np.split(ids, 2, axis=1)]
        reset(model)
        return np.concatenate(halves, axis=1)

    def by_files(run: Mapping[str, Run], ids: Array) -> Array:
        after = [np.zeros((len(ids), spec.shape[1]), np.float32) for spec in step.inputs[1:]]
        logits = []
        for place in range(ids.shape[1]):
            one, *after = run[""]({"character": ids[:, place], **dict(zip(states, after, strict=True))})
            logits.append(one)
        return np.stack(logits, axis=1) if streams is not None else logits[-1]

    def held_out(data: Any) -> Array:
        tail = np.asarray(data.parts.test).astype(np.int32)
        if streams is not None:
            return np.resize(tail, (streams, 2 * window))
        return np.lib.stride_tricks.sliding_window_view(tail, window)[:MOST].copy()

    shape = (streams, 2 * window) if streams is not None else (MOST, window)
    characters = str(preprocessing["characters"])
    seen = "goes on from character to character" if streams is not None else f"begins anew {window} characters back"
    return Exported(
        [Network("", step, ["logits", *(f"new_{name}" for name in states)])],
        {
            "character": "the number of a character in the vocabulary, one per text",
            "logits": "of the next character; softmax of logits / temperature makes probabilities of them",
            **dict.fromkeys(states, "a state of the LSTM: zeros at the beginning of a text, then what came out"),
            **{f"new_{name}": f"the {name} of the next step" for name in states},
        },
        by_keras=by_keras,
        by_files=by_files,
        held_out=held_out,
        made=lambda draws: draws.integers(0, len(characters), shape).astype(np.int32),
        chooses=True,
        preprocessing={"vocabulary": list(characters), "lower_case": preprocessing.get("lower"), "state": seen},
        left_out=["the loop over characters, sampling (temperature, top p) and its seed"],
    )


def _sentences(config: Any, model: Any, preprocessing: Mapping[str, Any]) -> Exported:
    from nnlab.data.texts.tokenizers import END, PAD, SPECIAL, START, UNKNOWN
    from nnlab.models.exported import translation_encoder, translation_step

    encoder, step = translation_encoder(model), translation_step(model)
    states = [spec.name for spec in step.inputs if spec.name[:2] in ("h_", "c_")]
    encoded = [spec.name for spec in step.inputs[1:]]

    def by_keras(batch: Mapping[str, Array]) -> Array:
        """Logits after each id of given translations, where they are no padding: ``(ids, vocabulary)``."""
        logits = np.asarray(model.predict_on_batch({"source": batch["source"], "target": batch["target"]}))
        return np.asarray(logits[batch["target"] != PAD])

    def by_files(run: Mapping[str, Run], batch: Mapping[str, Array]) -> Array:
        known = dict(zip(encoded, run["encoder"]({"source": batch["source"]}), strict=True))
        logits = []
        for place in range(batch["target"].shape[1]):
            one, *after = run["decoder"]({"token": batch["target"][:, place], **known})
            known |= dict(zip(states, after, strict=True))
            logits.append(one)
        return np.asarray(np.stack(logits, axis=1)[batch["target"] != PAD])

    def held_out(data: Any) -> Mapping[str, Array]:
        rows = np.arange(min(64, len(data.test.lengths)))
        inputs: Mapping[str, Array] = data.test.batch(rows, left=model.pad_left)[0]
        return inputs

    def made(draws: np.random.Generator) -> Mapping[str, Array]:
        sizes = [model.get_config()[f"{side}_vocabulary"] for side in ("source", "target")]
        source, target = (draws.integers(SPECIAL, size, (32, 12)).astype(np.int32) for size in sizes)
        target[:, 0] = START
        for row in range(1, 12):  # of every length
            source[row, :row] = PAD
        return {"source": source if model.pad_left else source[:, ::-1].copy(), "target": target}

    side = "left" if model.pad_left else "right"
    return Exported(
        [
            Network("encoder", encoder, encoded),
            Network("decoder", step, ["logits", *(f"new_{name}" for name in states)]),
        ],
        {
            "source": f"the ids of a sentence, {PAD} where it is padded, on the {side}",
            "token": f"the id written last; {START} at the beginning",
            "keys": "what the decoder's queries are compared with, from the encoder",
            "values": "what it attends to, from the encoder; of a lexical network the embeddings behind it",
            "padding": "0, and a large negative number where the source is padded, from the encoder",
            "logits": f"of the next id; {END} ends the translation",
            **dict.fromkeys(states, "a state: from the encoder at the beginning, then what came out"),
            **{f"new_{name}": f"the {name} of the next step" for name in states},
        },
        by_keras=by_keras,
        by_files=by_files,
        held_out=held_out,
        made=made,
        chooses=True,
        preprocessing={
            "ids": {"padding": PAD, "start": START, "end": END, "unknown": UNKNOWN, "first_of_vocabulary": SPECIAL},
            "longest_translation": preprocessing.get("limit"),
            **{name: _vocabulary(preprocessing[name]) for name in ("source", "target")},
        },
        left_out=["splitting sentences into ids and joining them", "beam search, which predict translates with"],
    )


def _vocabulary(record: Mapping[str, Any]) -> dict[str, Any]:
    """The ids of a tokenizer: characters in order from the first, or sentencepiece's model as base64."""
    if "subword_model" in record:
        return {"subword_model_of_sentencepiece": record["subword_model"]}
    return {"vocabulary": list(record["characters"])}
