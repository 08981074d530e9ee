"""Results of an evaluation in a file of JSON lines: an interrupted run goes on where it stopped, and knows its pace."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

Record = dict[str, Any]


class Records:
    """The records of a file by their keys; those of other settings or other code are ignored."""

    def __init__(self, file: Path) -> None:
        """Read the file, if there is one; a last line that was cut off is ignored."""
        self.file = file
        self._found: dict[str, Record] = {}
        if file.is_file():
            for line in file.read_text(encoding="utf-8").splitlines():
                try:
                    record = json.loads(line)
                    self._found[record["key"]] = record
                except (ValueError, KeyError, TypeError):
                    continue

    def get(self, key: str, settings: str) -> Record | None:
        """Return the record of a key if it was made with these settings and without an error."""
        record = self.latest(key, settings)
        return None if record is None or "error" in record else record

    def latest(self, key: str, settings: str) -> Record | None:
        """Return the last record of a key with these settings, also one of an error."""
        record = self._found.get(key)
        return record if record is not None and record["settings"] == settings else None

    def add(self, key: str, settings: str, record: Mapping[str, Any]) -> Record:
        """Append a record to the file and return it."""
        added = {"key": key, "settings": settings, **record}
        self._found[key] = added
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a", encoding="utf-8") as stream:
            if stream.tell() and not self._ends_with_newline():
                stream.write("\n")
            stream.write(json.dumps(added, ensure_ascii=False) + "\n")
        return added

    def _ends_with_newline(self) -> bool:
        with self.file.open("rb") as stream:
            stream.seek(-1, 2)
            return stream.read(1) == b"\n"

    def seconds(self, kind: str) -> float | None:
        """Return the median seconds of the records of a kind; None where there is none."""
        found = [each["seconds"] for each in self._found.values() if each.get("kind") == kind and "error" not in each]
        return median(found) if found else None


def fingerprint(packages: Iterable[str], values: Mapping[str, Any]) -> str:
    """Return a hash of values and of the source files of packages, by which results of other code are recognised."""
    digest = hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode())
    for package in packages:
        folder = Path(str(import_module(package).__file__)).parent
        for file in sorted(folder.rglob("*.py")):
            digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def format_seconds(seconds: float) -> str:
    """Format a duration: ``40 s``, ``12 min`` or ``3 h 20 min``."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
