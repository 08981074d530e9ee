"""Files that are never half written: write beside, then rename."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path beside ``path``: on success it takes the name; on any failure it goes, and ``path`` stays."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield beside
        with beside.open("rb") as stream:
            os.fsync(stream.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file whole or not at all."""
    with replacing(path) as beside:
        beside.write_text(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")


def home() -> Path:
    """Where fetched sets, weights and caches lie: ``$I2I_HOME``, else ``~/.cache/i2i``."""
    return Path(os.environ.get("I2I_HOME") or Path.home() / ".cache" / "i2i").expanduser()
