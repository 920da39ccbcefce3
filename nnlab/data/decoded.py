"""What was made of files, once it is arrays: its digest, a copy in the cache, and what of it is held out."""

from __future__ import annotations

import hashlib
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, Any]


def digest(*arrays: Array) -> str:
    """SHA-256 of arrays, of their shapes and types as well: of what was read, however the files were packed."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.dtype.str}{array.shape}".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()
