"""The datasets ``fruits`` and ``streets``, and the metrics ``frechet-features`` and ``mean-iou``."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import i2i

from .conftest import EVENTS, FAST, TINY, Command

PALETTE = ((0, 0, 0), (255, 0, 0), (0, 255, 0))


def painted(rows: list[list[int]], palette: tuple[tuple[int, int, int], ...] = PALETTE) -> torch.Tensor:
    """Return a label map as an image ``(1, 3, H, W)`` in [-1, 1]."""
    return (torch.tensor(palette)[torch.tensor(rows)] / 127.5 - 1).permute(2, 0, 1)[None]


def test_fruits_are_drawn_from_the_generator_alone() -> None:
    from i2i_outside.data import Fruits, FruitsOptions

    plain, noisy = (Fruits(FruitsOptions(background=background)) for background in ("plain", "noise"))
    apple, orange = plain.draw(np.random.default_rng(3), 32)
    again, _ = plain.draw(np.random.default_rng(3), 32)
    assert np.array_equal(apple, again) and apple.shape == (32, 32, 3) and apple.dtype == np.uint8
    assert apple[16, 16, 0] > 2 * apple[16, 16, 1] and orange[16, 16, 1] > 2 * orange[16, 16, 2]
    assert (
        len(np.unique(apple[0], axis=0)) == 1 < len(np.unique(noisy.draw(np.random.default_rng(3), 32)[0][0], axis=0))
    )


def test_fruits_are_found_by_the_beginning_of_their_names(tmp_path: Path) -> None:
    for name in ("apple_1", "apple_2", "apple_3", "orange_1", "orange_2", "pear_1"):
        path = tmp_path / "fruits" / "train" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 40), "red").save(path)
    run = i2i.train("cyclegan", dataset="fruits", data_root=tmp_path, steps=1, size=32, width=2, blocks=0, quiet=True,
                    discriminator_width=2, discriminator_layers=1, device="cpu", precision="fp32", callbacks="none",
                    out=tmp_path / "run")  # fmt: skip
    assert (run.options["data"]["sides"], run.options["run"]["source"]) == ([3, 2], "real")
    assert not (tmp_path / "run" / "losses.csv").exists()


def test_streets_have_classes_in_every_label_map() -> None:
    from i2i_outside.data import Streets

    drawn = Streets().draw(np.random.default_rng(0), 48)
    assert drawn["labels"].shape == (48, 48) and set(np.unique(drawn["labels"])) == {0, 1, 2, 3}
    colours = np.array(Streets.palette)
    for number in range(4):
        mean = drawn["photo"][drawn["labels"] == number].mean(axis=0)
        assert np.abs(colours - mean).sum(axis=1).argmin() == number


def test_streets_in_files_are_read_by_their_colours(cli: Command, tmp_path: Path) -> None:
    from i2i_outside.data import Streets

    for split, count in (("train", 3), ("val", 2)):
        for number in range(count):
            drawn = Streets().draw(np.random.default_rng(number), 40)
            labels = np.array(Streets.palette, np.uint8)[drawn["labels"]]
            for field, image in (("labels", labels), ("photo", drawn["photo"])):
                folder = tmp_path / "streets" / split / field
                folder.mkdir(parents=True, exist_ok=True)
                Image.fromarray(image).save(folder / f"{number}.png")
    arguments = ("--dataset", "streets", "--data-root", tmp_path, "--steps", "1", "--scales", "1", "--out", "run")
    cli("train", "pix2pixhd", *arguments, *TINY, *FAST, *EVENTS, "--callbacks", "none")
    recorded = json.loads(Path("run/options.json").read_text(encoding="utf-8"))
    assert (recorded["data"]["pairs"], recorded["run"]["source"]) == (3, "real")
    assert recorded["data"]["info"]["classes"] == ["sky", "building", "road", "car"]


def test_mean_iou_equals_the_value_by_hand(device: i2i.Device) -> None:
    from i2i_outside.metrics import MeanIoU, MeanIoUOptions

    metric = MeanIoU(device, MeanIoUOptions(palette=PALETTE))
    metric.update(painted([[0, 0], [1, 1]]), painted([[0, 1], [1, 1]]))
    # Class 0: 1 of 2 pixels. Class 1: 2 of 3. Class 2 does not occur.
    assert metric.compute() == pytest.approx((1 / 2 + 2 / 3) / 2)
    metric.update(painted([[2, 0], [0, 0]]), painted([[2, 2], [0, 0]]))
    # Over both images: class 0 has 1 + 2 of 2 + 3, class 1 has 2 of 3, class 2 has 1 of 2.
    assert metric.compute() == pytest.approx((3 / 5 + 2 / 3 + 1 / 2) / 3)
    with pytest.raises(i2i.I2IError, match="has seen no images"):
        MeanIoU(device, MeanIoUOptions(palette=PALETTE)).compute()


def test_mean_iou_finds_the_classes_of_photos_by_an_extractor(device: i2i.Device) -> None:
    from i2i_outside.data import Streets
    from i2i_outside.metrics import MeanIoU, MeanIoUOptions

    metric = MeanIoU(device, MeanIoUOptions())
    noise = 0.05 * torch.randn(1, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    metric.update(painted([[0, 2], [2, 3]], Streets.palette) + noise, painted([[0, 2], [3, 3]], Streets.palette))
    assert metric.compute() == pytest.approx((1 + 1 / 2 + 1 / 2) / 3)


def test_frechet_distance_equals_closed_forms() -> None:
    from i2i_outside.metrics import covariance, frechet_distance

    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(50, 3, generator=generator, dtype=torch.float64)
    noise -= noise.mean(dim=0)
    white = noise @ torch.linalg.inv(torch.linalg.cholesky(covariance(noise))).T  # mean 0, covariance 1
    scales, other = torch.tensor([1.0, 2.0, 0.5]).double(), torch.tensor([3.0, 2.0, 1.0]).double()
    shift = torch.tensor([1.0, 0.0, -2.0]).double()
    # Of diagonal covariances it is |m1 - m2|^2 + sum (s1 - s2)^2.
    expected = 5 + float((scales - other).square().sum())
    assert frechet_distance(white * scales, white * other + shift) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(white, white) == pytest.approx(0, abs=1e-9)
    # Of 2 x 2 covariances tr((AB)^(1/2)) is (tr(AB) + 2 det(AB)^(1/2))^(1/2).
    a, b = (
        white[:, :2] @ torch.tensor([[2.0, 1], [0, 1]]).double(),
        white[:, :2] @ torch.tensor([[1.0, 0], [3, 1]]).double(),
    )
    first, second = covariance(a), covariance(b)
    product = first @ second
    cross = math.sqrt(float(product.trace()) + 2 * math.sqrt(float(torch.linalg.det(product))))
    assert frechet_distance(a, b) == pytest.approx(float(first.trace() + second.trace()) - 2 * cross, rel=1e-9)


def test_frechet_features_are_colours_or_those_of_an_extractor(device: i2i.Device) -> None:
    from i2i_outside.metrics import FrechetFeatures, FrechetOptions

    images = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    metric = FrechetFeatures(device, FrechetOptions(size=1))
    metric.update(images[:2] + 0.5, images[:2])
    metric.update(images[2:] + 0.5, images[2:])
    assert metric.compute() == pytest.approx(3 * 0.5**2, rel=1e-4)  # means of three colours differ by 0.5
    own = FrechetFeatures(device, FrechetOptions(extractor="patch-identity"))
    assert torch.equal(own.features(images), i2i.extractor("patch-identity", device)(images).double())
    own.update(images[:1], images[:1])
    with pytest.raises(i2i.I2IError, match="needs 2 images or more"):
        own.compute()


SEGMENT = '''
"""A trainer of one file that finds the class of each pixel by its colour."""

import torch

import i2i


class Segment(i2i.Trainer):
    name = "segment"
    summary = "Photos to label maps."
    wants = (i2i.Field("photo"), i2i.Field("labels", "labels"))
    best_metric = None

    def __init__(self, options, device):
        self.networks = {"bias": torch.nn.Conv2d(3, 3, 1)}
        self.optimizers = {}

    def step(self, batch):
        return {"none": torch.zeros(())}

    def sample(self, batch):
        palette = torch.tensor(self.data.palette) / 127.5 - 1
        return (batch["photo"][:, None] - palette[None, :, :, None, None]).square().sum(dim=2).argmin(dim=1)
'''


def test_evaluate_compares_label_maps(cli: Command) -> None:
    from i2i_outside.data import Streets

    Path("segment.py").write_text(SEGMENT, encoding="utf-8")
    shared = ("--dataset", "streets", "--size", "32", "--ema", "0", "--callbacks", "none")
    cli("train", "./segment.py", *shared, "--steps", "1", *FAST, *EVENTS, "--out", "run")
    palette = f"mean-iou.palette={json.dumps(Streets.palette)}"
    arguments = ("--metrics", "mean-iou,l1", "--metric-options", palette, "--device", "cpu", "--json")
    measured = json.loads(cli("evaluate", "run", *arguments).stdout)["metrics"]
    # The noise of the photos makes few pixels more like another class; painted, these differ in colour.
    assert 0.85 < measured["mean-iou"] < 1 and 0 < measured["l1"] < 0.1


def test_evaluate_records_the_options_of_metrics(cli: Command, trained: Path) -> None:
    run = trained / "pix2pixhd"
    palette = "mean-iou.palette=[[70, 130, 180], [128, 64, 128]]"
    arguments = (
        "--metric-options",
        palette,
        "--metric-options",
        "frechet-features.size=2",
        "--device",
        "cpu",
        "--json",
    )
    printed = json.loads(cli("evaluate", run, "--metrics", "mean-iou,frechet-features,l1", *arguments).stdout)
    assert 0 <= printed["metrics"]["mean-iou"] <= 1 and printed["metrics"]["frechet-features"] > 0
    written = json.loads((run / "evaluation_val.json").read_text(encoding="utf-8"))
    assert written["metric_options"] == {
        "mean-iou": {"palette": [[70, 130, 180], [128, 64, 128]], "extractor": "segmentation"},
        "frechet-features": {"extractor": "", "size": 2},
    }
    told = cli("evaluate", run, "--metrics", "mean-iou", "--metric-options", "mean-iou.pallete=1", code=2).stderr
    assert "Did you mean 'palette'?" in told
