"""``nnlab schema``: the JSON schema of the document that every command writes, made from options and results."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from typing import Any, Literal

from nnlab.commands.outcome import Outcome, run_command
from nnlab.config import Config
from nnlab.configs.schema import FIGURE, INTEGER, NUMBER, TEXT, record
from nnlab.errors import ExitCode
from nnlab.experiments import REGISTRY
from nnlab.options import Option, fields_of, hints_of
from nnlab.output.document import SCHEMA
from nnlab.output.terminal import Terminal

JSON_TYPES = {int: "integer", float: "number", bool: "boolean", str: "string", type(None): "null"}

TEXTS = {"type": "array", "items": TEXT}
CHECKED = record({"inputs": TEXT, "answers": INTEGER, "largest_difference": NUMBER, "other_answers": INTEGER})
SWEPT = {
    "type": "object",
    "required": ["value", "run", "status", "error"],
    "properties": {"run": TEXT, "status": {"const": "ok"}, "error": {"type": "null"}, "value": {}},
    "additionalProperties": FIGURE,  # that of ``chosen_by``, and of several networks each one's
}
OTHERS = {
    "sweep": record(
        {
            "setting": TEXT,
            "chosen_by": TEXT,
            "chosen": {},  # of the setting's own type
            "run": TEXT,
            "values": {"type": "array", "minItems": 2, "items": SWEPT},
            "figures": {"type": "object", "additionalProperties": FIGURE},
        }
    ),
    "export": {
        "oneOf": [
            record({"to": {"const": "onnx"}, "files": TEXTS, "left_out": TEXTS, "checked": CHECKED}),
            record({"to": {"const": "zip"}, "files": TEXTS, "sha256": TEXT, "entries": TEXTS, "left_behind": TEXTS}),
        ]
    },
    "import": record({"run": TEXT, "entries": TEXTS, "left_packed": TEXTS}),
}


def print_schema() -> ExitCode:
    """Print the schema on stdout."""

    def work(terminal: Terminal) -> Outcome:
        return Outcome(whole=schema())

    return run_command("schema", work, json=True)


def schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of a document: what scripts may rely on."""
    members: dict[str, Any] = {
        "schema": {"const": SCHEMA},
        "command": {"type": ["string", "null"]},
        "status": {"enum": ["ok", "error", "interrupted"]},
        "exit_code": {"enum": [int(code) for code in ExitCode]},
        "run": {"type": ["string", "null"]},
        "config": {"type": "object"},
        "data": {"type": "object"},
        "results": {"type": "object"},
        "artifacts": {"type": "array", "items": {"type": "string"}},
        "seconds": {"type": "object", "additionalProperties": {"type": "number"}},
        "environment": {"type": "object"},
        "error": {
            "anyOf": [
                {"type": "null"},
                {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["type", "message", "hint"],
                    "properties": {key: {"type": "string"} for key in ("type", "message", "hint")},
                },
            ]
        },
    }
    finished: list[dict[str, Any]] = [
        {
            "if": {"properties": {"command": {"const": name}, "status": {"const": "ok"}}},
            "then": {"properties": {"config": config_schema(cls), "results": with_sizes(cls.RESULTS)}},
        }
        for name, cls in ((name, entry.config) for name, entry in REGISTRY.items())
    ]
    finished += [
        {
            "if": {"properties": {"command": {"const": name}, "status": {"const": "ok"}}},
            "then": {"properties": {"results": results}},
        }
        for name, results in OTHERS.items()
    ]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What a command of nnlab writes with --json, and a run folder's results.json",
        "type": "object",
        "additionalProperties": False,
        "required": list(members),
        "properties": members,
        "allOf": finished,
    }


MFLOP = (
    "Million operations of matrix products and convolutions for one sample as it is measured: with denoise both passes "
    "of a picture; with translate a test sentence read and its reference written once, no beam; with autoencode of "
    "sounds one window, without what makes a sound of it."
)


def with_sizes(results: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of an experiment's results with what the runner adds: weights and MFLOP, also of each network."""
    sizes = {"weights": INTEGER, "mflop": {**NUMBER, "description": MFLOP}}
    whole = {**results, "properties": {**results.get("properties", {}), **sizes}}
    if networks := results.get("patternProperties"):
        whole["patternProperties"] = {
            pattern: {**one, "properties": {**one["properties"], **sizes}, "required": [*one["required"], *sizes]}
            for pattern, one in networks.items()
        }
    else:
        whole["required"] = [*results.get("required", ()), *sizes]
    return whole


def config_schema(cls: type[Config]) -> dict[str, Any]:
    """The schema of an experiment's config: every setting with its type and bounds."""
    properties = {entry.name: value_schema(entry, hints_of(cls)[entry.name]) for entry in fields_of(cls)}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


def value_schema(entry: dataclasses.Field[Any], hint: Any) -> dict[str, Any]:
    """The schema of one setting."""
    bounds: Option = entry.metadata.get("option") or entry.metadata.get("bounds") or Option("")
    origin = typing.get_origin(hint)
    if origin is Literal:
        return {"enum": list(typing.get_args(hint))}
    if origin is list:
        return {"type": "array", "items": value_schema(entry, typing.get_args(hint)[0])}
    kinds = typing.get_args(hint) or (hint,)
    if typing.get_origin(kinds[0]) is dict:
        return {"type": ["object", "null"], "additionalProperties": {"type": "integer", "minimum": 1}}
    limits = {
        "minimum": bounds.min,
        "maximum": bounds.max,
        "exclusiveMinimum": bounds.above,
        "exclusiveMaximum": bounds.below,
    }
    return {
        "type": [JSON_TYPES[kind] for kind in kinds],
        **({"description": bounds.help} if bounds.help else {}),
        **{name: limit for name, limit in limits.items() if limit is not None},
    }
