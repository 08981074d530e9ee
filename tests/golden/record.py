"""``python -m tests.golden.record [GROUP|GROUP/NAME ...]``: record golden cases anew, all unless some are named."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from .groups import GROUPS, names, record
from .workspace import Workspace, fixed_surroundings


def main(chosen: list[str]) -> int:
    """Record the cases that are named; returns the exit code."""
    wanted: dict[str, list[str]] = {}
    for word in chosen or list(GROUPS):
        group, _, name = word.partition("/")
        known = names(group) if group in GROUPS else []
        if not known or (name and name not in known):
            print(f"There is no golden case {word}; there are: {', '.join(known or GROUPS)}.", file=sys.stderr)
            return 2
        wanted.setdefault(group, []).extend([name] if name else known)
    with tempfile.TemporaryDirectory() as folder, fixed_surroundings():
        workspace = Workspace(Path(folder))
        for group, cases in wanted.items():
            current = GROUPS[group].cases(workspace.registry)
            record(group, [name for name in cases if name in current], workspace)
            print(f"Recorded {len(cases)} cases of {group}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
