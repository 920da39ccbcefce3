"""The command line: one thin typed function a command; every heavy import is inside a body.

``nnlab --help``, ``--version`` and completion never import keras, numpy or matplotlib.
"""

from __future__ import annotations

import itertools
import os
import re
import sys
from typing import Annotated, Any, Optional

import typer

import nnlab
from nnlab import afterwards
from nnlab.options import (
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
    RunsOption,
    SeedOption,
    VerboseOption,
    WorkersOption,
    edge_of,
)

EXPERIMENTS, AFTERWARDS = "Experiments", "Afterwards"

app = typer.Typer(
    name="nnlab",
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
app.add_typer(afterwards.runs_app, name="runs", rich_help_panel=AFTERWARDS)
app.add_typer(afterwards.data_app, name="data", rich_help_panel=AFTERWARDS)


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


app.command(rich_help_panel=AFTERWARDS)(afterwards.predict)
app.command(rich_help_panel=AFTERWARDS)(afterwards.report)


def _experiment(command: str, options: dict[str, Any]) -> None:
    """Hand the options over: those that shape the result, as typed, and those of the edge."""
    from nnlab.commands.train import conduct

    edge = edge_of(options)
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
    from nnlab.output.document import dumps, envelope
    from nnlab.output.terminal import Terminal

    names = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    command = next((word for word in arguments[:1] if word in {*names, "runs", "data"}), None)
    message = message.replace(": Value error, ", ": ")  # pydantic's words, not the user's
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
