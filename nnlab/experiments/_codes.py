"""What ``predict --codes`` and ``--scores`` do with pictures and sounds: codes as a table, errors as lines."""

from __future__ import annotations

import csv
import secrets
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from nnlab.configs.autoencode import AutoencodeConfig
from nnlab.errors import UsageError, named
from nnlab.evaluation.metrics import loss_of
from nnlab.experiments import FinishedRun, Predictor
from nnlab.experiments._output_files import give_name


class CodeTable:
    """A CSV file that is there whole, or not at all: rows are written beside its place until :meth:`finish`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._part = path.parent / f".{secrets.token_hex(6)}.part.csv"
        self._file: TextIO | None = None

    def add(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Write rows, and the names of the columns before the first."""
        with named(self.path):
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                # A file name that is not UTF-8 is escaped.
                self._file = open(self._part, "x", encoding="utf-8", errors="backslashreplace", newline="")  # noqa: SIM115
                csv.writer(self._file, lineterminator="\n").writerow(columns)
            csv.writer(self._file, lineterminator="\n").writerows(rows)

    def finish(self, *, whole: bool) -> list[str]:
        """Give the file its name; its path. Nothing stays where not ``whole``, or where no row was written.

        Raises UsageError where a file of that name has come meanwhile, OSError where the disk is full.
        """
        if self._file is None:
            return []
        try:
            with named(self.path):  # what is still in the buffer is written now
                self._file.close()
            if not whole:
                return []
            if not give_name(self._part, self.path):
                raise UsageError(f"expected a new file for --codes, {self.path} exists", "Name another file")
            return [str(self.path)]
        finally:
            self._file = None
            self._part.unlink(missing_ok=True)


class CodePredictor(Predictor[tuple[str, Any]]):
    """Codes and reconstruction errors of files ``(path as typed, rows that the network reads)``.

    An answer is the error with ``scores``, else the number of codes that were written.
    """

    batch_size = 64
    takes_files = True
    clipped = False  # what the network gives back is clipped to [0, 1] before it is measured
    size = 50  # rows that the network is given at once

    def __init__(self, config: AutoencodeConfig, run: FinishedRun, model: Any, options: Mapping[str, Any]) -> None:
        from nnlab.models.autoencoders import encoder

        self.model, self.loss = run.fill(model), config.loss
        self.scores = bool(options.get("scores"))
        self.line_each = self.scores
        self._encoder = encoder(self.model) if options.get("codes") else None
        self._table = CodeTable(options["codes"]) if options.get("codes") else None
        self.makes_files = self._table is not None
        self.tells = f"The answer is the reconstruction error ({self.loss})." if self.scores else ""

    @abstractmethod
    def columns(self, rows: int) -> dict[str, list[str]]:
        """What stands before the codes of so many rows of a file, by the names of the columns."""

    def answer(self, inputs: Sequence[tuple[str, Any]]) -> list[Any]:
        """The error of each file, or how many codes it has; the codes go into the table."""
        from nnlab.training.batches import predict_in_batches

        counts = [len(rows) for _, rows in inputs]
        together = np.concatenate([rows for _, rows in inputs])
        ends = np.cumsum(counts)[:-1]
        answers: list[Any] = counts
        if self.scores:
            back = predict_in_batches(self.model, together, size=self.size)
            back = np.clip(back, 0, 1) if self.clipped else back
            pairs = zip(np.split(back, ends), (rows for _, rows in inputs), strict=True)
            answers = [loss_of(self.loss, made, rows) for made, rows in pairs]
        if self._table is not None:
            codes = predict_in_batches(self._encoder, together, size=self.size)
            for (path, rows), part in zip(inputs, np.split(codes, ends), strict=True):
                before = self.columns(len(rows))
                names = ["file", *before, *(f"c{number}" for number in range(1, codes.shape[1] + 1))]
                numbers = part.astype(np.float32).astype(str)  # the shortest text that is read back to the bit
                self._table.add(
                    names, ([path, *place, *row] for *place, row in zip(*before.values(), numbers, strict=True))
                )
        return answers

    def line(self, text: str, answer: Any) -> str:
        """``error TAB path``: what ``sort -g`` puts in order."""
        return f"{answer:.6g}\t{text}"

    def show(self, text: str, given: tuple[str, Any]) -> Any:
        """The error alone: the path was just typed."""
        return f"{self.answer([given])[0]:.6g}"

    def finish(self, *, whole: bool) -> list[str]:
        """The table gets its name."""
        return self._table.finish(whole=whole) if self._table is not None else []
