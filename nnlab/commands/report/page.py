"""``report.html``: one self-contained page; no network, light and dark, readable on a phone, printable."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnlab.commands.page.render import made_by, render
from nnlab.config import SAMPLE
from nnlab.output.run_folder import RunFolder

NAMES = {
    "mnist": "Which digits fool a network",
    "permute": "Permuted pixels",
    "textgen": "Writing text",
    "french": "English to French",
    "greek": "English to Greek",
    "addition": "Adding",
    "subtraction": "Subtracting",
    "birds": "Bird song",
    "dense": "The dense autoencoder",
    "conv": "The convolutional autoencoder",
    "table2": "Table 2: losses and outputs of the autoencoder",
    "denoise": "The denoiser",
    "table3": "Table 3: losses and outputs of the denoiser",
}
STAND_INS = (SAMPLE, "chirps")  # of the quick preset, for the report's data
VERDICTS = ("reproduced", "better", "differs", "other data", "not run")


def page(preset: str, rows: Sequence[Mapping[str, Any]], states: Mapping[str, Mapping[str, Any]], home: Path) -> bytes:
    """The page: the table, then a section per part with its command, figures, sounds and console."""
    counts = {verdict: sum(row["verdict"] == verdict for row in rows) for verdict in VERDICTS}
    return render(
        "report.html",
        preset=preset,
        rows=rows,
        date=time.strftime("%Y-%m-%d"),
        summary=", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count) or "nothing yet",
        parts_of_report=[_part(state, home) for state in states.values()],
    )


def _part(state: Mapping[str, Any], home: Path) -> dict[str, Any]:
    """What the section of a part shows."""
    name, folder = state["name"], RunFolder(home / "runs" / state["name"])
    title = NAMES.get(name, name)
    part = {"name": name, "title": title, "command": state["command"], "made": None}
    if state["status"] != "ok":
        return {**part, "error": state["error"] or state["status"]}
    document = folder.read_results()
    environment, config = document["environment"], document["config"]
    if config["data"] in STAND_INS:
        title = f"{title}: the built-in {config['data']} in its place"
    facts = (
        f"seed {config['seed']}, {state['seconds']:.0f} s, {environment['backend']} {environment['backend_version']} "
        f"on {environment['device']} ({environment['processor']}, {environment['cores']} cores), "
        f"Python {environment['python']}, nnlab {environment['nnlab']}"
    )
    return {**part, "title": title, "facts": facts, "made": made_by(folder.path, title, report=True)}
