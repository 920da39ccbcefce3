"""``report.html``: one self-contained page; no network, light and dark, readable on a phone, printable."""

from __future__ import annotations

import base64
import html
import io
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnlab.output.run_folder import RunFolder
from nnlab.output.terminal import literal, number

STYLE = """
:root { color-scheme: light dark; --ink: #1c1c1c; --dim: #595959; --paper: #ffffff; --line: #d0d0d0;
  --good: #006b3c; --other: #8a4b00; --bad: #a3001b; --soft: #f4f4f2; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececec; --dim: #b0b0b0; --paper: #161618; --line: #3c3c40;
  --good: #6fd6a0; --other: #f0b45c; --bad: #ff8d95; --soft: #222226; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; color: var(--ink); background: var(--paper);
  font: 1rem/1.5 system-ui, sans-serif; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2.5rem; border-top: 1px solid var(--line); padding-top: 1rem; }
a { color: inherit; }
p, figcaption { color: var(--dim); } code { background: var(--soft); padding: .1em .3em; overflow-wrap: anywhere; }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.n, th.n { text-align: right; } .reason { display: block; color: var(--dim); font-size: .85rem; }
.reproduced, .better { color: var(--good); } .differs { color: var(--other); } .not { color: var(--bad); }
figure { margin: 1rem 0; } img { max-width: 100%; height: auto; background: #fff; border-radius: 4px; }
pre { overflow-x: auto; background: var(--soft); padding: .8rem; font-size: .8rem; line-height: 1.25;
  max-height: 24rem; }
audio { width: 100%; } details { margin: .5rem 0; } summary { cursor: pointer; }
@media (max-width: 36rem) { table { font-size: .8rem; } th, td { padding-right: .35rem; } }
@media print { body { max-width: none; } pre { max-height: none; white-space: pre-wrap; } h2 { break-before: page; } }
"""
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
CAPTIONS = {
    "figure1": "the test digits each experiment gets most wrong, label and prediction above each (Figure 1)",
    "confusion": "how often each digit is taken for each other",
    "calibration": "how often the networks are right, by how sure they are",
    "training": "test loss and accuracy, epoch by epoch",
    "figure2": "a test digit as it is, its pixels permuted, and laid out again (Figure 2)",
    "loss": "training loss, and validation or test loss, epoch by epoch",
    "difficulty": "held-out questions right, by how hard they are",
    "lengths": "test sentences right, by their length",
    "attention": "where each written piece looked in the sentence",
    "waveforms": "held-out recordings and what came back, as waveforms (Figure 3)",
    "spectrograms": "held-out recordings and what came back, as spectrograms",
    "reconstructions": "held-out pictures and what came back (Figures 5 and 6)",
    "restored": "test pictures clean, noisy and restored (Figure 8)",
}


def page(preset: str, rows: Sequence[Mapping[str, Any]], states: Mapping[str, Mapping[str, Any]], home: Path) -> str:
    """The page: the table, then a section a part with its command, figures, sounds and console."""
    lines = []
    for row in rows:
        reason = f'<span class="reason">{html.escape(row["reason"])}</span>' if row["reason"] else ""
        kind = row["verdict"].split()[0]
        lines.append(
            f'<tr><td><a href="#{row["part"]}">{html.escape(row["what"])}</a>{reason}</td>'
            f'<td class="n">{html.escape(number(row["published"]))}</td>'
            f'<td class="n">{html.escape(number(row["measured"]))}</td>'
            f'<td class="{kind}">{row["verdict"]}</td></tr>'
        )
    verdicts = ("reproduced", "better", "differs", "other data", "not run")
    counts = {verdict: sum(row["verdict"] == verdict for row in rows) for verdict in verdicts}
    summary = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count) or "nothing yet"
    sections = "\n".join(_section(state, home) for state in states.values())
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>The report of 2018, run again</title><link rel="icon" href="data:,"><style>{STYLE}</style></head><body><main>
<h1>The report of 2018, run again</h1>
<p>{len(rows)} items under <code>--preset {preset}</code>, {time.strftime("%Y-%m-%d")}: {summary}. Each was made by the
command named with it, measured on data that was held out. Figures and consoles are shown, to be compared by looking;
“other data”: the quick preset measures on small built-in data, which says nothing of the published figure. For sums,
the report says from which iteration all were right, here from which 99 % of the held-out ones are.</p>
<div class="wide"><table><thead><tr><th>item</th><th class="n">published</th><th class="n">measured</th><th>verdict</th>
</tr></thead><tbody>
{chr(10).join(lines)}
</tbody></table></div>
{sections}
</main></body></html>
"""


def _section(state: Mapping[str, Any], home: Path) -> str:
    name, folder = state["name"], RunFolder(home / "runs" / state["name"])
    title = html.escape(NAMES.get(name, name))
    head = f'<section id="{name}"><h2>{title}</h2><p><code>{html.escape(state["command"])}</code></p>'
    if state["status"] != "ok":
        return f"{head}<p class='not'>Not run: {html.escape(state['error'] or state['status'])}</p></section>"
    document = folder.read_results()
    environment, config = document["environment"], document["config"]
    facts = (
        f"seed {config['seed']}, {state['seconds']:.0f} s, {environment['backend']} {environment['backend_version']} "
        f"on {environment['device']} ({environment['processor']}, {environment['cores']} cores), "
        f"Python {environment['python']}, nnlab {environment['nnlab']}"
    )
    parts = [head, f"<p>{html.escape(facts)}</p>"]
    for figure in sorted((folder.path / "figures").glob("*.png")):
        told = CAPTIONS.get(figure.stem, figure.stem.replace("_", " "))
        alt = html.escape(f"{NAMES.get(name, name)}: {told}")
        parts.append(
            f'<figure><img alt="{alt}" src="data:image/png;base64,{_small_png(figure)}">'
            f"<figcaption>{alt}</figcaption></figure>"
        )
    for sound in sorted((folder.path / "audio").glob("1-*.wav")):
        label = html.escape(f"{sound.stem.partition('-')[2]}: a held-out recording")
        content = base64.b64encode(sound.read_bytes()).decode()
        if "both" not in sound.stem:
            parts.append(
                f'<figure><audio controls aria-label="{label}" src="data:audio/wav;base64,{content}"></audio>'
                f"<figcaption>{label}</figcaption></figure>"
            )
    console = html.escape(literal(folder.read_text("console.txt")))
    parts.append(f"<details><summary>The console</summary><pre tabindex='0'>{console}</pre></details></section>")
    return "\n".join(parts)


def _small_png(path: Path) -> str:
    """A figure in 256 colours, a third of its bytes, as base64."""
    from PIL import Image

    with Image.open(path) as picture, io.BytesIO() as buffer:
        small = picture.convert("RGB")
        small.thumbnail((1400, 1400))
        small.quantize(256, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
        return base64.b64encode(buffer.getvalue()).decode()
