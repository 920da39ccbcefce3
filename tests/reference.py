"""The reference of every option, made from the program: ``python -m tests.reference`` writes ``assets/options.md``."""

from __future__ import annotations

import enum
import inspect
import re
import types
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer
from typer.models import ArgumentInfo, OptionInfo

from nnlab.cli import app

FILE = Path(__file__).parent.parent / "assets" / "options.md"
HEAD = """# Every option of nnlab

Made from the program by `python -m tests.reference`; a test holds it to what the program takes.
"""


def reference() -> str:
    """The page, a section a command."""
    return HEAD + "".join(section(name, callback) for name, callback in commands(app, "nnlab"))


def commands(group: typer.Typer, name: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    """A group's own options, its commands, and the groups in it."""
    if group.registered_callback and group.registered_callback.callback:
        yield name, group.registered_callback.callback
    for command in group.registered_commands:
        assert command.callback is not None
        yield f"{name} {command.name or command.callback.__name__}", command.callback
    for below in group.registered_groups:
        assert below.typer_instance is not None
        yield from commands(below.typer_instance, f"{name} {below.name}")


def section(name: str, callback: Callable[..., Any]) -> str:
    """What one command does, its arguments and its options, in the panels of ``--help``."""
    lines = [f"\n## {name}\n", plain(inspect.getdoc(callback) or "") + "\n"]
    panels: dict[str, list[str]] = {}
    hints = typing.get_type_hints(callback, include_extras=True)
    for place, parameter in inspect.signature(callback).parameters.items():
        if hints[place] is not typer.Context:
            annotation, info = typing.get_args(hints[place])
            panel = info.rich_help_panel or ("Arguments" if isinstance(info, ArgumentInfo) else "Options")
            panels.setdefault(panel, []).append(row(place, annotation, info, parameter.default))
    for panel, rows in panels.items():
        lines += [f"| {panel} | |\n| --- | --- |", *rows, ""]
    return "\n".join(lines)


def row(place: str, annotation: Any, info: OptionInfo | ArgumentInfo, default: Any) -> str:
    """One option: its names, what it takes, what it does, its bounds and its default."""
    kind = next(
        (inner for inner in typing.get_args(annotation) if inner is not type(None)), annotation
    )  # what is Optional, or in a list
    kind = typing.get_args(kind)[0] if typing.get_origin(kind) in (list, types.UnionType) else kind
    declared = [words for words in (info.default, *(info.param_decls or ())) if str(words).startswith("-")]
    names = [part for words in declared for part in words.split("/")] or [f"--{place.replace('_', '-')}"]
    if isinstance(info, ArgumentInfo):
        takes = f"`{info.metavar}`"
    else:
        takes = ", ".join(f"`{name}`" for name in names)
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            takes += " " + " \\| ".join(f"`{choice.value}`" for choice in kind)
        elif info.metavar:
            takes += f" `{info.metavar}`"
    told = plain(info.help or "")
    if "[default" not in told and default not in (None, False, inspect.Parameter.empty):
        told += f" [default: {getattr(default, 'value', default)}]"
    if info.min is not None and info.metavar != "1…9":
        told += f" ({info.min:,} to {info.max:,})" if info.max is not None else f" ({info.min:,} or more)"
    takes = takes.replace("PATH|NAME", "PATH\\|NAME")
    return f"| {takes} | {told} |"


def plain(text: str) -> str:
    """Help without Rich's markup; what it colours is code."""
    text = re.sub(r"\[bold(?: cyan)?\](.+?)\[/bold(?: cyan)?\]", r"`\1`", text)
    return re.sub(r"(?<!\\)\[/?dim\]", "", text).replace("\\[", "[")


if __name__ == "__main__":
    FILE.write_text(reference(), encoding="utf-8")
