"""Fields of datasets: how each kind is read, resized, cropped and put into a batch, and what a trainer is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import i2i
from i2i.data.batches import fixed_batches
from i2i.data.training_data import open_data, open_pairs
from i2i.inference.prediction import predict
from i2i.registry import Plugin, find_plugins
from i2i.runtime.device import TorchDevice
from i2i.toolkit.images import read_image

PALETTE = ((200, 0, 0), (0, 200, 0), (0, 0, 200))
FIELDS = (
    i2i.Field("photo"),
    i2i.Field("classes", "labels", classes=3),
    i2i.Field("depth", channels=1, bits=16),
    i2i.Field("seen", "mask"),
    i2i.Field("age", "value"),
)


class Scenes(i2i.Dataset):
    """Every kind of field; the class, depth and mask of a pixel follow from the red of its photo."""

    name = "scenes"
    summary = "Scenes."
    fields = FIELDS
    classes = ("left", "middle", "right")
    palette = PALETTE

    def samples(self, root: Path, split: str) -> list[i2i.Sample]:
        return [
            i2i.Sample(path.stem, {name: root / split / name / f"{path.stem}.png" for name in FILES}, {"age": [7, 8]})
            for path in sorted((root / split / "photo").glob("*.png"))
        ]


FILES = ("photo", "classes", "depth", "seen")


class Learner(i2i.Trainer):
    """Wants every field and keeps what it is given."""

    name = "learner"
    summary = "Keeps its batches."
    wants = (FIELDS[1], FIELDS[0], *FIELDS[2:])
    defaults: ClassVar = {"size": 16, "batch": 2, "steps": 2, "device": "cpu", "precision": "fp32", "workers": 0}
    best_metric = "accuracy"
    best_is = "higher"
    seen: ClassVar[list[dict[str, torch.Tensor]]] = []
    told: ClassVar[list[Any]] = []

    def __init__(self, options: i2i.Options, device: i2i.Device) -> None:
        self.networks = {"net": nn.Conv2d(self.data.input_channels, 3, 1).to(device)}
        self.told.append(self.data)

    def step(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        self.seen.append(batch)
        self.told.append(self.progress)
        return {"none": torch.zeros([])}

    def sample(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        one_hot = nn.functional.one_hot(batch["classes"], 3).permute(0, 3, 1, 2).float()
        return {"photo": one_hot * 2 - 1, "argmax": one_hot.argmax(1), "grey": one_hot[:, :1]}

    def validate(self, batch: dict[str, torch.Tensor]) -> dict[str, float]:
        return {"accuracy": float(batch["classes"].float().mean())}


@pytest.fixture
def registry() -> i2i.Registry:
    Learner.seen.clear()
    Learner.told.clear()
    return made_registry(trainers=(Learner,), datasets=(Scenes,))


def made_registry(**things: tuple[type, ...]) -> i2i.Registry:
    from types import ModuleType

    module = ModuleType("toys")
    for kind, classes in things.items():
        hook = i2i.hookimpl(lambda register, classes=classes: [register(each) for each in classes] and None)
        hook.__name__ = f"register_{kind}"
        setattr(module, f"register_{kind}", hook)
    return i2i.Registry(
        [Plugin("toys", "toys", "1", module), *find_plugins(["folder", "facades", "metrics", "tensorboard"])]
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Photos of 40 px in three vertical stripes, each of its own class."""
    for split, count in (("train", 4), ("val", 2)):
        for number in range(count):
            classes = np.repeat(np.arange(40) * 3 // 40, 40).reshape(40, 40).T.astype(np.uint8)
            arrays = {
                "photo": np.array(PALETTE, np.uint8)[classes],
                "classes": classes,
                "depth": (classes.astype(np.uint16) * 20_000 + 7),
                "seen": (classes == 1).astype(np.uint8) * 255,
            }
            for name, array in arrays.items():
                path = tmp_path / "scenes" / split / name / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(array).save(path)
    return tmp_path / "scenes"


def test_every_kind_has_its_form_in_a_batch(root: Path, registry: i2i.Registry, tmp_path: Path) -> None:
    given = {"dataset": "scenes", "data_root": str(root), "registry": registry, "quiet": True}
    run = i2i.train("learner", out=tmp_path / "run", load_size=24, **given)
    for batch in Learner.seen:
        assert list(batch) == ["classes", "photo", "depth", "seen", "age"]
        assert (batch["classes"].shape, batch["classes"].dtype) == ((2, 16, 16), torch.int64)
        assert (batch["photo"].shape, batch["photo"].dtype) == ((2, 3, 16, 16), torch.float32)
        assert batch["depth"].shape == batch["seen"].shape == (2, 1, 16, 16)
        assert batch["age"].tolist() == [[7, 8], [7, 8]]
        assert set(batch["classes"].unique().tolist()) <= {0, 1, 2} and set(batch["seen"].unique().tolist()) == {0, 1}
        assert torch.equal(batch["seen"][:, 0] == 1, batch["classes"] == 1), "crop and mirror are shared"
        assert torch.equal(batch["photo"].argmax(1)[:, :, 0], batch["classes"][:, :, 0])
    info, first, second = Learner.told[:3]
    assert info.input_channels == 3 and info.classes == Scenes.classes and info.palette == PALETTE
    assert (first.step, first.total, first.epoch) == (1, 2, 0) and (second.step, second.epoch) == (2, 0.5)
    assert run.pointer("best") is not None and run.summary()["validation"]["accuracy"] == pytest.approx(1, abs=0.1)
    kept = json.loads((run.folder / "options.json").read_text())["data"]["info"]
    assert kept["classes"] == list(Scenes.classes)
    trainer, _ = run.load_trainer(registry, TorchDevice("cpu"))
    assert trainer.data == info


def test_labels_are_resized_to_the_nearest(root: Path) -> None:
    data = open_data(Learner, Scenes(), root, "val", "real", 0, "AtoB")
    for size in (7, 16, 90):
        (batch,) = fixed_batches(data.groups, size, 1, TorchDevice("cpu"), 1)
        assert set(batch["classes"].unique().tolist()) == {0, 1, 2}
        assert batch["classes"][0, 0].diff().min() >= 0, "no class between two others"


def test_sixteen_bits_keep_their_levels(root: Path) -> None:
    data = open_data(Learner, Scenes(), root, "val", "real", 0, "AtoB")
    (batch,) = fixed_batches(data.groups, 40, 1, TorchDevice("cpu"), 1)
    levels = ((batch["depth"] + 1) * 32767.5).unique().round()
    assert levels.tolist() == [7, 20_007, 40_007]


def test_label_maps_of_pairs_are_painted(root: Path) -> None:
    data = open_pairs(Scenes(), root, "val", "real", 0, "BtoA")
    (batch,) = fixed_batches(data.groups, 40, 1, TorchDevice("cpu"), 1)
    assert torch.equal(batch["input"], batch["target"]), "photos have the colours of the palette"


def test_label_files_may_be_in_the_colours_of_the_palette(root: Path, tmp_path: Path) -> None:
    from i2i.data.samples import ImageError, read_sample

    sample = i2i.Sample("x", {"classes": root / "val" / "photo" / "0.png"})
    found = read_sample(sample, (FIELDS[1],), palette=PALETTE)["classes"]
    assert np.array_equal(found, np.array(Image.open(root / "val" / "classes" / "0.png")))
    with pytest.raises(ImageError, match=r"the colour \(200, 0, 0\), which is not in the palette"):
        read_sample(sample, (FIELDS[1],), palette=PALETTE[1:])
    with pytest.raises(ImageError, match=r"class number 2, and there are 2 classes"):
        read_sample(i2i.Sample("x", {"c": root / "val" / "classes" / "0.png"}), (i2i.Field("c", "labels", classes=2),))


def test_colour_profiles_leave_labels_and_data_alone(root: Path, tmp_path: Path) -> None:
    from i2i.data.samples import read_field
    from tests.helpers.colour_profiles import grey_profile, matrix_profile

    colours, depth = tmp_path / "colours.png", tmp_path / "depth.png"
    Image.open(root / "val" / "photo" / "0.png").save(colours, icc_profile=matrix_profile())
    found = read_field(colours, FIELDS[1], PALETTE)
    assert np.array_equal(found, np.array(Image.open(root / "val" / "classes" / "0.png")))
    Image.fromarray(np.arange(256, dtype=np.uint8)[None]).save(depth, icc_profile=grey_profile(1.0))
    assert np.array_equal(read_field(depth, i2i.Field("depth", channels=1), ())[0, :, 0], np.arange(256))


def test_panels_stand_between_input_and_target(root: Path, registry: i2i.Registry, tmp_path: Path) -> None:
    given = {"dataset": "scenes", "data_root": str(root), "registry": registry, "quiet": True}
    run = i2i.train("learner", out=tmp_path / "run", size=32, **given)
    grid = read_image(run.folder / "samples" / "step_000002_val.png")
    columns = round(grid.shape[1] / 35)
    assert columns == 7, "classes, depth, seen, three panels and the photo"
    assert {PALETTE[0], PALETTE[1], PALETTE[2]} <= {tuple(map(int, pixel)) for row in grid for pixel in row}


def test_predict_reads_the_first_field(root: Path, registry: i2i.Registry, tmp_path: Path) -> None:
    given = {"dataset": "scenes", "data_root": str(root), "registry": registry, "quiet": True}
    run = i2i.train("learner", out=tmp_path / "run", **given)
    labels = root / "val" / "classes" / "0.png"
    (written,) = predict(run.folder, [labels], tmp_path / "out", device="cpu", registry=registry)
    made = read_image(written)
    assert made.shape == (40, 40, 3)
    assert np.array_equal(made.argmax(2)[:, ::20], np.array(Image.open(labels))[:, ::20])


def test_a_dataset_without_the_fields_is_refused(registry: i2i.Registry, tmp_path: Path) -> None:
    with pytest.raises(i2i.UsageError, match=r"'learner' needs the field 'classes' of kind labels.*A \(image\)"):
        i2i.train("learner", out=tmp_path / "run", dataset="facades", registry=registry, quiet=True)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kind": "picture"}, "use image, labels, mask or value"),
        ({"channels": 2}, "2 channels"),
        ({"bits": 16}, "together with channels=1"),
        ({"classes": 3}, "only labels have classes"),
    ],
)
def test_fields_that_make_no_sense_are_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        i2i.Field("x", **wrong)


class CamVid(i2i.Dataset):
    """Street scenes with 12 classes: photos in A, class numbers in B."""

    name = "camvid"
    summary = "Streets."
    fields = (i2i.Field("A"), i2i.Field("B", "labels", classes=12))


class Segmenter(Learner):
    name = "segmenter"
    wants = (i2i.Field("A"), i2i.Field("B", "labels", classes=12))


def test_real_label_maps(shared: Path) -> None:
    data = open_data(Segmenter, CamVid(), shared / "data" / "camvid", "train", "real", 0, "AtoB")
    (batch,) = fixed_batches(data.groups, 64, 8, TorchDevice("cpu"), 8)
    assert batch["B"].shape == (8, 64, 64) and batch["B"].dtype == torch.int64
    assert len(batch["B"].unique()) > 5 and batch["B"].max() < 12
    sample = data.source.samples[0]
    stored = Image.open(sample.files["B"]).resize((64, 64), Image.Resampling.NEAREST)
    assert np.array_equal(batch["B"][0].numpy(), np.array(stored))


class GreyDepth(Scenes):
    """Grey images of 16 bits from photos."""

    name = "grey-depth"
    fields = (i2i.Field("photo"), i2i.Field("depth", channels=1, bits=16))


def test_pix2pix_learns_images_of_one_channel(root: Path, tmp_path: Path) -> None:
    from i2i_plugins.pix2pix.trainer import Pix2Pix
    from tests.training.conftest import SMALL

    registry = made_registry(trainers=(Pix2Pix,), datasets=(GreyDepth,))
    given = {**SMALL, "dataset": "grey-depth", "data_root": str(root), "steps": 2, "registry": registry}
    run = i2i.train("pix2pix", out=tmp_path / "run", **given)
    assert run.summary()["validation"]["l1"] > 0 and run.pointer("best") in run.steps()
    photo = root / "val" / "photo" / "0.png"
    (written,) = predict(run.folder, [photo], tmp_path / "out", device="cpu", registry=registry)
    made = read_image(written)
    assert made.shape == (40, 40, 3) and np.array_equal(made[..., 0], made[..., 2])
