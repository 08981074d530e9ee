"""Options of datasets, metrics, extractors and generators: typed, recorded, and used again."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image
from pydantic import Field
from torch import nn

import i2i
from i2i.api.options import RESERVED_OPTIONS
from i2i.cli import build
from i2i.registry import Plugin, Registry


class Shaded(i2i.Dataset):
    name = "shaded"
    summary = "Images of one shade."
    drawn = {"train": 4, "val": 2}

    class Options(i2i.Options):
        shade: int = Field(10, ge=0, le=255, description="Value of every pixel")

    def __init__(self, options: Any) -> None:
        self.shade = options.shade

    def draw(self, rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
        side = np.full((size, size, 3), self.shade, np.uint8)
        return side, side


class Power(i2i.Metric):
    name = "power"
    summary = "The mean of the target in 0 to 255, to a power."
    better = "lower"

    class Options(i2i.Options):
        exponent: float = Field(1.0, gt=0, description="The power")

    def __init__(self, device: i2i.Device, options: Any) -> None:
        self.exponent, self.means = options.exponent, list[float]()

    def update(self, output: torch.Tensor, target: torch.Tensor) -> None:
        self.means += (((target + 1) * 127.5).mean(dim=(1, 2, 3)) ** self.exponent).tolist()

    def compute(self) -> float:
        return sum(self.means) / len(self.means)


class Echo(i2i.Trainer):
    name = "echo"
    summary = "Returns its input."

    def __init__(self, options: Any, device: i2i.Device) -> None:
        self.networks = {"generator": nn.Conv2d(3, 3, 1)}

    def step(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {"shade": (batch["target"].mean() + 1) * 127.5}

    def sample(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        return batch["input"]


class Sized(i2i.Extractor):
    name = "sized"
    summary = "A vector of given length."
    role = "identity"

    class Options(i2i.Options):
        length: int = Field(2, ge=1, description="Numbers in a vector")

    def __init__(self, device: i2i.Device, options: Any) -> None:
        self.length = options.length

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        return torch.ones(len(images), self.length)


class Plain(i2i.Generator):
    name = "plain"
    summary = "Images of one value."
    z_dim, w_dim, num_ws, resolution = 2, 2, 1, 8

    class Options(i2i.Options):
        value: float = Field(0.0, description="Of every pixel")

    def __init__(self, weights: Any, device: i2i.Device, options: Any) -> None:
        self.device, self.value = device, options.value

    def map(self, z: Any, c: Any = None, truncation: float = 1.0, cutoff: int | None = None) -> Any:
        return z[:, None]

    def render(self, w: Any, noise: Any = "const") -> Any:
        return torch.full((len(w), 3, 8, 8), self.value)

    @property
    def w_mean(self) -> torch.Tensor:
        return torch.zeros(2)


class Show(i2i.Editor):
    name = "show"
    summary = "Renders, and measures the length of a vector."
    wants = "latent"
    extractors = ("identity",)

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        image = scene.generator.render(scene.latent.w)
        length = scene.extractors["identity"](image).shape[1]
        return i2i.Result(image, scalars={"length": length, "value": float(image.mean())})


KINDS = {"dataset": Shaded, "metric": Power, "trainer": Echo, "extractor": Sized, "generator": Plain, "editor": Show}


def registry() -> Registry:
    module = ModuleType("options_module")
    for kind, thing in KINDS.items():
        hook = i2i.hookimpl(lambda register, thing=thing: register(thing))
        setattr(module, f"register_{kind}s", hook)
    return Registry([Plugin("opts", "i2i-opts", "1.0", module)])


def run(*args: Any) -> Result:
    known = registry()
    return CliRunner().invoke(build(known), [str(arg) for arg in args], obj=known)


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    options = ["--steps", 1, "--size", 16, "--device", "cpu", "--precision", "fp32"]
    done = run(
        "train", "echo", "--dataset", "shaded", *options, "--dataset-options", "shade=200", "--out", tmp_path / "r"
    )
    assert done.exit_code == 0, done.output
    return tmp_path / "r"


def test_a_run_uses_records_and_resumes_dataset_options(trained: Path, tmp_path: Path) -> None:
    assert json.loads((trained / "options.json").read_text("utf-8"))["dataset_options"] == {"shade": 200}
    i2i.train("echo", resume=trained, steps=2, registry=registry(), quiet=True)
    losses = [json.loads(line) for line in (trained / "log.jsonl").read_text("utf-8").splitlines()]
    assert [round(line["loss/shade"]) for line in losses if "loss/shade" in line] == [200, 200]
    with pytest.raises(i2i.UsageError, match="--dataset-options cannot be given"):
        i2i.train("echo", resume=trained, steps=3, registry=registry(), dataset_options={"shade": 1})
    again = run("train", "echo", "--config", trained / "options.json", "--dry-run")
    assert json.loads(again.stdout)["dataset_options"] == {"shade": 200}
    plain = run("train", "echo", "--dataset", "shaded", "--dry-run")
    assert "dataset_options" not in json.loads(plain.stdout)


def test_evaluation_takes_options_of_metrics_and_of_the_runs_dataset(trained: Path) -> None:
    def measure(*args: str) -> float:
        done = run("evaluate", trained, "--metrics", "power", "--device", "cpu", "--json", *args)
        assert done.exit_code == 0, done.output
        value: float = json.loads(done.stdout)["metrics"]["power"]
        return value

    assert measure() == pytest.approx(200)
    assert measure("--metric-options", "power.exponent=2") == pytest.approx(40000)
    assert json.loads((trained / "evaluation_val.json").read_text("utf-8"))["metric_options"] == {
        "power": {"exponent": 2}
    }
    assert measure("--dataset-options", "shade=7") == pytest.approx(7)
    assert json.loads((trained / "evaluation_val.json").read_text("utf-8"))["dataset_options"] == {"shade": 7}


def test_a_sample_grid_records_typed_options_of_the_generator(tmp_path: Path) -> None:
    known, out = registry(), tmp_path / "grid.png"
    known.add(next(plugin for plugin in i2i.load_registry().plugins.values() if plugin.name == "sample"))
    args = ["sample", "--generator", "plain", "--generator-options", "value=0.5", "--seeds", "0", "--device", "cpu"]
    done = CliRunner().invoke(build(known), [*args, "--out", str(out)], obj=known)
    assert done.exit_code == 0, done.output
    with Image.open(out) as image:
        assert json.loads(image.info["i2i"])["generator_options"] == {"value": 0.5}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--dataset-options", "shade"], "write it as --dataset-options KEY=VALUE"),
        (["--dataset-options", "shde=1"], "there is no option 'shde'. Did you mean 'shade'?"),
        (["--dataset-options", "shade=300"], "--shade is 300"),
        (["--dataset", "shadeless", "--dataset-options", "shade=3"], "There is no dataset called 'shadeless'"),
    ],
)
def test_wrong_dataset_options_are_refused(args: list[str], message: str) -> None:
    done = run("train", "echo", "--dataset", "shaded", "--dry-run", *args)
    assert done.exit_code == 2 and message in done.stderr


def test_metric_options_must_be_of_a_metric_that_is_measured(trained: Path) -> None:
    done = run("evaluate", trained, "--metrics", "power", "--metric-options", "l1.a=1")
    assert done.exit_code == 2 and "--metric-options is for 'l1', which is not among --metrics: power" in done.stderr
    done = run("evaluate", trained, "--metrics", "power", "--metric-options", "exponent=1")
    assert done.exit_code == 2 and "write it as --metric-options NAME.KEY=VALUE" in done.stderr


def test_an_edit_uses_and_records_options_and_its_recipe_uses_them_again(tmp_path: Path) -> None:
    shared = ["--device", "cpu", "--json"]
    start = ["edit", "--plugin", "show", "--generator", "plain", *shared]
    plain = run(*start, "--out", tmp_path / "plain")
    assert plain.exit_code == 0, plain.output
    assert json.loads(plain.stdout)["scalars"] == {"length": 2, "value": 0}
    assert (
        not {"extractor_options", "generator_options"} & json.loads((tmp_path / "plain/recipe.json").read_text()).keys()
    )
    given = ["--extractor-options", "sized.length=5", "--generator-options", "value=0.5"]
    done = run(*start, *given, "--out", tmp_path / "given")
    assert json.loads(done.stdout)["scalars"] == {"length": 5, "value": 0.5}, done.output
    again = run("edit", "--recipe", tmp_path / "given" / "recipe.json", *shared, "--out", tmp_path / "again")
    assert json.loads(again.stdout)["scalars"] == {"length": 5, "value": 0.5}, again.output
    wrong = run(*start, "--extractor-options", "szed.length=5", "--out", tmp_path / "wrong")
    assert wrong.exit_code == 2 and "Did you mean 'sized'?" in wrong.stderr


def test_classes_without_options_refuse_them() -> None:
    class Bare(Plain):
        name = "bare"
        Options = i2i.Options  # type: ignore[assignment]

        def __init__(self, weights: Any, device: i2i.Device) -> None:
            super().__init__(weights, device, Plain.Options())

    known = registry()
    module = ModuleType("bare_module")
    module.register_generators = i2i.hookimpl(lambda register: register(Bare))  # type: ignore[attr-defined]
    known.add(Plugin("bare", "i2i-bare", "1.0", module))
    assert i2i.generator("bare", "cpu", registry=known).resolution == 8
    with pytest.raises(i2i.UsageError, match="The generator 'bare' has no options: leave value out"):
        i2i.generator("bare", "cpu", registry=known, options={"value": 1})
    assert i2i.generator("plain", "cpu", registry=known, options={"value": 1}).value == 1  # type: ignore[attr-defined]
    assert i2i.extractor("identity", "cpu", registry=known, options={"length": 3}).length == 3  # type: ignore[attr-defined]


def test_an_option_that_the_command_has_is_refused_at_registration(capsys: pytest.CaptureFixture[str]) -> None:
    class Clashing(i2i.Editor):
        name = "clashing"
        summary = "Has an option --blend."

        class Options(i2i.Options):
            blend: str = Field("", description="Clashes")

        def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
            raise AssertionError("must not be reached")

    known = registry()
    module = ModuleType("clashing_module")
    module.register_editors = i2i.hookimpl(lambda register: register(Clashing))  # type: ignore[attr-defined]
    known.add(Plugin("clashing", "i2i-clashing", "1.0", module))
    assert list(known.all("editor")) == ["show"]
    told = "editor 'clashing' has an option that i2i edit has itself: --blend; rename it"
    assert told in capsys.readouterr().err and told in str(known.plugins["clashing"].error)


@pytest.mark.parametrize(("kind", "command", "call"), [("trainer", "train", i2i.train), ("editor", "edit", i2i.edit)])
def test_every_option_of_the_command_is_reserved(kind: str, command: str, call: Any) -> None:
    parameters = {parameter.name for parameter in build(registry()).commands[command].params}
    flags = {
        flag.lstrip("-").replace("-", "_") for each in build(registry()).commands[command].params for flag in each.opts
    }
    arguments = {name for name in inspect.signature(call).parameters if name != "options"}
    assert (parameters | flags | arguments | {"help"}) - RESERVED_OPTIONS[kind] == (
        {"seed"} if kind == "editor" else set()
    )
