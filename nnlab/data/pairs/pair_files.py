"""How a file of sentence pairs is read: its layout, its rows, one direction for all pairs, what is told.

A file's columns are found by what is in them: sentences, beside ids, language codes, tags and attributions, as
Tatoeba, Anki and manythings.org export them. Where there are not two columns of sentences the file is refused.
"""

from __future__ import annotations

import itertools
from pathlib import Path

from nnlab.data.pairs.checks import PAIR_CHECKS, ROW_CHECKS, Candidate, Found
from nnlab.data.pairs.columns import HEAD_LINES, layout_of
from nnlab.data.pairs.direction import turned
from nnlab.data.pairs.rows import Row, normalize
from nnlab.data.texts.textfile import open_text


def read(path: Path, most: int | None) -> Found:
    """What is found in a file, no further than ``most`` pairs; raises what :func:`sentence_pairs.read_file` does."""
    text = open_text(path)
    lines = text.lines()
    head = list(itertools.islice(lines, HEAD_LINES))
    found = Found(text, layout_of(head, text))
    for row in found.layout.rows(itertools.chain(head, lines)):
        if most is not None and len(found.lines) >= most:
            found.goes_on = True
            break
        _add(row, found)
    found.pairs = list(found.lines)
    if found.layout.scripts is None:  # which tell row by row
        found.turned = turned(found.pairs, found.mirrored)
    for number in found.turned:
        found.pairs[number] = found.pairs[number][::-1]
    notes = [text.note, found.layout.note]
    for row_check in ROW_CHECKS:
        notes += row_check.told(found.met[row_check], found)
    for check in PAIR_CHECKS:
        notes += check(found)
    found.notes = list(filter(None, notes))
    return found


def _add(row: Row, found: Found) -> None:
    """Take the pair of a row, or the reason why it has none. A pair is taken once, in the first direction met."""
    layout = found.layout
    fields = layout.used(row.fields or [])
    plain = [layout.clean(field) for field in fields]
    found.cleaned += plain != fields
    found.joined += row.is_joined
    candidate = Candidate(row.line, row.fields, [normalize(field) for field in plain], layout)
    for check in ROW_CHECKS:
        if reason := check.reason(candidate):
            found.skipped.append(f"line {row.line}: {reason}")
            met = found.met[check]
            if not met.count:
                met.line, met.sentences = row.line, candidate.sentences
            met.count += 1
            return
    source, target = candidate.sentences
    pair, mirror = (source, target), (target, source)
    if pair in found.lines or mirror in found.mirrored:
        found.repeated += 1
    elif mirror in found.lines:
        found.mirrored.add(mirror)
    else:
        found.lines[pair] = row.line
