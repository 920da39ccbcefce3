"""The commands that use what a run left (``predict``, ``runs``, ``data``), and ``report``, which runs them all.

Thin typed functions like those of :mod:`nnlab.cli`, which puts them into the app.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from nnlab.options import (
    OUTPUT,
    SHARED,
    AddressOption,
    Device,
    DeviceOption,
    EngineName,
    EngineOption,
    JsonOption,
    PresetOption,
    QuietOption,
    RunArgument,
    VerboseOption,
    WorkersOption,
    edge_of,
    verbosity_of,
)

OF_TEXTGEN, OF_TRANSLATE = "What a run of textgen takes", "What a run of translate takes"
OF_FILES = "What a run of autoencode or denoise takes"

runs_app = typer.Typer(rich_markup_mode="rich")
data_app = typer.Typer(rich_markup_mode="rich")


def predict(
    run: RunArgument,
    inputs: Annotated[
        list[str], typer.Argument(metavar="INPUT…", help="What to answer, or [bold]-[/bold] for one a line on stdin.")
    ],
    length: Annotated[
        Optional[int],
        typer.Option(
            min=1,
            max=1_000_000,
            metavar="N",
            help="Characters to write. [dim]\\[default: 400][/dim]",
            rich_help_panel=OF_TEXTGEN,
        ),
    ] = None,
    diversity: Annotated[
        Optional[float],
        typer.Option(
            min=0.01, max=10, metavar="T", help="Temperature. [dim]\\[default: 0.5][/dim]", rich_help_panel=OF_TEXTGEN
        ),
    ] = None,
    top_p: Annotated[
        Optional[float],
        typer.Option(
            min=0.01,
            max=1,
            metavar="P",
            help="Draw from the most probable P only. [dim]\\[default: 1][/dim]",
            rich_help_panel=OF_TEXTGEN,
        ),
    ] = None,
    seed: Annotated[
        Optional[int],
        typer.Option(
            min=0,
            max=2**31,
            metavar="N",
            help="Same seed, same text. [dim]\\[default: 0][/dim]",
            rich_help_panel=OF_TEXTGEN,
        ),
    ] = None,
    beam: Annotated[
        Optional[int],
        typer.Option(
            min=1,
            max=32,
            metavar="K",
            help="Translations followed at once. [dim]\\[default: the run's][/dim]",
            rich_help_panel=OF_TRANSLATE,
        ),
    ] = None,
    out: Annotated[
        Optional[Path],
        typer.Option(
            metavar="DIR",
            help="Where its files go. [dim]\\[default: beside each input][/dim]",
            rich_help_panel=OF_FILES,
        ),
    ] = None,
    device: DeviceOption = Device.auto,
    json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Use what a run trained: one answer a line.

    Example: [bold cyan]nnlab predict runs/arith-… "291+7" "46+601"[/bold cyan]
    """
    from nnlab.commands.predict import predict as answer

    typed = {"length": length, "diversity": diversity, "top_p": top_p, "seed": seed, "beam": beam, "out": out}
    options = {name: value for name, value in typed.items() if value is not None}
    verbosity = verbosity_of(quiet, verbose)
    raise typer.Exit(answer(run, inputs, device=device.value, json=json, verbosity=verbosity, options=options))


def report(
    preset: PresetOption = None,
    only: Annotated[
        Optional[list[str]],
        typer.Option(
            metavar="ITEM,…", help="Only these: table1, figure3, greek, … (repeatable).", rich_help_panel=SHARED
        ),
    ] = None,
    engine: EngineOption = EngineName.local,
    address: AddressOption = None,
    workers: WorkersOption = None,
    out: Annotated[
        Optional[Path],
        typer.Option(
            metavar="DIR",
            help="Where it goes, and is gone on with. [dim]\\[default: runs/report-PRESET][/dim]",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Run the whole report again, and set it beside what it published.

    Example: [bold cyan]nnlab report --preset quick[/bold cyan]
    """
    from nnlab.commands.report import report as run_report

    chosen = preset.value if preset else "best"
    edge = edge_of({**locals(), "resume": None, "device": Device.auto})
    raise typer.Exit(run_report(chosen, only or [], edge))


@runs_app.callback(invoke_without_command=True)
def list_runs(
    context: typer.Context,
    folder: Annotated[Path, typer.Option("--dir", help="Where the run folders are.", metavar="DIR")] = Path("runs"),
    json: JsonOption = False,
) -> None:
    """List run folders as a table, newest first; show or verify one.

    Example: [bold cyan]nnlab runs verify runs/arith-…[/bold cyan]
    """
    if context.invoked_subcommand is None:
        from nnlab.commands.runs import list_runs as listing

        raise typer.Exit(listing(folder, json=json))


@runs_app.command()
def show(run: RunArgument, json: JsonOption = False) -> None:
    """Print a run's consoles and tables again.

    Example: [bold cyan]nnlab runs show runs/arith-…[/bold cyan]
    """
    from nnlab.commands.runs import show_run

    raise typer.Exit(show_run(run, json=json))


@runs_app.command()
def verify(
    run: RunArgument,
    device: DeviceOption = Device.auto,
    json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Run a folder's config again and compare weights and metrics bit for bit.

    Example: [bold cyan]nnlab runs verify runs/arith-…[/bold cyan]
    """
    from nnlab.commands.runs import verify_run

    raise typer.Exit(verify_run(run, device=device.value, json=json, verbosity=verbosity_of(quiet, verbose)))


@data_app.callback(invoke_without_command=True)
def list_data(context: typer.Context, json: JsonOption = False) -> None:
    """List the known data sets and where they are; fetch or verify one.

    Example: [bold cyan]nnlab data fetch mnist[/bold cyan]
    """
    if context.invoked_subcommand is None:
        from nnlab.commands.data import list_data as listing

        raise typer.Exit(listing(json=json))


@data_app.command()
def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A data set that [bold]nnlab data[/bold] lists.")],
    json: JsonOption = False,
) -> None:
    """Download a data set, check it, and print where it is.

    Example: [bold cyan]nnlab data fetch mnist[/bold cyan]
    """
    from nnlab.commands.data import fetch_data

    raise typer.Exit(fetch_data(name, json=json))


@data_app.command("verify")
def verify_data(
    names: Annotated[
        Optional[list[str]], typer.Argument(metavar="[NAME]…", help="Data sets; all that are at hand if none is named.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Compare the contents of data sets at hand with what they should be.

    Example: [bold cyan]nnlab data verify mnist[/bold cyan]
    """
    from nnlab.commands.data import verify_data as verifying

    raise typer.Exit(verifying(names or [], json=json))
