"""Options, presets and records: an option is written once, as a field of a dataclass.

From the fields of a :class:`Config` follow the command's signature and ``--help``, the checks of a command line, a
Python call and a saved record, ``config.json``, ``assets/options.md`` and the JSON schema. A preset is data, so that
the help can tell each preset's default and a record can tell all that a preset decided.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Optional, Self

from nnlab.errors import UsageError

SAMPLE = "sample"  # built-in data of every command, made on the spot
SHARED, OWN, OUTPUT, COMPUTE = (
    "What to run",
    "This experiment",
    "Where it goes and how it is shown",
    "Where it computes",
)
USUAL = ("pictures",)  # a condition of a variant that the help leaves out
BY_DATA: Any = None  # the default of an option that is decided once the data are loaded


@dataclass(frozen=True)
class Option:
    """What is known of an option beside its name, type and default."""

    help: str
    flags: tuple[str, ...] = ()
    min: float | None = None
    max: float | None = None
    above: float | None = None  # a bound that is itself excluded
    below: float | None = None
    metavar: str | None = None
    panel: str = OWN
    default: str = ""  # how the default is told where it is not a value


def option(
    default: Any,
    help: str,
    *flags: str,
    default_told: str = "",
    **known: Any,
) -> Any:
    """A field that is an option of the command line.

    ``flags`` replace ``--name``; ``default_told`` says the default where it is not a plain value. ``min``, ``max``
    (included), ``above``, ``below`` (excluded), ``metavar`` and ``panel`` as in :class:`Option`.
    """
    metadata = {"option": Option(help, tuple(flags), default=default_told, **known)}
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def bounded(default: Any, **bounds: Any) -> Any:
    """A field that is recorded, not on the command line, and has bounds that a record is checked against."""
    return field(default=default, metadata={"bounds": Option("", **bounds)})


def added(default: Any, *, before: Any) -> Any:
    """A recorded field of a later version: ``before`` is the value that was in force before it existed."""
    return field(default=default, metadata={"before": before})


@dataclass(frozen=True)
class Variant:
    """Defaults that hold where other settings have certain values: ``when`` ``{name: (value, …)}``."""

    when: Mapping[str, tuple[Any, ...]]
    then: Mapping[str, Any]


Preset = Literal["published", "best", "quick"]
PRESETS: tuple[Preset, ...] = typing.get_args(Preset)


@dataclass(frozen=True, kw_only=True)
class Config:
    """The options the seven experiments share; the whole record of what a result depends on.

    A setting is, the first that applies: what was typed (``given``), what the data decided (``facts``), the last
    variant that fits, the preset, the field's default.
    """

    PRESETS: ClassVar[Mapping[Preset, Mapping[str, Any]]] = {}
    VARIANTS: ClassVar[Sequence[Variant]] = ()
    EXAMPLE: ClassVar[str] = ""  # a command line for the help
    DATA: ClassVar[str] = ""  # the data set that is used unasked, for the help
    RESULTS: ClassVar[Mapping[str, Any]] = {"type": "object"}  # JSON schema of the results

    preset: Preset = option(
        "best", "The 2018 report's setting, this project's best, or one that ends in seconds.", panel=SHARED
    )
    epochs: int = option(BY_DATA, "Epochs (overrides the preset).", min=1, max=1_000_000, panel=SHARED)
    batch_size: int = option(128, "Batch size (overrides the preset).", min=1, max=1_000_000, panel=SHARED)
    seed: int = option(0, "Seed of the networks: the same seed gives the same bits.", min=0, max=2**31, panel=SHARED)
    data_seed: int = option(0, "Seed that draws and splits the data.", min=0, max=2**31, panel=SHARED)
    runs: int = option(1, "Repeat with seeds seed, seed+1, …; adds intervals.", min=1, max=1000, panel=SHARED)
    data: str | None = option(
        None, "Your own data, a known data set, or 'sample'.", metavar="PATH|NAME", panel=SHARED, default_told=" "
    )
    given: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)  # not recorded
    facts: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)  # not recorded

    # ---- making one ------------------------------------------------------------------------------

    @classmethod
    def from_options(cls, given: Mapping[str, Any]) -> Self:
        """The config of a command line or a Python call; ``given`` holds only what was typed.

        Raises UsageError for an option that does not exist, has another type, or is out of bounds.
        """
        names = [entry.name for entry in fields_of(cls) if "option" in entry.metadata]
        for name in given:
            if name not in names:
                raise UsageError(f"expected options among {', '.join(names)}, got {name}", "See nnlab COMMAND --help")
        return cls._made(dict(given), {})

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """The config that :meth:`record` wrote. It reads no file.

        Raises UsageError for unknown or missing names, wrong types, and values out of bounds.
        """
        fields = {entry.name: entry for entry in fields_of(cls)}
        earlier = {n: e.metadata["before"] for n, e in fields.items() if "before" in e.metadata and n not in record}
        odd = sorted({*record, *earlier} ^ set(fields))
        if odd:
            raise UsageError(
                f"the record of the run does not fit this version of nnlab: missing or unknown: {', '.join(odd)}",
                "Use the version named in its environment.json",
            )
        config = cls._made({**earlier, **record}, {})
        config.check_complete()
        return config

    @classmethod
    def _made(cls, given: Mapping[str, Any], facts: Mapping[str, Any]) -> Self:
        given = {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}
        config = cls(**cls.settings(given, facts), given=given, facts=facts)
        for entry in fields_of(cls):
            value = getattr(config, entry.name)
            if value is not BY_DATA or entry.name in given:
                check_value(entry, hints_of(cls)[entry.name], value)
        config.check()
        return config

    @classmethod
    def settings(cls, given: Mapping[str, Any], facts: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Every setting that is not a field's default, from what was typed and what the data decided."""
        preset = given.get("preset", "best")
        if preset not in cls.PRESETS:
            check_value(next(e for e in fields_of(cls) if e.name == "preset"), Preset, preset)
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
        return self._made(self.given, {**self.facts, **own}) if own else self

    # ---- what it holds ---------------------------------------------------------------------------

    @classmethod
    def default_told(cls, name: str, preset: Preset) -> str | None:
        """How the help tells a default that its value does not say; None where it does."""
        return cls.DATA if name == "data" and "data" not in cls.PRESETS[preset] else None

    def check(self) -> None:
        """Raise UsageError where the options do not fit together; what the data decide may still be open."""

    def check_complete(self) -> None:
        """Raise UsageError where a setting that the data decide is still open."""
        for entry in fields_of(type(self)):
            check_value(entry, hints_of(type(self))[entry.name], getattr(self, entry.name))

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
            check_value(entry, hints_of(type(self))[entry.name], getattr(self, entry.name))


@dataclass(frozen=True, kw_only=True)
class RunOptions(Options):
    """Where a run goes, how it is shown and where it computes; what of it can change a bit is in environment.json."""

    out: Path | None = option(
        None, "The run folder.", metavar="DIR", panel=OUTPUT, default_told="runs/COMMAND-DATE-TIME"
    )
    resume: Path | None = option(None, "Go on with an interrupted run.", metavar="DIR", panel=OUTPUT, default_told=" ")
    json: bool = option(False, "One JSON document on stdout, nothing else.", "--json", panel=OUTPUT)
    quiet: bool = option(False, "Less on stderr.", "-q", "--quiet", panel=OUTPUT)
    verbose: bool = option(False, "More on stderr, tracebacks too.", "-v", "--verbose", panel=OUTPUT)
    device: Literal["auto", "cpu", "gpu"] = option("auto", "Processor or GPU.", panel=COMPUTE)
    engine: Literal["local", "ray"] = option(
        "local", "Several runs at once: processes here, or a Ray cluster.", panel=COMPUTE
    )
    address: str | None = option(
        None,
        "Address of the Ray cluster.",
        metavar="HOST:PORT",
        panel=COMPUTE,
        default_told="RAY_ADDRESS, or a new one here",
    )
    workers: int | None = option(
        None, "Runs at once.", min=1, max=1024, panel=COMPUTE, default_told="as cores and memory allow"
    )
    benchmark: bool = option(
        True, "Measure how fast the trained network writes.", "--benchmark/--no-benchmark", panel=COMPUTE
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.address is not None and self.engine != "ray":
            raise UsageError(f"--address is of a Ray cluster, got {self.address!r} without --engine ray", "Add it")

    @property
    def verbosity(self) -> int:
        """-1 quiet, 0 as usual, 1 verbose."""
        return int(self.verbose) - int(self.quiet)


# ---- checking values -------------------------------------------------------------------------------------


RIGHT: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    Path: "a path",
}
_hints: dict[type, dict[str, Any]] = {}


def hints_of(cls: type) -> dict[str, Any]:
    """The types of a dataclass's fields."""
    if cls not in _hints:
        _hints[cls] = typing.get_type_hints(cls)
    return _hints[cls]


def fields_of(cls: type) -> list[dataclasses.Field[Any]]:
    """The fields that are recorded, in order."""
    return [entry for entry in dataclasses.fields(cls) if entry.name not in ("given", "facts")]


def flag_of(entry: dataclasses.Field[Any]) -> str:
    """How a field is named to a user: ``--batch-size``, or its name where it is not an option."""
    if "option" not in entry.metadata:
        return entry.name
    flags = entry.metadata["option"].flags or (f"--{entry.name.replace('_', '-')}",)
    return str(flags[0].partition("/")[0])


def check_value(entry: dataclasses.Field[Any], hint: Any, value: Any) -> None:
    """Raise UsageError where a value has another type than its field, or is out of its bounds."""
    name = flag_of(entry)
    bounds = entry.metadata.get("option") or entry.metadata.get("bounds") or Option("")
    kinds = typing.get_args(hint) if _is_union(hint) else (hint,)
    if value is None and type(None) in kinds:
        return
    kind = next(kind for kind in kinds if kind is not type(None))
    if typing.get_origin(kind) is Literal:
        choices = typing.get_args(kind)
        if value not in choices:
            raise UsageError(
                f"expected {name} to be one of {', '.join(map(str, choices))}, got {value!r}", "Choose one"
            )
        return
    if typing.get_origin(kind) is list:
        if not isinstance(value, list) or not 1 <= len(value) <= 100:
            raise UsageError(f"expected {name} as 1 to 100 values, got {value!r}", "Give another value")
        for item in value:
            check_value(entry, typing.get_args(kind)[0], item)
        return
    fits = isinstance(value, (int, float) if kind is float else kind) and (kind is bool or not isinstance(value, bool))
    if not fits or (kind is float and not math.isfinite(value)):
        raise UsageError(f"expected {name} to be {RIGHT.get(kind, kind)}, got {value!r}", "Give another value")
    if kind in (int, float):
        _check_bounds(name, bounds, value)


def _check_bounds(name: str, bounds: Option, value: float) -> None:
    low = bounds.min if bounds.min is not None else bounds.above
    high = bounds.max if bounds.max is not None else bounds.below
    too_low = low is not None and (value <= low if bounds.above is not None else value < low)
    too_high = high is not None and (value >= high if bounds.below is not None else value > high)
    if not (too_low or too_high):
        return
    if bounds.min is not None and bounds.max is not None:
        wanted = f"{bounds.min:,} to {bounds.max:,}"
    else:
        least = f"above {low:,g}" if bounds.above is not None else f"at least {low:,}" if low is not None else ""
        most = f"below {high:,g}" if bounds.below is not None else f"at most {high:,}" if high is not None else ""
        wanted = " and ".join(filter(None, [least, most]))
    raise UsageError(f"expected {name} {wanted}, got {value:,}", "Give another value")


def _is_union(hint: Any) -> bool:
    return typing.get_origin(hint) in (typing.Union, types.UnionType)


# ---- the command line ------------------------------------------------------------------------------------


def command(
    cls: type[Config], name: str, run: Callable[[str, Mapping[str, Any], RunOptions], int]
) -> Callable[..., None]:
    """The function that Typer turns into the command of an experiment: its signature is made from the fields."""
    import typer

    own = [entry.name for entry in fields_of(cls) if "option" in entry.metadata]

    def body(**values: Any) -> None:
        given = {option: values[option] for option in own if values[option] not in (None, [])}
        options = RunOptions(
            **{key: expanded(value) for key, value in values.items() if key not in own and value is not None}
        )
        raise typer.Exit(run(name, given, options))

    example = f"\n\nExample: [bold cyan]{cls.EXAMPLE}[/bold cyan]" if cls.EXAMPLE else ""
    doc = f"{(cls.__doc__ or '').splitlines()[0]}{example}"
    return _signed(body, name, doc, [*parameters_of(cls), *parameters_of(RunOptions)])


def expanded(value: Any) -> Any:
    """A path with its ``~`` as the user's home; UsageError where there is none. Other values as they are."""
    if not isinstance(value, Path):
        return value
    try:
        return value.expanduser()
    except RuntimeError as error:
        raise UsageError(f"expected a path, got {value}: this user has no home directory", "Write it out") from error


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
    """A function with a name, a docstring and a signature made elsewhere."""
    body.__name__, body.__doc__ = name, doc
    keyword = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
    body.__signature__ = inspect.Signature(keyword)  # type: ignore[attr-defined]
    body.__annotations__ = {parameter.name: parameter.annotation for parameter in keyword}
    return body


def parameters_of(cls: type, *names: str) -> list[inspect.Parameter]:
    """The options of a dataclass as parameters of a Typer function, this experiment's own first; all, or ``names``."""
    wanted = [entry for entry in fields_of(cls) if "option" in entry.metadata and (not names or entry.name in names)]
    wanted.sort(key=lambda entry: entry.metadata["option"].panel != OWN)
    return [_parameter(cls, entry) for entry in wanted]


def _parameter(cls: type, entry: dataclasses.Field[Any]) -> inspect.Parameter:
    import typer

    known: Option = entry.metadata["option"]
    hint = hints_of(cls)[entry.name]
    kind = next(k for k in (typing.get_args(hint) if _is_union(hint) else (hint,)) if k is not type(None))
    choices = [str(choice) for choice in typing.get_args(kind)] if typing.get_origin(kind) is Literal else []
    described: dict[str, Any] = {
        "help": f"{known.help}{_default_told(cls, entry)}",
        "rich_help_panel": known.panel,
        "metavar": known.metavar or ("|".join(choices) if choices else None if kind is bool else _range(known, kind)),
    }
    if choices:
        described["autocompletion"] = lambda: choices
        kind = str
    inner = typing.get_args(kind)[0] if typing.get_origin(kind) is list else kind
    if inner in (int, float):
        described["parser"] = _parser(entry, inner)
    flags = known.flags or (f"--{entry.name.replace('_', '-')}",)
    annotation: Any = Annotated[Optional[kind], typer.Option(*flags, **described)]
    return inspect.Parameter(entry.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _parser(entry: dataclasses.Field[Any], kind: type[int] | type[float]) -> Callable[[str], float]:
    """What reads a number of the command line; UsageError where it is none."""

    def parse(text: str) -> float:
        try:
            return kind(text)
        except ValueError:
            wanted = RIGHT[kind]
            raise UsageError(f"expected {flag_of(entry)} to be {wanted}, got {text!r}", "Give another value") from None

    return parse


def _range(known: Option, kind: Any) -> str | None:
    if kind not in (int, float):
        return None
    return f"{known.min:g}…{known.max:g}" if kind is int and known.max is not None and known.max <= 100 else "N"


def _default_told(cls: type, entry: dataclasses.Field[Any]) -> str:
    """The default of each preset as the help tells it; nothing for a flag that is off."""
    told = defaults_told(cls, entry.name)
    return f" [dim]\\[default: {told}][/dim]" if told else ""


def defaults_told(cls: type, name: str) -> str:
    """The defaults of an option: ``64; published 40``, with what other options change: ``6 (--op mul: 200)``."""
    entry = next(entry for entry in fields_of(cls) if entry.name == name)
    known: Option = entry.metadata["option"]
    if not issubclass(cls, Config) or name == "preset":
        return _told(known, entry.default) if not isinstance(entry.default, bool) else ""
    by_preset: dict[str, str] = {}
    for preset in PRESETS:
        value = cls.settings({"preset": preset}).get(name, _default_of(entry))
        others = []
        for variant in cls.VARIANTS:
            if name in variant.then and preset in variant.when.get("preset", (preset,)):
                why = [_condition(cls, key, of) for key, of in variant.when.items() if key != "preset" and of != USUAL]
                if why and (changed := _told(known, variant.then[name])) != _told(known, value):
                    others.append(f"{', '.join(why)}: {changed}")
        told = cls.default_told(name, preset) or _told(known, value)
        by_preset[preset] = told + (f" ({'; '.join(dict.fromkeys(others))})" if others else "")
    usual = by_preset["best"]
    return "; ".join(
        [usual, *(f"{preset} {told}" for preset, told in by_preset.items() if told != usual)] if usual.strip() else
        [f"{preset} {told}" for preset, told in by_preset.items() if told.strip() and told != usual]
    )  # fmt: skip


def _default_of(entry: dataclasses.Field[Any]) -> Any:
    return entry.default if entry.default_factory is dataclasses.MISSING else entry.default_factory()


def _condition(cls: type, name: str, values: tuple[Any, ...]) -> str:
    entry = next(entry for entry in fields_of(cls) if entry.name == name)
    if "option" not in entry.metadata:
        return " or ".join(map(str, values))
    return flag_of(entry) if values == (True,) else f"{flag_of(entry)} {' or '.join(map(str, values))}"


def _told(known: Option, value: Any) -> str:
    if value is BY_DATA or value is dataclasses.MISSING:
        return known.default.strip()
    if isinstance(value, bool):
        return "" if len(known.flags) != 1 or "/" not in known.flags[0] else known.flags[0].split("/")[not value][2:]
    if isinstance(value, list):
        return " ".join(f"{item:g}" for item in value)
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else str(value)
