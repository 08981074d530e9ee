"""The package ``i2i-outside``, installed by pip into a directory of its own, and ``i2i`` as users call it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import torch
from torch import nn

import i2i

SOURCE = Path(__file__).parent
TINY = ("--size", "32", "--width", "4", "--blocks", "1", "--discriminator-width", "4", "--discriminator-layers", "2")
FAST = ("--device", "cpu", "--precision", "fp32", "--workers", "0", "--seed", "1")
EVENTS = ("--sample-every", "100", "--validate-every", "100", "--checkpoint-every", "100")


@dataclass
class Output:
    """What a command printed, and its exit code."""

    stdout: str
    stderr: str
    code: int


Command = Callable[..., Output]


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the package once, into a directory that only these tests put on the path."""
    folder = tmp_path_factory.mktemp("outside")
    shutil.copytree(SOURCE, folder / "build", ignore=shutil.ignore_patterns("test_*", "conftest.py", "__pycache__"))
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--disable-pip-version-check"]
    target = ["--target", str(folder / "packages"), str(folder / "build")]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, *target], check=True)
    return folder / "packages"


@pytest.fixture(scope="session")
def trained(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train both trainers from the command line: the directory of the runs ``cyclegan`` and ``pix2pixhd``."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch, capturing() as run:
        use(package, patch)
        patch.chdir(folder)
        patch.setenv("I2I_HOME", str(folder / "home"))
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        arguments = ("--pool", "2", "--decay", "0", "--ema", "0.9", "--steps", "12", *TINY, *FAST)
        events = ("--sample-every", "12", "--validate-every", "6", "--checkpoint-every", "5")
        dataset = ("--dataset", "fruits", "--dataset-options", "background=noise")
        run("train", "cyclegan", *dataset, *arguments, *events, "--out", "cyclegan")
        run("train", "pix2pixhd", "--dataset", "streets", "--scales", "2", "--steps", "4", *TINY, *FAST, *EVENTS,
            "--out", "pix2pixhd")  # fmt: skip
        torch.set_num_threads(threads)
    return folder


@pytest.fixture(autouse=True)
def installed(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_thread: None) -> None:
    """Make the package importable and its plugins known, in an empty working directory."""
    use(package, monkeypatch)
    monkeypatch.chdir(tmp_path)


def use(package: Path, patch: pytest.MonkeyPatch) -> None:
    """Put the package on the path, with all other installed plugins."""
    patch.syspath_prepend(str(package))
    patch.delenv("I2I_PLUGINS", raising=False)


@pytest.fixture
def cli() -> Iterator[Command]:
    """``cli("edit", "--plugin", "fog", ...)``: ``python -m i2i`` in this process, which spares the start of torch."""
    with capturing() as run:
        yield run


@pytest.fixture
def process(package: Path) -> Command:
    """Run ``python ARGUMENTS`` in a process of its own that sees the package."""

    def run(*arguments: str) -> Output:
        paths = [str(package), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        ended = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment)
        return Output(ended.stdout, ended.stderr, ended.returncode)

    return run


def _console_script() -> Callable[[], None]:
    """Load what the command ``i2i`` calls."""
    (entry,) = entry_points(group="console_scripts", name="i2i")
    return entry.load()  # type: ignore[no-any-return]


@contextmanager
def capturing() -> Iterator[Command]:
    """Yield a function that runs a command and, unless ``code`` is another, asserts that it succeeds."""
    import io
    from contextlib import redirect_stderr, redirect_stdout

    def run(*arguments: str | Path, code: int = 0) -> Output:
        stdout, stderr, before = io.StringIO(), io.StringIO(), sys.argv
        sys.argv = ["i2i", *map(str, arguments)]
        ended: int | str | None = 0
        try:
            with redirect_stdout(stdout), redirect_stderr(stderr):
                _console_script()()
        except SystemExit as end:
            ended = end.code
        finally:
            sys.argv = before
        output = Output(stdout.getvalue(), stderr.getvalue(), int(ended or 0))
        assert output.code == code, output
        assert "Traceback" not in output.stderr
        return output

    yield run


@pytest.fixture
def device() -> i2i.Device:
    """A CPU in float32."""
    return i2i.choose_device("cpu", precision="fp32")


class TutorialGenerator(nn.Module):
    """The generator of PyTorch's DCGAN tutorial with 32 px: 16 random numbers, 4 to 16 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.ConvTranspose2d(16, 16, 4, 1, 0, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(True),
            nn.ConvTranspose2d(16, 8, 4, 2, 1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(True),
            nn.ConvTranspose2d(8, 4, 4, 2, 1, bias=False),
            nn.BatchNorm2d(4),
            nn.ReLU(True),
            nn.ConvTranspose2d(4, 3, 4, 2, 1, bias=False),
            nn.Tanh(),
        )


@pytest.fixture
def tutorial() -> TutorialGenerator:
    """A tutorial generator with random weights and statistics, in evaluation mode."""
    torch.manual_seed(0)
    network = TutorialGenerator().eval()
    for layer in network.main:
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 1.5)
        if isinstance(layer, nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, std=0.15)
    return network


@pytest.fixture
def dcgan(tutorial: TutorialGenerator, tmp_path: Path) -> Path:
    """Its weight file."""
    from safetensors.torch import save_file

    save_file(tutorial.state_dict(), tmp_path / "dcgan.safetensors")
    return tmp_path / "dcgan.safetensors"
