"""Figures of sounds, in the style of :mod:`nnlab.output.figures`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlab.output.figures import COLOURS, FAINT, INK, LONGEST_TITLE, Array, own_matplotlib, own_style, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RANGE_DB = 50  # below the loudest: what a spectrogram shows


@own_style
def waveforms(pairs: Sequence[tuple[str, Array, Array]], rate: int, *, title: str) -> Figure:
    """Original above reconstruction ``(samples,)`` at ``rate`` Hz, one column per recording; a pair on one scale."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * len(pairs), 3.6), dpi=150, layout="constrained")
    figure.suptitle(shown(title, LONGEST_TITLE), fontsize=11, color=INK)
    axes = figure.subplots(2, len(pairs), squeeze=False, sharex="col")
    for column, (name, original, made) in enumerate(pairs):
        most = 1.05 * max(float(np.abs(original).max()), float(np.abs(made).max()), 1e-9)
        for row, (wave, what, colour) in enumerate(((original, name, INK), (made, "reconstruction", COLOURS[0]))):
            ax = axes[row][column]
            ax.plot(np.arange(len(wave)) / rate, wave, color=colour, linewidth=0.3, rasterized=True)
            ax.set_ylim(-most, most)
            ax.set_title(shown(what), fontsize=9, color=INK)
            _plain(ax)
        axes[1][column].set_xlabel("seconds", fontsize=9)
    axes[0][0].set_ylabel("amplitude", fontsize=9)
    axes[1][0].set_ylabel("amplitude", fontsize=9)
    return figure


@own_style
def spectrograms(
    rows: Sequence[tuple[str, Sequence[tuple[str, Array, float]]]], centres: Array, *, title: str
) -> Figure:
    """Log-mel spectrograms ``(name, decibels (frames, bands), seconds)``: one row per recording, on one scale.

    A column is a way through which the recording went; ``centres`` ``(bands,)`` are the bands in Hz.
    """
    from matplotlib.figure import Figure

    columns = max(len(made) for _, made in rows)
    figure = Figure(figsize=(3.1 * columns + 0.8, 2.1 * len(rows) + 0.5), dpi=150, layout="constrained")
    figure.suptitle(shown(title, LONGEST_TITLE), fontsize=11, color=INK)
    axes = figure.subplots(len(rows), columns, squeeze=False)
    ticks = [int(np.abs(centres - hertz).argmin()) for hertz in (500, 1000, 2000, 4000, 8000)]
    for line, (name, made) in zip(axes, rows, strict=True):
        first = made[0][1]
        top = float(np.percentile(first, 99.8))
        for place, (ax, (what, decibels, seconds)) in enumerate(zip(line, made, strict=True)):
            bands = decibels.T
            extent = (0.0, seconds, -0.5, len(bands) - 0.5)
            image = ax.imshow(
                bands, origin="lower", aspect="auto", cmap="magma", vmin=top - RANGE_DB, vmax=top, extent=extent
            )
            ax.set_yticks(ticks, ["0.5", "1", "2", "4", "8"])
            ax.tick_params(labelsize=8, colors=INK)
            ax.set_title(shown(what if place else name), fontsize=9, color=INK)
            if ax is line[0]:
                ax.set_ylabel("kHz (mel scale)", fontsize=9)
        figure.colorbar(image, ax=line[-1], pad=0.02).set_label("dB", fontsize=8)
    for ax in axes[-1]:
        ax.set_xlabel("seconds", fontsize=9)
    return figure


def thumbnail(decibels: Array) -> Array:
    """A log-mel spectrogram ``(frames, bands)`` as a small colour picture for the terminal (uint8)."""
    colormaps = own_matplotlib().colormaps
    pieces = np.array_split(decibels, min(76, len(decibels)))
    small = np.stack([piece.mean(axis=0) for piece in pieces])[:, : decibels.shape[1] // 2 * 2].T[::-1]
    small = small.reshape(-1, 2, small.shape[1]).mean(axis=1)  # 32 rows
    top = float(small.max())
    scaled = np.clip((small - top + 0.8 * RANGE_DB) / (0.8 * RANGE_DB), 0, 1)
    small_picture: Array = (colormaps["magma"](scaled)[..., :3] * 255).astype(np.uint8)
    return small_picture


def _plain(ax: Any) -> None:
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=8, colors=INK)
    ax.grid(color=FAINT, linewidth=0.6)
    ax.set_axisbelow(True)
