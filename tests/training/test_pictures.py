"""Training on single pictures: what is found in a folder, what a trainer sees of it, and what its run leaves."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import ClassVar

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from torch import nn

import i2i
from i2i.api.dataset import Dataset
from i2i.cli import Root
from i2i.cli.train import command
from i2i.data.layouts import find_images, find_pairs
from i2i.data.samples import central_square, check_samples, read_sample
from i2i.data.sources import IMAGE
from i2i.data.training_data import open_data, open_pairs
from i2i.inference.evaluation import evaluate
from i2i.inference.export import export
from i2i.inference.prediction import predict
from i2i.registry import Plugin, find_plugins
from i2i.toolkit.images import read_image
from i2i.training.settings import TrainOptions

COLOURS = {"1.png": (250, 0, 0), "2.png": (0, 250, 0), "10.png": (0, 0, 250)}


class Painter(i2i.Trainer):
    """Learns the mean colour of its pictures, and paints it with one brightness for each picture asked for."""

    name = "painter"
    summary = "The mean colour of a set."
    wants = "pictures"
    defaults: ClassVar = {"size": 16, "batch": 3, "steps": 2, "ema": 0.5, "device": "cpu", "precision": "fp32"}
    seen: ClassVar[list[dict[str, torch.Tensor]]] = []

    def __init__(self, options: i2i.Options, device: i2i.Device) -> None:
        self.colour = nn.Conv2d(1, 3, 1, bias=False)
        nn.init.zeros_(self.colour.weight)
        self.networks = {"generator": self.colour.to(device)}

    def step(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        self.seen.append(batch)
        mean = batch["target"].mean((0, 2, 3))
        self.colour.weight.data.lerp_(mean.reshape(3, 1, 1, 1), 0.5)
        return {"distance": (self.colour.weight.flatten() - mean).abs().mean().detach()}

    def sample(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        count, _, height, width = batch["input"].shape
        brightness = torch.linspace(0, 1, count).reshape(-1, 1, 1, 1).expand(count, 1, height, width)
        with torch.no_grad():
            return self.colour(brightness)


@pytest.fixture
def registry() -> i2i.Registry:
    Painter.seen.clear()
    module = ModuleType("painters")
    module.register_trainers = i2i.hookimpl(lambda register: register(Painter))  # type: ignore[attr-defined]
    module.register_trainers.__name__ = "register_trainers"
    return i2i.Registry([Plugin("painters", "painters", "1", module), *find_plugins(["folder", "edges2shoes"])])


def paint(path: Path, colour: tuple[int, int, int], width: int = 20, height: int = 20) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height), colour).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, colour in COLOURS.items():
        paint(tmp_path / "mine" / name, colour)
    return tmp_path / "mine"


def test_pictures_are_found_in_natural_order_and_hidden_ones_passed_over(folder: Path) -> None:
    for name in (".hidden.png", ".cache/x.png", "deep/er/3.JPG", "notes.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    assert [picture.name for picture in find_images(folder)] == ["1.png", "2.png", "10.png", "deep/er/3.JPG"]
    paint(folder / "train" / "only.png", (0, 0, 0))
    assert [picture.name for picture in find_images(folder)] == ["only.png"]


@pytest.mark.parametrize(("height", "width"), [(30, 90), (90, 30), (31, 30), (30, 30), (1, 7)])
def test_the_square_in_the_middle_is_taken(height: int, width: int) -> None:
    y, x = np.mgrid[:height, :width]
    picture = np.stack([y, x, y + x], axis=2).astype(np.uint8)
    square = central_square(picture)
    side = min(height, width)
    assert square.shape == (side, side, 3)
    left = [int(square[0, 0, axis]) for axis in (0, 1)]
    right = [length - 1 - int(square[-1, -1, axis]) for axis, length in ((0, height), (1, width))]
    assert all(0 <= after - before <= 1 for before, after in zip(left, right, strict=True))


def test_a_wide_picture_is_cut_and_not_squeezed(tmp_path: Path) -> None:
    stripes = np.zeros((40, 120, 3), np.uint8)
    stripes[:, 40:80] = (200, 100, 50)
    Image.fromarray(stripes).save(tmp_path / "wide.png")
    (picture,) = find_images(tmp_path)
    one = read_sample(picture, (IMAGE,), 16, square=True)["image"]
    assert one.shape == (16, 16, 3)
    assert np.array_equal(np.unique(one.reshape(-1, 3), axis=0), [[200, 100, 50]])


def test_what_is_sound_as_a_picture_is_not_thereby_sound_as_a_pair(folder: Path) -> None:
    paint(folder / "train" / "square.png", (9, 9, 9))
    assert check_samples(find_images(folder), (IMAGE,)) == []
    assert len(check_samples(find_pairs(folder, "train"), Dataset.fields)) == 1
    assert check_samples(find_images(folder), (IMAGE,)) == []


def test_a_folder_trains_and_leaves_a_sheet(folder: Path, tmp_path: Path, registry: i2i.Registry) -> None:
    paint(folder / "deep" / "4.png", (250, 250, 250), width=60)
    run = i2i.train(
        "painter", dataset="folder", data_root=str(folder), out=tmp_path / "run", registry=registry, quiet=True
    )
    assert run.options["data"]["pairs"] == 4 and run.options["run"]["load_size"] == 16
    for batch in Painter.seen:
        assert batch["target"] is batch["input"] and batch["input"].shape == (3, 3, 16, 16)
    corners = torch.cat([batch["input"][:, :, 0, 0] for batch in Painter.seen]).add(1).mul(127.5).round().int()
    colours = {tuple(corner) for corner in corners.tolist()}
    assert colours == {*COLOURS.values(), (250, 250, 250)}, "two steps of three pictures show all four"
    names = sorted(path.name for path in (run.folder / "samples").iterdir())
    assert names == ["step_000001_train.png", "step_000002_train.png"]
    assert run.summary()["status"] == "done" and run.summary()["best"] is None and run.summary()["validation"] == {}
    sheet = read_image(run.folder / "samples" / names[1])
    assert {tuple(colour) for colour in COLOURS.values()} <= {tuple(map(int, pixel)) for row in sheet for pixel in row}


@pytest.mark.parametrize("direction", ["AtoB", "BtoA"])
def test_pairs_give_their_target_side(tmp_path: Path, registry: i2i.Registry, direction: str) -> None:
    dataset = registry.get("dataset", "edges2shoes")()
    (targets,) = open_data(Painter, dataset, None, "train", "drawn", 0, direction).groups
    (pairs,) = open_pairs(dataset, None, "train", "drawn", 0, direction).groups
    (one,) = targets.read(3, 32).values()
    assert np.array_equal(one, pairs.read(3, 32)["target"])
    options = {"dataset": "edges2shoes", "direction": direction, "steps": 1, "batch": 1, "flip": False, "overfit": 1}
    i2i.train("painter", out=tmp_path / "run", registry=registry, quiet=True, **options)
    shown = Painter.seen[-1]["input"].add(1).mul(127.5).round().byte()[0].permute(1, 2, 0).numpy()
    assert np.array_equal(shown, targets.read(0, 16)["target"])


def test_folders_a_and_b_are_pairs(tmp_path: Path, registry: i2i.Registry) -> None:
    for side, colour in (("A", (0, 0, 0)), ("B", (250, 250, 250))):
        paint(tmp_path / "set" / "train" / side / "0.png", colour)
    given = {"dataset": "folder", "data_root": str(tmp_path / "set"), "registry": registry, "quiet": True}
    run = i2i.train("painter", out=tmp_path / "run", **given)
    assert run.options["data"]["pairs"] == 1
    assert all((batch["input"] > 0.9).all() for batch in Painter.seen)


def test_a_faulty_picture_is_found_before_the_first_step(folder: Path, tmp_path: Path, registry: i2i.Registry) -> None:
    (folder / "3.png").write_bytes(b"\x89PNG no more")
    given = {"dataset": "folder", "data_root": str(folder), "registry": registry, "quiet": True}
    with pytest.raises(i2i.I2IError, match=r"1 of 4 images cannot be used.*3\.png.* Leave them out with --skip-bad"):
        i2i.train("painter", out=tmp_path / "run", **given)
    assert not Painter.seen
    run = i2i.train("painter", out=tmp_path / "skipped", skip_bad=True, **given)
    assert run.options["data"]["pairs"] == 3


def test_an_empty_folder_ends_in_one_sentence(tmp_path: Path, registry: i2i.Registry) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(i2i.I2IError, match=r"empty holds no image .*name one with --data-root\.$"):
        i2i.train("painter", dataset="folder", data_root=str(tmp_path / "empty"), registry=registry, quiet=True)
    with pytest.raises(i2i.UsageError, match=r"give their folder with --data-root DIR"):
        i2i.train("painter", dataset="folder", registry=registry, quiet=True)


def test_the_trainers_defaults_yield_to_what_is_given(folder: Path, tmp_path: Path, registry: i2i.Registry) -> None:
    given = {"dataset": "folder", "data_root": str(folder), "registry": registry, "quiet": True}
    plain = i2i.train("painter", out=tmp_path / "plain", **given).options["run"]
    assert plain.items() >= Painter.defaults.items()
    other = i2i.train("painter", out=tmp_path / "other", size=24, epochs=1, batch=1, load_size=30, **given).options[
        "run"
    ]
    assert (other["size"], other["load_size"], other["steps"]) == (24, 30, 3)
    assert TrainOptions.model_fields["size"].default == 256, "other trainers keep the common default"


def test_help_shows_the_trainers_defaults(registry: i2i.Registry) -> None:
    root = Root(name="i2i")
    root.add_command(command)
    shown = CliRunner().invoke(root, ["train", "painter", "--help"], obj=registry).output
    words = " ".join(shown.split())
    assert "over all processes [default: 3]" in words
    assert "height and width of the images [default: 16]" in words
    assert "size before the random crop [default: --size, which crops nothing]" in words
    assert "optimisation steps [default: 2]" in words


def test_the_command_says_how_to_go_on(folder: Path, tmp_path: Path, registry: i2i.Registry) -> None:
    root = Root(name="i2i")
    root.add_command(command)
    out = tmp_path / "run"
    args = ["train", "painter", "--dataset", "folder", "--data-root", str(folder), "--out", str(out)]
    ended = CliRunner().invoke(root, args, obj=registry)
    assert ended.exit_code == 0, ended.output
    assert f"next: i2i sample --generator {out}" in ended.output and "3 real images on cpu" in ended.output


@pytest.mark.parametrize(
    ("defaults", "message"), [({"sise": 3}, "no setting of a run: sise"), ({"size": 3}, "greater than or equal to 16")]
)
def test_wrong_defaults_are_refused(defaults: dict[str, int], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        TrainOptions.suited(defaults, "images")(dataset="folder")


def test_what_needs_pairs_says_what_to_do_instead(folder: Path, tmp_path: Path, registry: i2i.Registry) -> None:
    given = {"dataset": "folder", "data_root": str(folder), "registry": registry, "quiet": True}
    run = i2i.train("painter", out=tmp_path / "run", **given)
    for use in (
        lambda: predict(run.folder, [folder / "1.png"], tmp_path / "out", registry=registry),
        lambda: evaluate(run.folder, registry=registry, split="train"),
        lambda: export(run.folder, "safetensors", tmp_path / "x.safetensors", registry=registry),
    ):
        with pytest.raises(i2i.UsageError, match=f"type 'i2i sample --generator {run.folder}'"):
            use()
    assert not (tmp_path / "out").exists() and not (tmp_path / "x.safetensors").exists()
