"""The command line in this process: run ``i2i ...`` and return what it printed."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..cli import build
from ..registry import load_registry

if TYPE_CHECKING:
    from ..registry import Registry


@dataclass(frozen=True)
class CommandOutcome:
    """What a command left behind."""

    exit_code: int
    """0 for success, 1 and 2 for errors of the user."""
    stdout: str
    stderr: str


def run_command(*arguments: str | Path | int | float, registry: Registry | None = None) -> CommandOutcome:
    """Run ``i2i`` with these arguments in this process.

    Args:
        registry: The plugins of the command line; None for the installed ones.

    Returns:
        The exit code and what was printed. Any other exception than the end of the program is passed on.
    """
    stdout, stderr = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    code: object = 0
    with redirect_stdout(stdout), redirect_stderr(stderr):
        try:
            command_line = build(load_registry() if registry is None else registry)
            command_line.main(args=[str(argument) for argument in arguments], prog_name="i2i")
        except SystemExit as end:
            code = 0 if end.code is None else end.code
    return CommandOutcome(code if isinstance(code, int) else 1, _text(stdout), _text(stderr))


def _text(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()
