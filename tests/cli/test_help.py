"""What is asked for often must be quick: help and lists load neither torch nor what only work needs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import i2i
from i2i.cli import build
from i2i.registry import Plugin, Registry, load_registry

PROBE = """
import sys
from i2i.cli import main
try:
    main({args!r})
except SystemExit as end:
    assert not end.code, end.code
loaded = [name for name in {heavy!r} if name in sys.modules]
assert not loaded, f"{{loaded}} loaded"
"""
HEAVY = ("torch", "torchvision", "albumentations", "matplotlib", "tensorboard", "cv2")
NEVER_FOR_HELP = (*HEAVY, "pydantic", "numpy", "PIL", "yaml", "rich", "scipy")


def probe(args: list[str], heavy: tuple[str, ...], folder: Path) -> str:
    code = PROBE.format(args=args, heavy=heavy)
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=folder)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["train", "--help"]])
def test_help_loads_next_to_nothing(args: list[str], tmp_path: Path) -> None:
    assert probe(args, NEVER_FOR_HELP if args[0] != "train" else HEAVY, tmp_path)


@pytest.mark.parametrize(
    "args",
    [
        ["plugins", "list"],
        ["datasets", "list"],
        ["models", "list"],
        ["runs", "list", "--json"],
        ["edit", "--help"],
        ["edit", "--plugin", "text", "--help"],
        ["train", "pix2pix", "--help"],
    ],
)
def test_lists_load_no_torch(args: list[str], tmp_path: Path) -> None:
    assert probe(args, ("torch", "torchvision"), tmp_path)


def test_every_command_has_help_and_every_option_of_it_too() -> None:
    root = build(load_registry())
    for path, command in walk(root, []):
        assert command.help, f"i2i {' '.join(path)} has no help"
        result = CliRunner().invoke(root, [*path, "--help"], obj=Registry([]))
        assert result.exit_code == 0, result.output
        for option in (parameter for parameter in command.params if isinstance(parameter, click.Option)):
            assert option.help, f"i2i {' '.join(path)}: {option.name} has no help"


def walk(command: click.Command, path: list[str]) -> Iterator[tuple[list[str], click.Command]]:
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from walk(child, [*path, name])


def test_the_commands_of_the_contract_are_there() -> None:
    root = build(load_registry())
    words = "train predict evaluate edit sample convert graph export datasets models plugins runs doctor"
    assert set(words.split()) <= set(root.commands)
    assert {"list", "show", "fetch"} <= set(root.commands["models"].commands)
    assert {"list", "show", "new", "check"} == set(root.commands["plugins"].commands)
    assert {"list", "show", "fetch", "check", "preview"} <= set(root.commands["datasets"].commands)


@pytest.mark.parametrize(
    "args", [["plugins", "show", "pix2pxi"], ["edit", "--plugin", "nobody"], ["nothing"], ["edit", "--none"]]
)
def test_wrong_usage_ends_with_2_and_no_traceback(args: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    result = CliRunner().invoke(build(Registry([])), args)
    assert result.exit_code == 2 and result.stderr.strip() and not result.stdout
    assert "Traceback" not in result.stderr


def test_debug_shows_the_traceback() -> None:
    result = CliRunner().invoke(build(Registry([])), ["plugins", "show", "pix2pxi", "--debug"])
    assert isinstance(result.exception, i2i.UsageError)


def test_doctor_tells_what_there_is_and_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry([Plugin("broken", "bad-dist", "1", error="ImportError: no")])
    monkeypatch.setenv("PATH", "")
    result = CliRunner().invoke(build(registry), ["doctor", "--json"])
    report = json.loads(result.stdout)
    assert result.exit_code == 0 and report["versions"]["i2i"] == i2i.__version__
    assert report["device"] and report["precision"] in ("fp32", "bf16", "fp16") and report["cores"] >= 1
    assert report["graphviz"] is None and all(free > 0 for free in report["free_disk_bytes"].values())
    assert any("graphviz" in item for item in report["missing"])
    assert any("pip uninstall bad-dist" in item for item in report["missing"])
    text = CliRunner().invoke(build(registry), ["doctor"]).stdout
    assert "graphviz" in text and "bad-dist" in text
