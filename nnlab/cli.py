"""The command line: one loop registers every experiment, then what uses and manages runs.

``nnlab --help``, ``--version`` and completion never import keras, numpy or matplotlib.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

import nnlab
from nnlab.commands.parsing import App, Group
from nnlab.config import PRESETS, command, expanded, with_options
from nnlab.configs.predict import PredictOptions
from nnlab.configs.run import RunOptions
from nnlab.errors import UsageError
from nnlab.experiments import REGISTRY
from nnlab.options import OUTPUT

EXPERIMENTS, USE = "Experiments", "Use and manage runs"

RunArgument = Annotated[
    Path, typer.Argument(metavar="RUN", help="A run folder, as [bold]nnlab runs[/bold] lists them.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")]


app = App(
    name="nnlab",
    cls=Group,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
runs_app = App(cls=Group, rich_markup_mode="rich")
data_app = App(cls=Group, rich_markup_mode="rich")
app.add_typer(runs_app, name="runs", rich_help_panel=USE)
app.add_typer(data_app, name="data", rich_help_panel=USE)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"nnlab {nnlab.__version__}")
        raise typer.Exit()


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Classic neural-network experiments, one command each.

    Each trains a real model, shows what it learned on data it never saw,
    and leaves a run folder: resume it, repeat it to the bit, use it.

    Start with:  [bold cyan]nnlab arith --preset quick[/bold cyan]
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def _train(name: str, given: Mapping[str, Any], options: RunOptions) -> int:
    from nnlab.commands.sweep import is_sweep, sweep
    from nnlab.commands.train import train

    return (sweep if is_sweep(options) else train)(name, given, options)


for _name, _entry in REGISTRY.items():
    app.command(_name, rich_help_panel=EXPERIMENTS)(command(_entry.config, RunOptions, _name, _train))


@app.command(rich_help_panel=USE)
@with_options(PredictOptions)
def predict(
    run: RunArgument,
    inputs: Annotated[
        Optional[list[str]],
        typer.Argument(
            metavar="INPUT",
            help="What to answer, or [bold]-[/bold] for one per line on stdin. Without any, a prompt on a terminal. "
            "Before inputs that begin with - put [bold]--[/bold].",
        ),
    ] = None,
    *,
    options: PredictOptions,
) -> None:
    """Use what a run trained: one answer per line.

    Example: [bold cyan]nnlab predict runs/arith-… "291+7" "46+601"[/bold cyan]
    """
    from nnlab.commands.predict import predict as answer

    raise typer.Exit(answer(expanded(run), inputs or [], options))


@app.command(rich_help_panel=USE)
@with_options(RunOptions, "engine", "address", "workers", "json", "quiet", "verbose")
def report(
    preset: Annotated[
        Optional[str],
        typer.Option(metavar="|".join(PRESETS), help="As of the experiments. [dim]\\[default: best][/dim]"),
    ] = None,
    only: Annotated[
        Optional[list[str]],
        typer.Option(metavar="ITEM,…", help="Only these: table1, figure3, greek, … (repeatable)."),
    ] = None,
    out: Annotated[
        Optional[Path],
        typer.Option(
            metavar="DIR",
            help="The folder of the report: the same line again goes on with what is missing. "
            "[dim]\\[default: runs/report-PRESET][/dim]",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    *,
    options: RunOptions,
) -> None:
    """Run the report of 2018 again, beside what it published.

    Example: [bold cyan]nnlab report --preset quick[/bold cyan]
    """
    from nnlab.commands.report import report as run_report

    chosen = "best" if preset is None else preset
    if chosen not in PRESETS:
        raise UsageError(f"expected --preset to be one of {', '.join(PRESETS)}, got {chosen!r}", "Choose one")
    raise typer.Exit(run_report(chosen, only or [], replace(options, out=expanded(out))))


@runs_app.callback(invoke_without_command=True)
def list_runs(
    context: typer.Context,
    folder: Annotated[Path, typer.Option("--dir", help="Where the run folders are.", metavar="DIR")] = Path("runs"),
    name: Annotated[Optional[str], typer.Option("--command", help="Only runs of this command.", metavar="NAME")] = None,
    where: Annotated[
        Optional[list[str]],
        typer.Option("--where", help="Only runs with this setting (repeatable).", metavar="NAME=VALUE"),
    ] = None,
    sort: Annotated[
        Optional[str], typer.Option("--sort", help="The best first, by a figure of the results.", metavar="FIGURE")
    ] = None,
    top: Annotated[Optional[int], typer.Option("--top", help="Only the first N.", metavar="N", min=1)] = None,
    json: JsonOption = False,
) -> None:
    """List run folders, newest first; show, compare or verify them.

    Example: [bold cyan]nnlab runs --command arith --sort exact_match --top 5[/bold cyan]
    """
    if context.invoked_subcommand is None:
        from nnlab.commands.runs import Listing
        from nnlab.commands.runs import list_runs as run

        listing = Listing(expanded(folder), name, where or [], sort, top)
        raise typer.Exit(run(listing, json=json))


@runs_app.command()
def show(run: RunArgument, json: JsonOption = False) -> None:
    """Print a run's consoles and tables again.

    Example: [bold cyan]nnlab runs show runs/arith-…[/bold cyan]
    """
    from nnlab.commands.runs import show_run

    raise typer.Exit(show_run(expanded(run), json=json))


@runs_app.command()
@with_options(RunOptions, "device", "json", "quiet", "verbose")
def verify(run: RunArgument, options: RunOptions) -> None:
    """Run a folder's config again and compare weights and metrics bit for bit.

    Example: [bold cyan]nnlab runs verify runs/arith-…[/bold cyan]
    """
    from nnlab.commands.runs import verify_run

    raise typer.Exit(verify_run(expanded(run), options))


@runs_app.command("compare")
def compare_runs(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Finished runs of one experiment.")],
    figure: Annotated[
        Optional[Path],
        typer.Option(metavar="FILE.png", help="Draw the curves of the runs over each other into a new file."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Compare runs: options, data, figures, and whether a difference means anything.

    Example: [bold cyan]nnlab runs compare runs/a runs/b[/bold cyan]
    """
    from nnlab.commands.compare import compare

    drawn = expanded(figure) if figure else None
    raise typer.Exit(compare([expanded(run) for run in runs], figure=drawn, json=json))


@runs_app.command("table")
def table_of_runs(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Run folders; what is not finished is left out.")],
    into: Annotated[
        Path | None,
        typer.Option("--into", metavar="FILE", help="A Markdown file whose rows of these commands are written anew."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show runs as Markdown tables: command, seeds, test figures beside the best baseline, time, machine.

    Example: [bold cyan]nnlab runs table runs/* > results.md[/bold cyan]
    """
    from nnlab.commands.runs_table import tables

    raise typer.Exit(tables([expanded(run) for run in runs], into=expanded(into), json=json))


@runs_app.command("page")
def page_of_runs(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Run folders, also unfinished ones.")],
    out: Annotated[
        Optional[Path],
        typer.Option(
            metavar="FILE.html",
            help="A new file. [dim]\\[default: RUN/page.html; of several runs page.html][/dim]",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Make one self-contained HTML page of runs: figures, sounds, and a look into the network.

    Example: [bold cyan]nnlab runs page runs/digits --out digits.html[/bold cyan]
    """
    from nnlab.commands.page import page

    raise typer.Exit(page([expanded(run) for run in runs], out=expanded(out) if out else None, json=json))


@data_app.callback(invoke_without_command=True)
def list_data(context: typer.Context, json: JsonOption = False) -> None:
    """List the known data sets; fetch or verify them.

    Example: [bold cyan]nnlab data fetch mnist[/bold cyan]
    """
    if context.invoked_subcommand is None:
        from nnlab.commands.data import list_data as run

        raise typer.Exit(run(json=json))


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
        Optional[list[str]], typer.Argument(metavar="NAME", help="Data sets; all that are at hand if none is named.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Compare the contents of data sets at hand with what they should be.

    Example: [bold cyan]nnlab data verify mnist[/bold cyan]
    """
    from nnlab.commands.data import verify_data as run

    raise typer.Exit(run(names or [], json=json))


@app.command(rich_help_panel=USE)
def schema() -> None:
    """Print the JSON schema of what every command writes.

    Example: [bold cyan]nnlab schema[/bold cyan]
    """
    from nnlab.commands.schema import print_schema

    raise typer.Exit(print_schema())


@app.command(rich_help_panel=USE)
def export(
    run: RunArgument,
    to: Annotated[
        str, typer.Option("--to", metavar="onnx|zip", help="The network for other programs, or the run for nnlab.")
    ],
    out: Annotated[
        Optional[Path],
        typer.Option(metavar="FILE", help="A new file. [dim]\\[default: named after the run, in this folder][/dim]"),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Take a run along: all of it as one zip, or its network as ONNX.

    A zip has a model card in it and is opened by [bold]nnlab import[/bold]; ONNX is for other programs.

    Example: [bold cyan]nnlab export runs/arith-… --to zip[/bold cyan]
    """
    from nnlab.commands.export import export as run_export

    raise typer.Exit(run_export(expanded(run), to, expanded(out), json=json))


@app.command("import", rich_help_panel=USE)
def import_run(
    file: Annotated[Path, typer.Argument(metavar="FILE.zip", help="What [bold]nnlab export --to zip[/bold] wrote.")],
    out: Annotated[
        Optional[Path],
        typer.Option(metavar="DIR", help="A new run folder. [dim]\\[default: runs/, named after the file][/dim]"),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Open an exported run, to use and verify it here.

    Nothing in it is executed.

    Example: [bold cyan]nnlab import arith.zip[/bold cyan]
    """
    from nnlab.commands.import_run import import_run as run_import

    raise typer.Exit(run_import(expanded(file), expanded(out), json=json))


@app.command(hidden=True)
def worker(
    run: Path,
    task: Annotated[str, typer.Option("--task")],
    runs: Annotated[str, typer.Option("--runs")],
    device: Annotated[str, typer.Option("--device")] = "auto",
    benchmark: Annotated[bool, typer.Option("--benchmark/--no-benchmark")] = True,
    time: Annotated[bool, typer.Option("--time")] = False,
) -> None:
    """Train some of a run's seeds for the process that leads it (nnlab's own command)."""
    from nnlab.commands.worker import work
    from nnlab.training.parallel import end_with_parent

    end_with_parent()
    firsts = [int(first) for first in runs.split(",")]
    raise typer.Exit(work(run, task, firsts, device=device, benchmark=benchmark, time=time))
