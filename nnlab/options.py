"""An option, written once: what is known of a field beside its name, type and default, and what is made of it.

Checks of values are here, the parameters of a command, and the defaults that its help tells.
"""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import math
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

from nnlab.errors import UsageError

SHARED, OWN = "What to run", "This experiment"
OUTPUT, COMPUTE = "Where it goes and how it is shown", "Where it computes"  # panels of the help
USUAL = ("pictures",)  # a condition of a variant that the help leaves out
DECIDED = ("start", "steps")  # settings that only --from and --minutes decide
UNRECORDED = ("given", "facts", "inherited")  # fields of a config that are no settings
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
    (included), ``above``, ``below`` (excluded), ``metavar`` and ``panel`` as in :class:`Option`. ``before``: of an
    option of a later version the value that was in force before it existed, as in :func:`added`.
    """
    earlier = {"before": known.pop("before")} if "before" in known else {}
    metadata = {"option": Option(help, tuple(flags), default=default_told, **known), **earlier}
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def bounded(default: Any, **bounds: Any) -> Any:
    """A field that is recorded, not on the command line, and has bounds that a record is checked against."""
    return field(default=default, metadata={"bounds": Option("", **bounds)})


def added(default: Any, *, before: Any, **bounds: Any) -> Any:
    """A recorded field of a later version: ``before`` is the value that was in force before it existed."""
    return field(default=default, metadata={"before": before, "bounds": Option("", **bounds)})


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
    return [entry for entry in dataclasses.fields(cls) if entry.name not in UNRECORDED]


def flag_of(entry: dataclasses.Field[Any]) -> str:
    """How a field is named to a user: ``--batch-size``, or its name where it is not an option."""
    if "option" not in entry.metadata:
        return entry.name
    flags = entry.metadata["option"].flags or (f"--{entry.name.replace('_', '-')}",)
    return str(flags[0].partition("/")[0])


def plain(hint: Any, value: Any) -> Any:
    """A value from Python as JSON has it: NumPy's as Python's own, one alone as a list where a field has several."""
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, list | tuple):
        return [plain(Any, one) for one in value]
    return [value] if typing.get_origin(_kind(hint)) is list and type(value) in (int, float) else value


def check_value(entry: dataclasses.Field[Any], hint: Any, value: Any) -> None:
    """Raise UsageError where a value has another type than its field, or is out of its bounds."""
    name = flag_of(entry)
    bounds = entry.metadata.get("option") or entry.metadata.get("bounds") or Option("")
    if value is None and _is_union(hint) and type(None) in typing.get_args(hint):
        return
    kind = _kind(hint)
    if typing.get_origin(kind) is Literal:
        choices = typing.get_args(kind)
        if not isinstance(value, str) or value not in choices:
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
    if typing.get_origin(kind) is dict:
        _check_counts(name, value)
        return
    fits = isinstance(value, (int, float) if kind is float else kind) and (kind is bool or not isinstance(value, bool))
    if not fits or (isinstance(value, float) and not math.isfinite(value)):
        raise UsageError(f"expected {name} to be {RIGHT.get(kind, kind)}, got {value!r}", "Give another value")
    if kind in (int, float):
        _check_bounds(name, bounds, value)


def _check_counts(name: str, value: Any) -> None:
    """Whole numbers above 0 by name."""
    right = isinstance(value, dict) and all(type(count) is int and 0 < count < 10**12 for count in value.values())
    if not right or len(value) > 100:
        raise UsageError(f"expected {name} as whole numbers by name, got {str(value)[:80]}", "Give another value")


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


def parsed(cls: type, text: str, flag: str) -> tuple[str, str]:
    """``units=64`` as (name of a setting of ``cls``, text of its value). UsageError where there is no such setting."""
    name, equals, value = text.partition("=")
    name = name.strip().lstrip("-").replace("-", "_")
    if not equals or not name or not value.strip():
        raise UsageError(f"expected {flag} NAME=VALUE, got {text!r}", "For example: units=64")
    names = [entry.name for entry in fields_of(cls) if entry.name not in DECIDED]
    if name not in names:
        raise UsageError(f"expected {flag} with a setting of this experiment, got {name!r}", nearest(name, names))
    return name, value.strip()


def nearest(name: str, names: Sequence[str]) -> str:
    """A hint for a name that is none of ``names``: those most like it, or all."""
    near = difflib.get_close_matches(name, names, 3)
    return f"Did you mean {' or '.join(near)}?" if near else f"There are {', '.join(names)}"


def value_of(cls: type, name: str, text: str) -> Any:
    """The text of a setting as its value, checked. UsageError where it is none."""
    entry = next(entry for entry in fields_of(cls) if entry.name == name)
    hint = hints_of(cls)[name]
    kind = _kind(hint)
    value: Any = text
    if kind is bool:
        value = {"true": True, "false": False}.get(text.lower(), text)
    elif typing.get_origin(kind) is list:
        value = [_number(item, typing.get_args(kind)[0]) for item in text.split("+")]
    elif kind in (int, float):
        value = _number(text, kind)
    check_value(entry, hint, value)
    return value


def _number(text: str, kind: Any) -> Any:
    """The number of a text; the text where it is none, which a check then refuses."""
    try:
        return kind(text.replace("_", ""))
    except ValueError:
        return text


def words_of(cls: type, given: Mapping[str, Any]) -> list[str]:
    """The options of a command line that give these values: what a person would type."""
    words: list[str] = []
    for entry in fields_of(cls):
        if entry.name not in given:
            continue
        value, known = given[entry.name], entry.metadata.get("option")
        items = value if isinstance(value, list) else [value]
        if known is None:
            words += ["--set", f"{entry.name}={'+'.join(map(str, items))}"]
        elif isinstance(value, bool):
            flags = (known.flags[0] if known.flags else f"--{entry.name.replace('_', '-')}").split("/")
            words += [flags[0]] if value else flags[1:]
        else:
            words += [word for item in items for word in (flag_of(entry), str(item))]
    return words


def _is_union(hint: Any) -> bool:
    return typing.get_origin(hint) in (typing.Union, types.UnionType)


def _kind(hint: Any) -> Any:
    """The type of a field, without its None."""
    return next(kind for kind in (typing.get_args(hint) if _is_union(hint) else (hint,)) if kind is not type(None))


# ---- the parameters of a command ---------------------------------------------------------------------


def parameters_of(cls: type, *names: str) -> list[inspect.Parameter]:
    """The options of a dataclass as parameters of a Typer function, this experiment's own first; all, or ``names``."""
    wanted = [entry for entry in fields_of(cls) if "option" in entry.metadata and (not names or entry.name in names)]
    wanted.sort(key=lambda entry: entry.metadata["option"].panel != OWN)
    return [_parameter(cls, entry) for entry in wanted]


def _parameter(cls: type, entry: dataclasses.Field[Any]) -> inspect.Parameter:
    import typer

    known: Option = entry.metadata["option"]
    kind = _kind(hints_of(cls)[entry.name])
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


def defaults_told(cls: Any, name: str) -> str:
    """The defaults of an option: ``64; published 40``, with what other options change: ``6 (--op mul: 200)``."""
    entry = next(entry for entry in fields_of(cls) if entry.name == name)
    known: Option = entry.metadata["option"]
    if not hasattr(cls, "PRESETS") or name == "preset":
        return _told(known, entry.default) if not isinstance(entry.default, bool) else ""
    by_preset: dict[str, str] = {}
    for preset in cls.PRESETS:
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
    told = _any_of(values)
    if "option" not in entry.metadata:
        return told
    return flag_of(entry) if values == (True,) else f"{flag_of(entry)} {told}"


def _any_of(values: tuple[Any, ...]) -> str:
    in_a_row = len(values) > 3 and values == tuple(range(values[0], values[-1] + 1))
    return f"{values[0]:,} to {values[-1]:,}" if in_a_row else " or ".join(map(str, values))


def typed_as(cls: type, name: str, values: tuple[Any, ...]) -> str:
    """How a user types a setting with one of these values: ``--op add or sub``, ``--set network=columns``."""
    entry = next(entry for entry in fields_of(cls) if entry.name == name)
    flag = f"{flag_of(entry)} " if "option" in entry.metadata else f"--set {name}="
    return f"{flag}{_any_of(values)}"


def _told(known: Option, value: Any) -> str:
    if value is BY_DATA or value is dataclasses.MISSING:
        return known.default.strip()
    if isinstance(value, bool):
        return "" if len(known.flags) != 1 or "/" not in known.flags[0] else known.flags[0].split("/")[not value][2:]
    if isinstance(value, list):
        return " ".join(f"{item:g}" for item in value)
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else str(value)
