"""The model card of an exported run, made from its record: what, data and licence, figures, how to use and repeat it.

The record may be anybody's: what stands in it is shown as text, never as Markdown or HTML.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from nnlab.commands.record import command_line
from nnlab.config import SAMPLE, Config
from nnlab.errors import UsageError
from nnlab.evaluation.intervals import TIMED, compared_count, flat_figures, listed_figures
from nnlab.experiments import entry
from nnlab.output.markdown import shown, text

INPUTS: Mapping[str, str] = {  # for predict, where it is no file
    "translate": "A sentence.",
    "textgen": "the student ",
    "mnist": "digit.png",
    "permute": "digit.png",
    "denoise": "picture.png",
}


def card(
    config: Config,
    recorded: Mapping[str, Any],
    data: Mapping[str, Any],
    document: Mapping[str, Any],
    environment: Mapping[str, Any],
) -> str:
    """The card as Markdown.

    ``recorded``, ``data``, ``document`` and ``environment``: ``config.json``, ``data.json``, ``results.json`` and
    ``environment.json`` of the run, without paths of the machine that made it.
    """
    command = str(recorded["command"])
    made_by = f"nnlab {environment.get('nnlab')}"
    place = f"runs/{command}"
    about = (type(config).__doc__ or "").splitlines()[0]
    typed = command_line(recorded, data)
    began = []
    if kept(config):
        began = [f"It began from the weights of another run ({kept(config)}), which `verify` finds in `parent/`.", ""]
    lines = [
        f"# nnlab {text(command)}: {text(about)}",
        "",
        f"A network trained by {text(made_by)}, with the whole record of its training: its weights are in "
        "`model.keras`, every setting is in `config.json`, and nothing in this folder has to be executed to use it.",
        "",
        f"Result: {text(headline(command, config, document))}.",
        "",
        "## Data",
        "",
        *about_data(config, data),
        "",
        "## Figures",
        "",
        *figures(document["results"], config),
        "",
        "## How to use it",
        "",
        "```sh",
        f"nnlab import FILE.zip --out {place}",
        f"nnlab predict {place} {shlex.quote(example(command, config))}",
        f"nnlab runs show {place}",
        f"nnlab export {place} --to onnx",
        "```",
        "",
        "## How to repeat it",
        "",
        "The same versions on a processor of the same kind give the same bits; `verify` trains again and compares.",
        "",
        "```sh",
        f"nnlab runs verify {place}",
        typed,
        "```",
        "",
        *began,
        f"Seeds of the networks: {', '.join(map(str, config.seeds[:20]))}{' …' if config.runs > 20 else ''}; "
        f"seed of the data: {config.data_seed}.",
        "",
        "| made with | |",
        "| --- | --- |",
        *(f"| {name} | {text(environment.get(name))} |" for name in VERSIONS),
        "",
        "## What is not in it",
        "",
        "The data, the checkpoint, and paths of the machine that made it: of files only the name is kept.",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


VERSIONS = (
    "nnlab", "keras", "backend", "backend_version", "python", "numpy", "device", "platform", "processor", "threads",
)  # fmt: skip


def kept(config: Config) -> str:
    """The digest of the weights that the run began from; empty where they were drawn."""
    start = getattr(config, "start", None)
    return f"{str(start)[:12]}…" if start else ""


def headline(command: str, config: Config, document: Mapping[str, Any]) -> str:
    """The one figure of the run."""
    return entry(command).experiment(config).headline(document["results"])


def example(command: str, config: Config) -> str:
    """An input for ``predict``."""
    if command == "arith":
        return {"add": "12+34", "sub": "46-61", "mul": "12*34"}[config.record()["op"]]
    if command == "autoencode":
        return "song.wav" if getattr(config, "kind", None) == "sounds" else "picture.png"
    return INPUTS.get(command, "INPUT")


# ---- data --------------------------------------------------------------------------------------------


def about_data(config: Config, data: Mapping[str, Any]) -> Iterator[str]:
    """What they are, whose they are, and what they are known by."""
    from nnlab.data.sources import datasets

    name = config.data or type(config).DATA
    try:
        known = datasets.known(name) if name else None
    except UsageError:
        known = None
    if known is not None:
        yield f"- {text(name)}: {text(known.about)}"
        yield f"- licence: {text(known.licence)}; attribution: {text(known.attribution)}"
        if known.source.url:
            yield f"- from: <{known.source.url}>"
    elif not name or name == SAMPLE or (data.get("name") in ("drawn", SAMPLE) and "path" not in data):
        yield "- drawn by nnlab itself from the seed of the data: nobody else's, free to use"
    else:
        yield f"- a file or folder of the one who trained it, called {text(data.get('name', name))}"
        yield "- licence: nnlab does not know it; ask who gave you this before you pass it on"
        yield "- to repeat the training, have them under that name in the folder where the command is given"
    if data.get("edition"):
        yield f"- note: {text(data['edition'])}"
    if data.get("items") is not None:
        yield f"- items: {text(data['items'])}"
    yield f"- digest: {text(data.get('digest'))}"


# ---- figures -----------------------------------------------------------------------------------------


def figures(results: Mapping[str, Any], config: Config) -> Iterator[str]:
    """A table of all figures with their intervals, and what these say."""
    yield "| figure | value | 95 % interval | runs |"
    yield "| --- | ---: | ---: | ---: |"
    for name, value in [*flat_figures(results, left_out=TIMED), *listed_figures(results)]:
        mean, interval, runs = parts_of(value)
        per = f" per {config.sample_called}" if name.endswith("mflop") else ""
        yield f"| {text(name + per)} | {text(mean)} | {text(interval)} | {text(runs)} |"
    yield ""
    if config.runs > 1:
        yield "Values are means over the runs; an interval covers the seeds of the networks, on this test set."
    else:
        yield "One run: how much another seed would change is not known; `--runs 5` tells."
    if counted := compared_count(results):
        yield f"`baselines` and, beside them, the network's `compared` are of {counted[0]:,} of the test {counted[1]}."
    yield "Figures called `val_…` chose an epoch or a setting; those of the test set chose nothing."


def parts_of(value: Any) -> tuple[str, str, str]:
    """(value, interval, number of runs) as they are shown; dashes for what is none."""
    if not isinstance(value, Mapping):
        return shown(value), "–", "1"
    ends = value.get("ci95")
    interval = " … ".join(map(shown, ends)) if isinstance(ends, list) and None not in ends else "–"
    return shown(value.get("mean")), interval, str(value.get("n", "–"))
