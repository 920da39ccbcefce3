"""``--like`` and ``--from``: begin a run with the options of another, or with its weights too.

A run that starts from another's weights keeps what it needs of it in ``parent/``: it is resumed, verified and taken
elsewhere without the other one. ``trained_on.npy`` of a run holds keys of all that it and its ancestors were trained
on, so that a child holds nothing out that an ancestor has seen (``nnlab/data/seen.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nnlab.config import Config, Inherited, path_of
from nnlab.configs.run import RunOptions
from nnlab.data.sources.catalogue import KNOWN, SAMPLE
from nnlab.errors import InputError, UsageError, about
from nnlab.experiments import entry
from nnlab.output import untrusted
from nnlab.output.run_folder import KEPT_OF_PARENT, PARENT, TRAINED_ON, RunFolder
from nnlab.output.terminal import quoted


def taken_over(
    name: str, given: Mapping[str, Any], options: RunOptions
) -> tuple[dict[str, Any], Mapping[str, Any], Inherited | None]:
    """(options, data, weights) of the run that ``--like`` or ``--from`` names; what is typed now wins.

    ``data`` is what that run's ``data.json`` says, empty where other data are typed; weights are None for ``--like``.
    UsageError where it is of another command, or both are given.
    """
    if options.like is not None and options.parent is not None:
        raise UsageError("--from takes the options of its run already, got --like as well", "Leave --like out")
    place = options.parent or options.like
    if place is None:
        return dict(given), {}, None
    flag = "--from" if options.parent else "--like"
    folder = RunFolder.open(place)
    if folder.command != name:
        raise UsageError(
            f"expected {flag} to be a run of {name}, {place} is one of {folder.command}",
            f"Use: nnlab {folder.command} {flag} {quoted(place)}",
        )
    if options.parent and not entry(name).config.GOES_ON:
        raise UsageError(
            f"{name} trains several networks, and a run keeps the weights of one: it cannot start --from another",
            "Take over its options: --like",
        )
    inherited = open_parent(folder) if options.parent else None
    before = folder.typed
    before.pop("start", None)
    with about(folder.path / "config.json"):
        entry(name).config.check_values(before)
        if options.parent:  # later versions may build another network by default
            recorded = entry(name).config.from_record(folder.config)
            before = {setting: getattr(recorded, setting) for setting in recorded.SHAPES} | before
    for one, other in (("epochs", "minutes"), ("minutes", "epochs")):
        if one in given:
            before.pop(other, None)
    source = folder.source
    if before.get("data") is not None:
        before["data"] = found_again(str(before["data"]), source)
    both = entry(name).config.effective({**before, **given}, *given)  # what is typed now in vain is refused later
    return both, {} if "data" in given else source, inherited


def found_again(data: str, source: Mapping[str, Any]) -> str:
    """The data of another run as they can be opened from here: a relative path may be of another folder."""
    if data in (*KNOWN, SAMPLE) or path_of(data).exists():
        return data
    path = source.get("path")
    return path if isinstance(path, str) and Path(path).exists() else data


def open_parent(folder: RunFolder) -> Inherited:
    """What a new run takes over of a finished one. UsageError where it is not finished."""
    if not folder.finished:
        raise UsageError(
            f"expected --from a finished run, {folder.path} is not",
            f"Go on with it: nnlab {folder.command} --resume {quoted(folder.path)}",
        )
    return _inherited(folder.path.name, folder.path, folder.source)


def with_parent(folder: RunFolder, config: Config) -> Config:
    """The config of a run folder, with what it keeps of the run it started from; as it is where it started anew."""
    if config.start is None:
        return config
    source = folder.source.get("parent")
    told = source if isinstance(source, dict) else {}
    return config.inheriting(_inherited(str(told.get("run", PARENT)), folder.path / PARENT, told))


def _inherited(run: str, place: Path, source: Mapping[str, Any]) -> Inherited:
    from nnlab.data import seen

    if not (place / TRAINED_ON).is_file():
        raise InputError(
            f"expected {TRAINED_ON}: without it nothing can be held out that the network has not seen",
            "Train the run again, or take its options without its weights: --like",
            path=place / TRAINED_ON,
        )
    preprocessing = place / "preprocessing.json"
    return Inherited(
        run=run,
        place=place,
        weights=untrusted.digest_of_weights(place / "model.keras"),
        preprocessing=untrusted.read_json(preprocessing) if preprocessing.is_file() else {},
        seen=seen.read(place / TRAINED_ON),
        source={key: source[key] for key in ("name", "digest") if key in source},
    )


def adopt(folder: RunFolder, inherited: Inherited) -> None:
    """Keep in a new run folder what it takes over."""
    for name in KEPT_OF_PARENT:
        if (inherited.place / name).is_file():
            folder.write(f"{PARENT}/{name}", (inherited.place / name).read_bytes())


def inherited_record(inherited: Inherited) -> dict[str, Any]:
    """What ``data.json`` says of the run whose weights were taken over."""
    return {"run": inherited.run, "weights": inherited.weights, **inherited.source}


def write_keys(folder: RunFolder, keys: Any, inherited: Inherited | None) -> None:
    """``trained_on.npy``: what this run is trained on, and what its ancestors were."""
    import numpy as np

    from nnlab.data import seen

    both = keys if inherited is None else np.concatenate([keys, inherited.seen])
    folder.place(TRAINED_ON, lambda path: seen.write(both, path))


def starter(config: Config) -> Callable[[Any], None] | None:
    """What fills a fresh network with the parent's weights; None where there is no parent.

    It raises UsageError where the weights are of another network, with the options that make the difference.
    """
    inherited = config.inherited
    if inherited is None:
        return None

    def fill(network: Any) -> None:
        from nnlab.models.saved_weights import load_weights

        try:
            load_weights(network, inherited.place / "model.keras")
        except InputError as error:
            raise inherited.unfit() from error

    return fill
