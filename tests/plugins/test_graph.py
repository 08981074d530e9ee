"""`i2i graph`: what it counts, prints and draws."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from pydantic import Field
from torch import nn

import i2i
from i2i.testing import CommandOutcome, registry_of, run_command
from i2i_plugins.graph.layer_table import layers_of

Command = Callable[..., CommandOutcome]


class Net(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.body = nn.Sequential(nn.Conv2d(3, width, 4, 2, 1), nn.BatchNorm2d(width), nn.ReLU())
        self.up = nn.ConvTranspose2d(width, 3, 4, 2, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.up(self.body(x)) * self.scale)


class Tiny(i2i.Trainer):
    name = "tiny"
    summary = "One halving and back."
    multiple = 2

    class Options(i2i.Options):
        width: int = Field(4, ge=1)
        size: int = 256

    def __init__(self, options: Options, device: i2i.Device) -> None:
        self.networks = {"generator": Net(options.width).to(device), "judge": nn.Conv2d(3, 1, 1)}

    def step(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        raise AssertionError("must not be reached")

    def sample(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        raise AssertionError("must not be reached")


class Painter(Tiny):
    name = "painter"
    summary = "Makes images of its own."
    wants = "pictures"


@pytest.fixture
def graph() -> Command:
    """``graph("tiny", "--json")`` runs ``i2i graph tiny --json`` with the trainers of this file."""
    return partial(run_command, "graph", registry=registry_of(Tiny, Painter, plugins=["graph"]))


def test_table_counts_parameters_and_macs(graph: Command) -> None:
    done = graph("tiny", "--size", "64", "--json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert [(row["name"], row["shape"], row["parameters"], row["macs"]) for row in found["layers"]] == [
        ("body.0", [1, 4, 32, 32], 3 * 4 * 16 + 4, 4 * 32 * 32 * 3 * 16),
        ("body.1", [1, 4, 32, 32], 8, 4 * 32 * 32),
        ("body.2", [1, 4, 32, 32], 0, 0),
        ("up", [1, 3, 64, 64], 4 * 3 * 16, 4 * 32 * 32 * 3 * 16),
        ("(whole)", [1, 3, 64, 64], 1, 0),
    ]
    assert found["parameters"] == sum(row["parameters"] for row in found["layers"]) == 196 + 8 + 192 + 1
    assert found["macs"] == 2 * 4 * 32 * 32 * 48 + 4 * 32 * 32
    text = graph("tiny", "--size", "64", "--table", "--set", "width=8").stdout
    assert "8x32x32" in text and f"{196 * 2 + 16 + 384 + 1:,} parameters" in text


def test_table_of_grouped_linear_and_shared_layers() -> None:
    shared = nn.Conv2d(4, 4, 3, padding=1, groups=2, bias=False)
    net = nn.Sequential(shared, shared, nn.Flatten(), nn.Linear(4 * 25, 7))
    rows = layers_of(net, torch.zeros(2, 4, 5, 5))
    assert [row.macs for row in rows] == [2 * 4 * 25 * 2 * 9] * 2 + [0, 2 * 7 * 100]
    assert [row.parameters for row in rows] == [4 * 2 * 9, 0, 0, 707]


def test_dot_file_needs_no_graphviz(graph: Command, tmp_path: Path) -> None:
    done = graph("tiny", "--size", "16", "--out", tmp_path / "deep" / "net.dot")
    assert done.exit_code == 0, done.stderr
    source = (tmp_path / "deep" / "net.dot").read_text()
    assert source.startswith("digraph")
    assert all(word in source for word in ("ConvolutionBackward0", "body.0.weight", "input"))


def test_missing_graphviz_prints_the_table(graph: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = graph("tiny", "--size", "16", "--out", tmp_path / "net.svg")
    assert done.exit_code == 1
    assert "ConvTranspose2d" in done.stdout and "397 parameters" in done.stdout
    for words in ("apt install graphviz", "brew install graphviz", "choco install graphviz"):
        assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1 and not (tmp_path / "net.svg").exists()


@pytest.mark.parametrize("package", ["torchviz", "graphviz"])
def test_missing_extra_prints_the_table(
    graph: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.delitem(sys.modules, "torchviz", raising=False)
    monkeypatch.delitem(sys.modules, "torchviz.dot", raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    done = graph("tiny", "--size", "16", "--out", tmp_path / "net.dot")
    assert done.exit_code == 1 and "397 parameters" in done.stdout
    assert 'pip install "i2i[graph]"' in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for dot is a shell script")
def test_dot_is_called_and_its_error_reported(graph: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for dot, so that the way there and back is tested also where Graphviz is not installed."""
    dot = tmp_path / "dot"
    dot.write_text('#!/bin/sh\necho "<svg>$1"\nwhile read line; do echo "$line"; done\n')
    dot.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    done = graph("tiny", "--size", "16", "--out", tmp_path / "net.svg")
    assert done.exit_code == 0, done.stderr
    drawn = (tmp_path / "net.svg").read_text()
    assert drawn.startswith("<svg>") and "svg" in drawn.splitlines()[0] and "up.weight" in drawn
    dot.write_text("#!/bin/sh\necho no fonts >&2\nexit 3\n")
    done = graph("tiny", "--size", "16", "--out", tmp_path / "net.svg")
    assert done.exit_code == 1 and "Graphviz could not draw" in done.stderr
    assert (tmp_path / "net.svg").read_text() == drawn


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["tiny"], "--table"),
        (["tiny", "--out", "net.jpg"], ".svg, .png, .pdf, .dot"),
        (["tinny", "--table"], "Did you mean 'tiny'"),
        (["runs/absent", "--table"], "runs/absent is not the folder of a run"),
        (["painter", "--table", "--size", "16"], "i2i sample --generator RUN"),
        (["tiny", "--table", "--size", "15"], "multiple of 2"),
        (["tiny", "--table", "--set", "widht=3"], "Did you mean 'width'"),
        (["tiny", "--table", "--set", "width"], "--set KEY=VALUE"),
    ],
)
def test_usage_errors(graph: Command, args: list[str], words: str) -> None:
    done = graph(*args)
    assert done.exit_code == 2 and words in done.stderr


def test_unet_has_published_size() -> None:
    """54,413,955 parameters, and 12.1 GFLOP for one image of 256 px."""
    done = run_command("graph", "pix2pix", "--json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["parameters"] == 54_413_955
    assert found["gflop"] == pytest.approx(12.1, abs=0.05)
