"""The command line: one thin typed function a command; every heavy import is inside a body.

``nnlab --help``, ``--version`` and completion never import keras, numpy or matplotlib.
"""

from __future__ import annotations

import itertools
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

import nnlab
from nnlab.options import (
    OUTPUT,
    OWN,
    SHARED,
    ActivationOption,
    AddressOption,
    Autoencoder,
    BatchOption,
    DataOption,
    Device,
    DeviceOption,
    DistanceOption,
    DiversityOption,
    EngineName,
    EngineOption,
    EpochsOption,
    GridOption,
    JsonOption,
    Loss,
    Net,
    Op,
    OutOption,
    PresetOption,
    QuietOption,
    ResumeOption,
    RunArgument,
    RunsOption,
    SeedOption,
    VerboseOption,
    WorkersOption,
)

if TYPE_CHECKING:
    from nnlab.bench import Edge

EXPERIMENTS, AFTERWARDS = "Experiments", "Afterwards"
OF_TEXTGEN, OF_TRANSLATE = "What a run of textgen takes", "What a run of translate takes"
OF_FILES = "What a run of autoencode or denoise takes"

app = typer.Typer(
    name="nnlab",
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
runs_app = typer.Typer(rich_markup_mode="rich")
app.add_typer(runs_app, name="runs", rich_help_panel=AFTERWARDS)
data_app = typer.Typer(rich_markup_mode="rich")
app.add_typer(data_app, name="data", rich_help_panel=AFTERWARDS)


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


@app.command(rich_help_panel=EXPERIMENTS)
def mnist(
    net: Annotated[
        Optional[Net], typer.Option(help="The network. [dim]\\[default: both][/dim]", rich_help_panel=OWN)
    ] = None,
    loss: Annotated[
        Optional[Loss],
        typer.Option(help="Cross-entropy, squared error. [dim]\\[default: ce][/dim]", rich_help_panel=OWN),
    ] = None,
    top: Annotated[
        Optional[int],
        typer.Option(
            min=1,
            max=100,
            metavar="K",
            help="Show the K most misclassified. [dim]\\[default: 3][/dim]",
            rich_help_panel=OWN,
        ),
    ] = None,
    preset: PresetOption = None,
    epochs: EpochsOption = None,
    batch_size: BatchOption = None,
    seed: SeedOption = None,
    runs: RunsOption = None,
    data: DataOption = None,
    out: OutOption = None,
    resume: ResumeOption = None,
    device: DeviceOption = Device.auto,
    engine: EngineOption = EngineName.local,
    address: AddressOption = None,
    workers: WorkersOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Find the digits that fool an MLP and a CNN.

    Example: [bold cyan]nnlab mnist --net cnn --runs 5[/bold cyan]
    """
    _experiment("mnist", locals())


@app.command(rich_help_panel=EXPERIMENTS)
def permute(
    net: Annotated[
        Optional[Net], typer.Option(help="The network. [dim]\\[default: both][/dim]", rich_help_panel=OWN)
    ] = None,
    preset: PresetOption = None,
    epochs: EpochsOption = None,
    batch_size: BatchOption = None,
    seed: SeedOption = None,
    runs: RunsOption = None,
    data: DataOption = None,
    out: OutOption = None,
    resume: ResumeOption = None,
    device: DeviceOption = Device.auto,
    engine: EngineOption = EngineName.local,
    address: AddressOption = None,
    workers: WorkersOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """See whether the order of the pixels matters.

    Example: [bold cyan]nnlab permute --runs 5[/bold cyan]
    """
    _experiment("permute", locals())


@app.command(rich_help_panel=EXPERIMENTS)
def textgen(
    maxlen: Annotated[
        Optional[int],
        typer.Option(
            min=2,
            max=1000,
            metavar="N",
            help="Characters of a window. [dim]\\[default: 64; published 40][/dim]",
            rich_help_panel=OWN,
        ),
    ] = None,
    diversity: DiversityOption = None,
    length: Annotated[
        Optional[int],
        typer.Option(
            min=1,
            max=100_000,
            metavar="N",
            help="Characters it writes. [dim]\\[default: 400][/dim]",
            rich_help_panel=OWN,
        ),
    ] = None,
    lower: Annotated[
        Optional[bool],
        typer.Option("--lower/--keep-case", help="Fold the case. [dim]\\[default: lower][/dim]", rich_help_panel=OWN),
    ] = None,
    preset: PresetOption = None,
    epochs: EpochsOption = None,
    batch_size: BatchOption = None,
    seed: SeedOption = None,
    runs: RunsOption = None,
    data: DataOption = None,
    out: OutOption = None,
    resume: ResumeOption = None,
    device: DeviceOption = Device.auto,
    engine: EngineOption = EngineName.local,
    address: AddressOption = None,
    workers: WorkersOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Learn to write by predicting the next character.

    Example: [bold cyan]nnlab textgen --data book.txt[/bold cyan]
    """
    _experiment("textgen", locals())


@app.command(rich_help_panel=EXPERIMENTS)
def translate(
    pairs: Annotated[
        Optional[str],
        typer.Option(
            metavar="FILE",
            help="Tab-separated sentence pairs; the same as --data. [dim]\\[default: eng-ell][/dim]",
            rich_help_panel=OWN,
        ),
    ] = None,
    samples: Annotated[
        Optional[int],
        typer.Option(
            min=20,
            metavar="N",
            help="The first N pairs of the file. [dim]\\[default: 20,000, or all][/dim]",
            rich_help_panel=OWN,
        ),
    ] = None,
    validation: Annotated[
        Optional[float],
        typer.Option(
            metavar="F", help="Share of the sources held out. [dim]\\[default: 0.2][/dim]", rich_help_panel=OWN
        ),
    ] = None,
    dropout: Annotated[
        Optional[float],
        typer.Option(
            min=0,
            max=0.95,
            metavar="F",
            help="Share dropped while training. [dim]\\[default: 0.2][/dim]",
            rich_help_panel=OWN,
        ),
    ] = None,
    reverse: Annotated[
        Optional[bool], typer.Option("--reverse", help="Swap the languages.", rich_help_panel=OWN)
    ] = None,
    beam: Annotated[
        Optional[int],
        typer.Option(
            min=1,
            max=32,
            metavar="K",
            help="Translations followed at once. [dim]\\[default: 4; published 1][/dim]",
            rich_help_panel=OWN,
        ),
    ] = None,
    preset: PresetOption = None,
    epochs: EpochsOption = None,
    batch_size: BatchOption = None,
    seed: SeedOption = None,
    runs: RunsOption = None,
    data: DataOption = None,
    out: OutOption = None,
    resume: ResumeOption = None,
    device: DeviceOption = Device.auto,
    engine: EngineOption = EngineName.local,
    address: AddressOption = None,
    workers: WorkersOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Learn to translate from sentence pairs.

    Example: [bold cyan]nnlab translate --pairs eng-ell.txt[/bold cyan]
    """
    options = locals()
    if pairs is not None and data is not None and pairs != data:
        raise typer.BadParameter(f"is the same as --data, got {pairs!r} and {data!r}", param_hint="'--pairs'")
    options["data"] = options.pop("pairs") or data
    _experiment("translate", options)


@app.command(rich_help_panel=EXPERIMENTS)
def arith(
    op: Annotated[
        Optional[Op], typer.Option(help="The operation. [dim]\\[default: add][/dim]", rich_help_panel=OWN)
    ] = None,
    digits: Annotated[
        Optional[int],
        typer.Option(
            min=1,
            max=9,
            metavar="1…9",
            help="Digits of the longest number. [dim]\\[default: 3][/dim]",
            rich_help_panel=OWN,
        ),
    ] = None,
    samples: Annotated[
        Optional[int],
        typer.Option(
            min=20,
            max=2_000_000,
            metavar="N",
            help="Different questions, a tenth held out. [dim]\\[default: 50,000, or all][/dim]",
            rich_help_panel=OWN,
        ),
    ] = None,
    preset: PresetOption = None,
    epochs: EpochsOption = None,
    batch_size: BatchOption = None,
    seed: SeedOption = None,
    runs: RunsOption = None,
    data: DataOption = None,
    out: OutOption = None,
    resume: ResumeOption = None,
    device: DeviceOption = Device.auto,
    engine: EngineOption = EngineName.local,
    address: AddressOption = None,
    workers: WorkersOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Learn to add, subtract or multiply by reading sums.

    Example: [bold cyan]nnlab arith --op sub --runs 3[/bold cyan]
    """
    _experiment("arith", locals())


@app.command(rich_help_panel=EXPERIMENTS)
def autoencode(
    net: Annotated[
        Optional[Autoencoder],
        typer.Option(help="The network. [dim]\\[default: conv][/dim]", rich_help_panel=OWN),
    ] = None,
    code: Annotated[
        Optional[int],
        typer.Option(
            min=1,
            max=3072,
            metavar="N",
            help="Numbers a picture, or a second of sound. [dim]\\[default: 256][/dim]",
            rich_help_panel=OWN,
        ),
    ] = None,
    loss: DistanceOption = None,
    activation: ActivationOption = None,
    grid: GridOption = None,
    preset: PresetOption = None,
    epochs: EpochsOption = None,
    batch_size: BatchOption = None,
    seed: SeedOption = None,
    runs: RunsOption = None,
    data: Annotated[
        Optional[str],
        typer.Option(
            metavar="PATH|NAME",
            help="cifar10, birds, your own folder of pictures or sounds, or 'sample' or 'chirps', built in.",
            rich_help_panel=SHARED,
        ),
    ] = None,
    out: OutOption = None,
    resume: ResumeOption = None,
    device: DeviceOption = Device.auto,
    engine: EngineOption = EngineName.local,
    address: AddressOption = None,
    workers: WorkersOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Squeeze pictures or bird song through a few numbers.

    Example: [bold cyan]nnlab autoencode --data birds[/bold cyan]
    """
    _experiment("autoencode", locals())


@app.command(rich_help_panel=EXPERIMENTS)
def denoise(
    noise: Annotated[
        Optional[float],
        typer.Option(
            metavar="SIGMA",
            help="Its standard deviation, of pictures from 0 to 1. [dim]\\[default: 0.5][/dim]",
            rich_help_panel=OWN,
        ),
    ] = None,
    loss: DistanceOption = None,
    activation: ActivationOption = None,
    grid: GridOption = None,
    preset: PresetOption = None,
    epochs: EpochsOption = None,
    batch_size: BatchOption = None,
    seed: SeedOption = None,
    runs: RunsOption = None,
    data: DataOption = None,
    out: OutOption = None,
    resume: ResumeOption = None,
    device: DeviceOption = Device.auto,
    engine: EngineOption = EngineName.local,
    address: AddressOption = None,
    workers: WorkersOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Take noise out of pictures.

    Example: [bold cyan]nnlab denoise --noise 0.3[/bold cyan]
    """
    _experiment("denoise", locals())


@app.command(rich_help_panel=AFTERWARDS)
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
    from nnlab.predict import predict as answer

    typed = {"length": length, "diversity": diversity, "top_p": top_p, "seed": seed, "beam": beam, "out": out}
    options = {name: value for name, value in typed.items() if value is not None}
    verbosity = _verbosity(quiet, verbose)
    raise typer.Exit(answer(run, inputs, device=device.value, json=json, verbosity=verbosity, options=options))


@app.command(rich_help_panel=AFTERWARDS)
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
    from nnlab.report import report as run_report

    chosen = preset.value if preset else "best"
    edge = _edge({**locals(), "resume": None, "device": Device.auto})
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
        from nnlab.runs import list_runs as listing

        raise typer.Exit(listing(folder, json=json))


@runs_app.command()
def show(run: RunArgument, json: JsonOption = False) -> None:
    """Print a run's consoles and tables again.

    Example: [bold cyan]nnlab runs show runs/arith-…[/bold cyan]
    """
    from nnlab.runs import show_run

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
    from nnlab.runs import verify_run

    raise typer.Exit(verify_run(run, device=device.value, json=json, verbosity=_verbosity(quiet, verbose)))


@data_app.callback(invoke_without_command=True)
def list_data(context: typer.Context, json: JsonOption = False) -> None:
    """List the known data sets and where they are; fetch or verify one.

    Example: [bold cyan]nnlab data fetch mnist[/bold cyan]
    """
    if context.invoked_subcommand is None:
        from nnlab.datasets import list_data as listing

        raise typer.Exit(listing(json=json))


@data_app.command()
def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A data set that [bold]nnlab data[/bold] lists.")],
    json: JsonOption = False,
) -> None:
    """Download a data set, check it, and print where it is.

    Example: [bold cyan]nnlab data fetch mnist[/bold cyan]
    """
    from nnlab.datasets import fetch_data

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
    from nnlab.datasets import verify_data as verifying

    raise typer.Exit(verifying(names or [], json=json))


def _verbosity(quiet: bool, verbose: bool) -> int:
    return int(verbose) - int(quiet)


def _edge(options: dict[str, Any]) -> Edge:
    """The options that cannot change a result."""
    from nnlab.bench import Edge

    engine, address = options["engine"].value, options["address"]
    if address is not None and engine != "ray":
        raise typer.BadParameter(f"is of a Ray cluster: add --engine ray, got {address!r}", param_hint="'--address'")
    return Edge(
        out=options["out"],
        resume=options["resume"],
        device=options["device"].value,
        engine=engine,
        address=address,
        workers=options["workers"],
        json=options["json"],
        verbosity=_verbosity(options["quiet"], options["verbose"]),
    )


def _experiment(command: str, options: dict[str, Any]) -> None:
    """Hand the options over: those that shape the result, as typed, and those of the edge."""
    from nnlab.bench import conduct

    edge = _edge(options)
    typed = {name: value for name, value in options.items() if value is not None and value != []}
    edges = ("out", "resume", "device", "engine", "address", "workers", "json", "quiet", "verbose")
    given = {name: getattr(value, "value", value) for name, value in typed.items() if name not in edges}
    raise typer.Exit(conduct(command, given, edge))


def main(arguments: list[str] | None = None) -> None:
    """The entry point: run the app, and tell every wrong usage in one line (and in JSON if asked)."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        code = app(arguments, prog_name="nnlab", standalone_mode=False) or 0
        sys.stdout.flush()
    except typer.TyperException as error:
        code = _refuse(error.format_message(), arguments)
    except typer.Abort:
        code = 130
    except BrokenPipeError:  # the reader has what it wanted (`| head`); results are on disk already
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    raise SystemExit(int(code))


def _refuse(message: str, arguments: list[str]) -> int:
    """Wrong usage: one line on stderr, and the JSON document where it was asked for."""
    from nnlab.errors import UsageError, describe
    from nnlab.output.console import Terminal
    from nnlab.output.envelope import dumps, envelope

    names = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    command = next((word for word in arguments[:1] if word in {*names, "runs", "data"}), None)
    option = re.search(r"Invalid value for '(--?[\w-]+)", message)
    if option and "got" not in message:  # the parser says what it expected, but not always what came
        following = dict(itertools.pairwise(arguments))
        inline = {word.partition("=")[0]: word.partition("=")[2] for word in arguments if "=" in word}
        came = {**following, **inline}.get(option.group(1))
        message = f"{message.rstrip('.')}, got {came!r}" if came is not None and came not in message else message
    told = describe(UsageError(message, f"See {' '.join(filter(None, ['nnlab', command]))} --help"))
    terminal = Terminal(json="--json" in arguments)
    terminal.error(told)
    if terminal.json:
        terminal.write(dumps(envelope(command, exit_code=told.exit_code, error=told)))
    return told.exit_code
