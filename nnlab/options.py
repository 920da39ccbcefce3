"""The options the commands share, and the choices each can take.

``None`` as a default means: not given, the preset decides.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

if TYPE_CHECKING:
    from nnlab.commands.train import Edge

SHARED, OWN, OUTPUT = "What to run", "This experiment", "Where it goes and how it is shown"
WHERE = "Where it computes"


class Preset(StrEnum):
    """The three presets every experiment has."""

    published = "published"
    best = "best"
    quick = "quick"


class Device(StrEnum):
    """Where to compute."""

    auto = "auto"
    cpu = "cpu"
    gpu = "gpu"


class EngineName(StrEnum):
    """Who runs several trainings at once."""

    local = "local"
    ray = "ray"


class Op(StrEnum):
    """The operations of ``arith``."""

    add = "add"
    sub = "sub"
    mul = "mul"


class Net(StrEnum):
    """The networks of ``mnist`` and ``permute``."""

    mlp = "mlp"
    cnn = "cnn"
    both = "both"


class Loss(StrEnum):
    """The losses of ``mnist``."""

    ce = "ce"
    mse = "mse"
    both = "both"


class Autoencoder(StrEnum):
    """The networks of ``autoencode``."""

    dense = "dense"
    conv = "conv"


class Distance(StrEnum):
    """The losses of ``autoencode`` and ``denoise``."""

    mse = "mse"
    bce = "bce"
    mae = "mae"


class Activation(StrEnum):
    """The activations of their output."""

    sigmoid = "sigmoid"
    softmax = "softmax"
    tanh = "tanh"


PresetOption = Annotated[
    Optional[Preset],
    typer.Option(
        help="The report's setting, this project's, or one that ends in seconds. [dim]\\[default: best][/dim]",
        rich_help_panel=SHARED,
    ),
]
EpochsOption = Annotated[
    Optional[int],
    typer.Option(min=1, metavar="N", help="Passes over the training data; beats the preset.", rich_help_panel=SHARED),
]
BatchOption = Annotated[
    Optional[int], typer.Option(min=1, metavar="N", help="Samples a step; beats the preset.", rich_help_panel=SHARED)
]
SeedOption = Annotated[
    Optional[int],
    typer.Option(
        min=0,
        max=2**31,
        metavar="N",
        help="The random stream; the same seed gives the same bits. [dim]\\[default: 0][/dim]",
        rich_help_panel=SHARED,
    ),
]
RunsOption = Annotated[
    Optional[int],
    typer.Option(
        min=1,
        max=1000,
        metavar="N",
        help="Repeat with seeds seed, seed+1, …; adds intervals. [dim]\\[default: 1][/dim]",
        rich_help_panel=SHARED,
    ),
]
DataOption = Annotated[
    Optional[str],
    typer.Option(metavar="PATH|NAME", help="Your own data, a known data set, or 'sample'.", rich_help_panel=SHARED),
]
OutOption = Annotated[
    Optional[Path],
    typer.Option(
        help="The run folder. [dim]\\[default: runs/COMMAND-DATE-TIME][/dim]", rich_help_panel=OUTPUT, metavar="DIR"
    ),
]
ResumeOption = Annotated[
    Optional[Path], typer.Option(help="Go on with an interrupted run.", rich_help_panel=OUTPUT, metavar="DIR")
]
DeviceOption = Annotated[Device, typer.Option(help="Processor or GPU.", rich_help_panel=WHERE)]
EngineOption = Annotated[
    EngineName,
    typer.Option(help="Many runs at once: processes here, or a Ray cluster.", rich_help_panel=WHERE),
]
AddressOption = Annotated[
    Optional[str],
    typer.Option(
        metavar="HOST:PORT",
        help="Of the Ray cluster. [dim]\\[default: RAY_ADDRESS, or a new one here][/dim]",
        rich_help_panel=WHERE,
    ),
]
WorkersOption = Annotated[
    Optional[int],
    typer.Option(
        min=1,
        max=1024,
        metavar="N",
        help="Runs at once. [dim]\\[default: as cores and memory serve][/dim]",
        rich_help_panel=WHERE,
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="One JSON document on stdout, nothing else.", rich_help_panel=OUTPUT)
]
QuietOption = Annotated[bool, typer.Option("-q", "--quiet", help="Less on stderr.", rich_help_panel=OUTPUT)]
VerboseOption = Annotated[
    bool, typer.Option("-v", "--verbose", help="More on stderr, tracebacks too.", rich_help_panel=OUTPUT)
]
DiversityOption = Annotated[
    Optional[list[float]],
    typer.Option(
        metavar="T",
        help="Temperature of what it writes; repeatable. [dim]\\[default: 0.2 0.5 1.0 1.2][/dim]",
        rich_help_panel=OWN,
    ),
]
RunArgument = Annotated[
    Path, typer.Argument(metavar="RUN", help="A run folder, as [bold]nnlab runs[/bold] lists them.")
]
DistanceOption = Annotated[
    Optional[Distance],
    typer.Option(help="Squared, cross-entropy, absolute. [dim]\\[default: mse][/dim]", rich_help_panel=OWN),
]
ActivationOption = Annotated[
    Optional[Activation],
    typer.Option(
        help="Of the output; takes the report's network. [dim]\\[default: none; published sigmoid][/dim]",
        rich_help_panel=OWN,
    ),
]
GridOption = Annotated[
    Optional[bool],
    typer.Option("--grid", help="Compare mse and bce with sigmoid and softmax.", rich_help_panel=OWN),
]


def verbosity_of(quiet: bool, verbose: bool) -> int:
    """-1 quiet, 0 as usual, 1 verbose."""
    return int(verbose) - int(quiet)


def edge_of(options: dict[str, Any]) -> Edge:
    """The options that cannot change a result."""
    from nnlab.commands.train import Edge

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
        verbosity=verbosity_of(options["quiet"], options["verbose"]),
    )
