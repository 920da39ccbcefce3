"""Options, presets and records: an option is written once, as a field of a dataclass.

From the fields of a :class:`Config` follow the command's signature and ``--help``, the checks of a command line, a
Python call and a saved record, ``config.json``, ``assets/options.md`` and the JSON schema. A preset is data, so that
the help can tell each preset's default and a record can tell all that a preset decided.
"""

from __future__ import annotations

import inspect
import os
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, TypeVar

from nnlab.errors import UsageError
from nnlab.options import (
    BY_DATA,
    SHARED,
    check_value,
    fields_of,
    flag_of,
    hints_of,
    nearest,
    option,
    parameters_of,
    plain,
    typed_as,
)

SAMPLE = "sample"  # built-in data of every command, made on the spot


@dataclass(frozen=True)
class Variant:
    """Defaults that hold where other settings have certain values: ``when`` ``{name: (value, …)}``."""

    when: Mapping[str, tuple[Any, ...]]
    then: Mapping[str, Any]


Preset = Literal["published", "best", "quick"]
PRESETS: tuple[Preset, ...] = typing.get_args(Preset)


@dataclass(frozen=True)
class Inherited:
    """What a run takes over of the run whose weights it starts from (``--from``).

    ``place`` is the folder where that run's weights, preprocessing and ``trained_on`` are; ``run`` what it is called.
    """

    run: str
    place: Path
    weights: str  # their digest
    preprocessing: Mapping[str, Any]
    seen: Any  # sorted keys of what that run and its ancestors were trained on, as of nnlab/data/seen.py
    source: Mapping[str, Any] = field(default_factory=dict)  # what its data.json says

    def kept(self, name: str) -> Any:
        """What that run kept of its data for ``predict``; UsageError where it kept nothing of this name."""
        if name not in self.preprocessing:
            raise self.unfit()
        return self.preprocessing[name]

    def unfit(self) -> UsageError:
        """The error of weights that are of another network."""
        return UsageError(
            f"the weights of {self.run} do not fit the network of these options",
            "Sizes, vocabulary and kind of a network stay those of its weights: leave such options out, "
            "or train from fresh weights: --like",
        )


@dataclass(frozen=True, kw_only=True)
class Config:
    """The options the seven experiments share; the whole record of what a result depends on.

    A setting is, the first that applies: what was typed (``given``), what the data decided (``facts``), the last
    variant that fits, the preset, the field's default.
    """

    PRESETS: ClassVar[Mapping[Preset, Mapping[str, Any]]] = {}
    VARIANTS: ClassVar[Sequence[Variant]] = ()
    SHAPES: ClassVar[Sequence[str]] = ()  # settings without an option that decide the network: ``--from`` keeps them
    # Settings that change nothing but with some values of others: {name: {other: (value, …)}}.
    ONLY_WITH: ClassVar[Mapping[str, Mapping[str, tuple[Any, ...]]]] = {}
    SUBJECT: ClassVar[frozenset[str]] = frozenset()  # settings that say what is to be learned, for no sweep
    GOES_ON: ClassVar[bool] = True  # whether --from can be: a run keeps the weights of one network
    EXAMPLE: ClassVar[str] = ""  # a command line for the help
    DATA: ClassVar[str] = ""  # the data set that is used unasked, for the help
    RESULTS: ClassVar[Mapping[str, Any]] = {"type": "object"}  # JSON schema of the results
    SWEEP_VALIDATION: ClassVar[float] = (
        0.1  # share of the training part that --sweep chooses on, where a preset has none
    )

    preset: Preset = option(
        "best", "The 2018 report's setting, this project's best, or one that ends in seconds.", panel=SHARED
    )
    epochs: int = option(BY_DATA, "Epochs (overrides the preset).", min=1, max=1_000_000, panel=SHARED)
    minutes: float | None = option(
        None,
        "Minutes of training per network and seed, turned into steps before it begins; not with --epochs.",
        above=0,
        max=100_000,
        panel=SHARED,
        default_told=" ",
    )
    batch_size: int = option(128, "Batch size (overrides the preset).", min=1, max=1_000_000, panel=SHARED)
    seed: int = option(0, "Seed of the networks: the same seed gives the same bits.", min=0, max=2**31, panel=SHARED)
    data_seed: int = option(0, "Seed that draws and splits the data.", min=0, max=2**31, panel=SHARED)
    runs: int = option(1, "Repeat with seeds seed, seed+1, …; adds intervals.", min=1, max=1000, panel=SHARED)
    data: str | None = option(
        None, "Your own data, a known data set, or 'sample'.", metavar="PATH|NAME", panel=SHARED, default_told=" "
    )
    given: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)  # not recorded
    facts: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)  # not recorded
    inherited: Inherited | None = field(default=None, repr=False, compare=False)  # not recorded
    steps: dict[str, int] | None = None  # of each network's training, where --minutes decided them
    start: str | None = None  # digest of the weights that training starts from; none: drawn

    # ---- making one ------------------------------------------------------------------------------

    @classmethod
    def from_options(
        cls, given: Mapping[str, Any], *, settings: bool = False, inherited: Inherited | None = None
    ) -> Self:
        """The config of a command line or a Python call; ``given`` holds only what was typed.

        ``settings``: recorded settings that are no options (``units``) may be given as well. ``inherited``: of the run
        whose weights it starts from. Raises UsageError for an option that does not exist, has another type, or is out
        of bounds.
        """
        names = [entry.name for entry in fields_of(cls) if settings or "option" in entry.metadata]
        for name in given:
            if name not in names:
                raise UsageError(f"expected options of this experiment, got {name}", nearest(name, names))
        given = {name: plain(hints_of(cls)[name], value) for name, value in given.items()}
        if given.get("minutes") is not None and given.get("epochs") is not None:
            raise UsageError("--minutes decides the epochs, got --epochs as well", "Leave one of them out")
        start = {} if inherited is None else {"start": inherited.weights}
        return cls._made({**given, **start}, {}, inherited)

    def inheriting(self, inherited: Inherited) -> Self:
        """This config with what its record names only by a digest. UsageError where it is of other weights."""
        if inherited.weights != self.start:
            raise UsageError(
                f"expected weights of digest {str(self.start)[:12]}… to start from, those in {inherited.place} have "
                f"{inherited.weights[:12]}…",
                "Put them back as they were, or start a new run: --from",
            )
        return self._made(self.given, self.facts, inherited)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """The config that :meth:`record` wrote. It reads no file.

        Raises UsageError for unknown or missing names, wrong types, and values out of bounds.
        """
        config = cls._made(cls.completed(record), {})
        config.check_complete()
        return config

    @classmethod
    def completed(cls, record: Mapping[str, Any]) -> dict[str, Any]:
        """A record with the settings that were added since, as they were in force before; values are not checked.

        Raises UsageError for unknown or missing names.
        """
        fields = {entry.name: entry for entry in fields_of(cls)}
        earlier = {n: e.metadata["before"] for n, e in fields.items() if "before" in e.metadata and n not in record}
        odd = sorted({*record, *earlier} ^ set(fields))
        if odd:
            raise UsageError(
                f"the record of the run does not fit this version of nnlab: missing or unknown: {', '.join(odd)}",
                "Use the version of nnlab that made it, as its environment.json names it",
            )
        return {**earlier, **record}

    @classmethod
    def _made(cls, given: Mapping[str, Any], facts: Mapping[str, Any], inherited: Inherited | None = None) -> Self:
        cls.check_values(given)
        config = cls(**cls.settings(given, facts), given=given, facts=facts, inherited=inherited)
        cls.check_values({name: value for name, value in config.record().items() if value is not BY_DATA})
        config.check()
        return config

    @classmethod
    def check_values(cls, given: Mapping[str, Any]) -> None:
        """Raise UsageError where a setting has a value of another type, or out of bounds; other names are left out.

        To be called before a value is looked up anywhere: a record may be anybody's.
        """
        for entry in fields_of(cls):
            if entry.name in given:
                check_value(entry, hints_of(cls)[entry.name], given[entry.name])

    @classmethod
    def settings(cls, given: Mapping[str, Any], facts: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Every setting that is not a field's default, from what was typed and what the data decided, both checked."""
        preset = given.get("preset", "best")
        chosen: dict[str, Any] = {"preset": preset, **cls.PRESETS[preset]}
        fixed = {**(facts or {}), **given}
        defaults = {entry.name: entry.default for entry in fields_of(cls)}
        for variant in cls.VARIANTS:
            known = {**defaults, **chosen, **fixed}
            if all(known.get(name) in values for name, values in variant.when.items()):
                chosen |= variant.then
        return {**chosen, **fixed}

    def resolved(self, **facts: Any) -> Self:
        """This config with what the data decide; what was typed stays."""
        own = {name: value for name, value in facts.items() if name not in self.given}
        return self._made(self.given, {**self.facts, **own}, self.inherited) if own else self

    @property
    def sample_called(self) -> str:
        """What a sample of the experiment is called: MFLOP are told per one."""
        return "sample"

    @property
    def epochs_told(self) -> str:
        """How long a run trains, in words."""
        return f"{self.epochs:,} epoch{'s' * (self.epochs != 1)}"

    @property
    def figure_words(self) -> Mapping[str, str]:
        """What figures are called whose name in the results leaves out their unit."""
        return {"mflop": f"MFLOP per {self.sample_called}"}

    def planned(self, task: str, steps: int, epochs: int) -> tuple[int, int]:
        """(epochs, batches in all) of a task of ``steps`` batches per epoch; where ``--minutes`` decided, its own."""
        if self.steps is None:
            return epochs, steps * epochs
        total = self.steps.get(task, steps)
        return -(-total // steps), total

    # ---- what it holds ---------------------------------------------------------------------------

    @classmethod
    def default_told(cls, name: str, preset: Preset) -> str | None:
        """How the help tells a default that its value does not say; None where it does."""
        return cls.DATA if name == "data" and "data" not in cls.PRESETS[preset] else None

    def check(self) -> None:
        """Raise UsageError where the options do not fit together; what the data decide may still be open."""

    @classmethod
    def without_effect(cls, name: str, settings: Mapping[str, Any]) -> str | None:
        """The setting beside which another, ``name``, changes nothing; None where it does, or may with the data."""
        needed = cls.ONLY_WITH.get(name, {}).items()
        return next((other for other, values in needed if settings[other] not in (BY_DATA, *values)), None)

    @classmethod
    def effective(cls, given: Mapping[str, Any], *kept: str, record: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What of ``given`` changes something with the rest of it, or in a record; and those named ``kept``.

        Without a record, raises UsageError where a value has another type than its setting, or is out of bounds; None
        may be any's.
        """
        if record is None:
            cls.check_values({name: value for name, value in given.items() if value is not None})
        every = {entry.name: entry.default for entry in fields_of(cls)} | dict(record or cls.settings(given))
        return {name: value for name, value in given.items() if name in kept or not cls.without_effect(name, every)}

    def check_effect(self, typed: Iterable[str]) -> None:
        """Raise UsageError where a setting was typed that changes nothing with the others."""
        cls, fields, settings = type(self), {entry.name: entry for entry in fields_of(type(self))}, self.record()
        for name in typed:
            if (other := self.without_effect(name, settings)) is not None:
                hint = "Leave it out"
                if fields[other].default is not BY_DATA and other in self.ONLY_WITH.get(name, {}):
                    hint += f", or use {typed_as(cls, other, self.ONLY_WITH[name][other])}"
                beside = f"{flag_of(fields[other])} {settings[other]}"
                raise UsageError(f"{flag_of(fields[name])} changes nothing with {beside}", hint)

    def check_complete(self) -> None:
        """Raise UsageError where a setting that the data decide is still open."""
        self.check_values(self.record())

    def record(self) -> dict[str, Any]:
        """Every setting as plain JSON values."""
        return {entry.name: getattr(self, entry.name) for entry in fields_of(type(self))}

    @property
    def seeds(self) -> range:
        """The seed of each run; run ``k`` of many equals a run alone with its seed."""
        return range(self.seed, self.seed + self.runs)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options that no result is recorded with; each value is checked like a config's."""

    def __post_init__(self) -> None:
        for entry in fields_of(type(self)):
            hint = hints_of(type(self))[entry.name]
            object.__setattr__(self, entry.name, plain(hint, getattr(self, entry.name)))
            check_value(entry, hint, getattr(self, entry.name))


# ---- the command line ------------------------------------------------------------------------------------

Unrecorded = TypeVar("Unrecorded", bound=Options)


def command(
    cls: type[Config], beside: type[Unrecorded], name: str, run: Callable[[str, Mapping[str, Any], Unrecorded], int]
) -> Callable[..., None]:
    """The function that Typer turns into the command of an experiment: its signature is made from the fields.

    ``beside``: the options that are not recorded.
    """
    import typer

    own = [entry.name for entry in fields_of(cls) if "option" in entry.metadata]

    def body(**values: Any) -> None:
        given = {option: values[option] for option in own if values[option] not in (None, [])}
        options = beside(
            **{key: expanded(value) for key, value in values.items() if key not in own and value is not None}
        )
        raise typer.Exit(run(name, given, options))

    example = f"\n\nExample: [bold cyan]{cls.EXAMPLE}[/bold cyan]" if cls.EXAMPLE else ""
    doc = f"{(cls.__doc__ or '').splitlines()[0]}{example}"
    return _signed(body, name, doc, [*parameters_of(cls), *parameters_of(beside)])


def expanded(value: Any) -> Any:
    """A path with its ``~`` as the user's home; UsageError where there is none. Other values as they are."""
    if not isinstance(value, Path):
        return value
    try:
        return value.expanduser()
    except RuntimeError as error:
        raise UsageError(f"expected a path, got {value}: this user has no home directory", "Write it out") from error


def path_of(named: str | Path) -> Path:
    """A name that a user typed as a path, ``~`` as the home folder; as it is where there is no such home.

    ``~five.png`` may be a file: only where a path is refused anyway (:func:`expanded`) is an unknown user an error.
    """
    return Path(os.path.expanduser(named))


def with_options(cls: type[Options], *names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a function the options of a dataclass (all, or ``names``) as parameters, beside its own.

    The function is called with ``options``, an instance made of what was typed.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(function, eval_str=True)
        own = [parameter for parameter in signature.parameters.values() if parameter.name != "options"]
        added = parameters_of(cls, *names)

        def body(**values: Any) -> None:
            typed = {parameter.name: values.pop(parameter.name) for parameter in added}
            function(
                **values, options=cls(**{name: expanded(value) for name, value in typed.items() if value is not None})
            )

        return _signed(body, function.__name__, function.__doc__ or "", [*own, *added])

    return decorate


def _signed(
    body: Callable[..., None], name: str, doc: str, parameters: Sequence[inspect.Parameter]
) -> Callable[..., None]:
    """A function with a name, a docstring and a signature made elsewhere, as Typer reads them."""
    body.__name__, body.__doc__ = name, doc
    keyword = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
    body.__signature__ = inspect.Signature(keyword)  # type: ignore[attr-defined]
    body.__annotations__ = {parameter.name: parameter.annotation for parameter in keyword}
    return body
