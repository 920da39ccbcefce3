"""The reference of every option, made from the program: ``python -m tests.reference`` writes ``assets/options.md``."""

from __future__ import annotations

import inspect
import re
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
    """The page, a section per command."""
    return HEAD + "".join(section(name, callback) for name, callback in commands(app, "nnlab"))


def commands(group: typer.Typer, name: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    """A group's own options, its commands, and the groups in it."""
    if group.registered_callback and group.registered_callback.callback:
        yield name, group.registered_callback.callback
    for command in group.registered_commands:
        if command.hidden:
            continue
        assert command.callback is not None
        yield f"{name} {command.name or command.callback.__name__}", command.callback
    for below in group.registered_groups:
        assert below.typer_instance is not None
        yield from commands(below.typer_instance, f"{name} {below.name}")


def section(name: str, callback: Callable[..., Any]) -> str:
    """What one command does, its arguments and its options, in the panels of ``--help``."""
    lines = [f"\n## {name}\n", plain(inspect.getdoc(callback) or "") + "\n"]
    panels: dict[str, list[str]] = {}
    hints = {name: p.annotation for name, p in inspect.signature(callback, eval_str=True).parameters.items()}
    for place, parameter in inspect.signature(callback).parameters.items():
        if hints[place] is not typer.Context:
            annotation, info = typing.get_args(hints[place])
            panel = info.rich_help_panel or ("Arguments" if isinstance(info, ArgumentInfo) else "Options")
            panels.setdefault(panel, []).append(row(place, annotation, info, parameter.default))
    for panel, rows in panels.items():
        lines += [f"| {panel} | |\n| --- | --- |", *rows, ""]
    return "\n".join(lines)


def row(place: str, annotation: Any, info: OptionInfo | ArgumentInfo, default: Any) -> str:
    """One option: its names, what it takes, what it does, and its default."""
    declared = [words for words in (info.default, *(info.param_decls or ())) if str(words).startswith("-")]
    names = [part for words in declared for part in str(words).split("/")] or [f"--{place.replace('_', '-')}"]
    if isinstance(info, ArgumentInfo):
        several = "list" in str(annotation)
        takes = f"`{info.metavar}{'…' * several}`"
    else:
        takes = ", ".join(f"`{name}`" for name in names)
        if info.metavar:
            takes += f" `{info.metavar}`"
    told = plain(info.help or "").replace("|", "\\|")
    if "[default" not in told and default not in (None, False, inspect.Parameter.empty):
        told += f" [default: {getattr(default, 'value', default)}]"
    takes = takes.replace("|", "\\|")
    return f"| {takes} | {told} |"


def plain(text: str) -> str:
    """Help without Rich's markup; what it colours is code."""
    text = re.sub(r"\[bold(?: cyan)?\](.+?)\[/bold(?: cyan)?\]", r"`\1`", text)
    return re.sub(r"(?<!\\)\[/?dim\]", "", text).replace("\\[", "[")


if __name__ == "__main__":
    FILE.write_text(reference(), encoding="utf-8")
