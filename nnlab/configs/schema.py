"""Pieces of JSON schemas: what the ``results`` of an experiment look like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]
TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
INTEGER: Schema = {"type": "integer"}
BOOLEAN: Schema = {"type": "boolean"}
# A figure over several runs, or the number of one run; null where there is none (99 % never reached, say).
FIGURE: Schema = {
    "anyOf": [
        {"type": ["number", "null"]},
        {
            "type": "object",
            "required": ["mean", "std", "ci95", "n"],
            "properties": {
                "mean": NUMBER,
                "std": NUMBER,
                "ci95": {"type": "array", "items": {"type": ["number", "null"]}, "minItems": 2, "maxItems": 2},
                "n": INTEGER,
                "values": {"type": "array", "items": {"type": ["number", "null"]}},
            },
        },
    ]
}


def record(required: Mapping[str, Schema], **optional: Schema) -> dict[str, Any]:
    """An object with these members and no other."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": {**required, **optional},
    }


def figures(*names: str) -> dict[str, Schema]:
    """Members that are figures."""
    return dict.fromkeys(names, FIGURE)


def rows(required: Mapping[str, Schema], *, least: int = 1) -> dict[str, Any]:
    """An array of at least so many objects with these members."""
    return {"type": "array", "minItems": least, "items": record(required)}
