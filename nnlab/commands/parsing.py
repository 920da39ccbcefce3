"""How a command line is read and its help shown, where that is otherwise than in Typer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import typer
import typer.core

from nnlab.errors import UsageError

ONCE = ("--sweep", "--diversity")  # --set and textgen's --diversity may be given several times


class OwnWays:
    """What is otherwise than in Typer.

    ``--help`` shows no type beside what takes no value, where Typer would say ``<bool>``; and an empty path is
    refused, which would be the working folder: it is what a script makes of a variable that is not set.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read a command line."""
        words = list(args)
        parsed: list[str] = super().parse_args(ctx, args)  # type: ignore[misc]
        if not ctx.resilient_parsing:  # to complete a word
            self._check(ctx, *self.make_parser(ctx).parse_args(args=words)[::2])  # type: ignore[attr-defined]
        return parsed

    def _check(self, ctx: Any, given: Mapping[str, Any], met: list[Any]) -> None:
        for option in self.get_params(ctx):
            values = given.get(option.name)
            if "Path" in option.bare_type() and "" in (values if isinstance(values, list | tuple) else [values]):
                name = option.opts[0] if option.opts[0].startswith("-") else option.metavar
                raise UsageError(f"expected a path for {name}, got an empty one", "For this folder write .")

    def get_params(self, ctx: Any) -> list[Any]:
        """The options and arguments of a command."""
        found: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for option in found:
            if getattr(option, "is_flag", False) and option.metavar is None:
                option.metavar = ""
        return found


class Group(OwnWays, typer.core.TyperGroup):
    """What has commands below it."""


class Command(OwnWays, typer.core.TyperCommand):
    """A command that refuses a second value of an option of ``ONCE``, which Click would take for the only one.

    Of other options the last value counts, as scripts rely on that put theirs after common ones.
    """

    def _check(self, ctx: Any, given: Mapping[str, Any], met: list[Any]) -> None:
        super()._check(ctx, given, met)
        for option in self.get_params(ctx):
            if option.opts[0] in ONCE and not option.multiple and met.count(option) > 1:
                raise UsageError(f"{option.opts[0]} is given twice", "Leave one of them out")


class App(typer.Typer):
    """Typer, whose commands are :class:`Command`."""

    def command(self, name: str | None = None, **options: Any) -> Callable[[Any], Any]:
        """Register a command."""
        return super().command(name, **{"cls": Command, **options})
