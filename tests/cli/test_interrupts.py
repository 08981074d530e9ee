"""Ctrl-C and SIGTERM outside of a training or an edit: one line, exit code 130 or 143, no traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from i2i.cli import build
from i2i.registry import Registry

WAIT = """
import os, signal, time
import i2i.cli as cli
from i2i.registry import Registry

def interrupted():
    os.kill(os.getpid(), getattr(signal, {signal!r}))
    time.sleep(60)

def command():
    try:
        interrupted()
    finally:
        print("cleaned up")

if {loading!r}:
    cli.load_registry = interrupted
else:
    registry = Registry([])
    registry.add_commands = lambda root: root.add_command(cli.click.Command("wait", callback=command))
    cli.load_registry = lambda: registry
cli.main(["wait"])
"""


@pytest.fixture(autouse=True)
def heeded_signals() -> Iterator[None]:
    """Let subprocesses start with SIGINT as a terminal has it: a shell ignores it for what runs in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("loading", [True, False])
@pytest.mark.parametrize(("name", "word", "code"), [("SIGINT", "Ctrl-C", 130), ("SIGTERM", "SIGTERM", 143)])
def test_interrupt_ends_in_one_line(name: str, word: str, code: int, loading: bool) -> None:
    code_text = WAIT.format(signal=name, loading=loading)
    done = subprocess.run([sys.executable, "-c", code_text], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code
    assert done.stderr == f"i2i: Interrupted by {word} before the command was done; type it again to start over.\n"
    assert done.stdout == ("" if loading else "cleaned up\n")


def test_interrupt_shows_its_traceback_with_debug() -> None:
    def callback() -> None:
        raise KeyboardInterrupt

    root = build(Registry([]))
    root.add_command(click.Command("wait", callback=callback))
    before = signal.getsignal(signal.SIGINT)
    done = CliRunner().invoke(root, ["wait", "--debug"])
    assert done.exit_code == 130 and "Traceback" in done.stderr and "Interrupted by Ctrl-C" in done.stderr
    assert signal.getsignal(signal.SIGINT) is before


def test_interrupt_of_an_edit_that_loads_leaves_nothing(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys, types\n"
        "import i2i.cli as cli\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'i2i.editing.pipeline':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "cli.main(['edit', '--plugin', 'align', '--image', 'me.png'])\n"
    )
    environment = {**os.environ, "I2I_PLUGINS": "face_tools"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 130
    assert done.stderr == "i2i: Interrupted by Ctrl-C before the command was done; type it again to start over.\n"
    assert not list(tmp_path.iterdir())
