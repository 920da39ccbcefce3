"""The one JSON document that every command prints with ``--json`` and leaves as ``results.json``."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from nnlab.errors import Description, ExitCode

SCHEMA = 1  # of the document
# Valid in JSON as they are, but half a character is not UTF-8, and the others steer a terminal that shows the text.
ESCAPED = re.compile("[\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
FORMAT = 2  # of the run folder: folders made before 0.1.0 have 1


def document(
    command: str | None,
    *,
    exit_code: ExitCode = ExitCode.DONE,
    run: str | None = None,
    config: dict[str, Any] | None = None,
    data: dict[str, Any] | None = None,
    results: dict[str, Any] | None = None,
    artifacts: list[str] | None = None,
    seconds: dict[str, float] | None = None,
    environment: dict[str, Any] | None = None,
    error: Description | None = None,
) -> dict[str, Any]:
    """The document for success, failure and interruption alike."""
    status = {ExitCode.DONE: "ok", ExitCode.INTERRUPTED: "interrupted"}.get(exit_code, "error")
    return {
        "schema": SCHEMA,
        "command": command,
        "status": status,
        "exit_code": int(exit_code),
        "run": run,
        "config": config or {},
        "data": data or {},
        "results": results or {},
        "artifacts": artifacts or [],
        "seconds": {key: round(value, 3) for key, value in (seconds or {}).items()},
        "environment": environment or {},
        "error": error.record() if error else None,
    }


def dumps(content: Mapping[str, Any], *, ascii_only: bool = False) -> str:
    """JSON text: indented, readable in any script's language, and without NaN (not valid JSON).

    ``ascii_only`` escapes all other characters, for a stream that cannot write them.
    """
    text = json.dumps(_plain(dict(content)), indent=2, ensure_ascii=ascii_only, allow_nan=False) + "\n"
    return ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _plain(value: Any) -> Any:
    """Numpy scalars and arrays as Python's own; numbers that JSON cannot say become null."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
