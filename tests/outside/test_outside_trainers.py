"""The trainers ``cyclegan`` and ``pix2pixhd``, and the callback ``csv`` that follows them."""

from __future__ import annotations

import copy
import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

import i2i
from i2i.toolkit.images import to_array

from .conftest import EVENTS, FAST, TINY, Command

SMALL = {"width": 3, "blocks": 1, "discriminator_width": 3, "discriminator_layers": 1}


def cyclegan(device: i2i.Device, **options: Any) -> Any:
    from i2i_outside.trainers.cyclegan import CycleGAN, CycleGANOptions

    torch.manual_seed(0)
    return CycleGAN.create(CycleGANOptions(**{**SMALL, **options}), device)


def images(seed: int, count: int = 2) -> torch.Tensor:
    return torch.rand(count, 3, 16, 16, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def mean_square(tensor: torch.Tensor) -> torch.Tensor:
    return (tensor * tensor).sum() / tensor.numel()


def distance(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (a - b).abs().sum() / a.numel()


def leaves(state: Any) -> Iterator[Any]:
    """Yield the keys and values of nested dictionaries and sequences."""
    if isinstance(state, dict):
        for key, value in state.items():
            yield key
            yield from leaves(value)
    elif isinstance(state, (list, tuple)):
        for value in state:
            yield from leaves(value)
    else:
        yield state


def equal(one: Any, other: Any) -> bool:
    return torch.equal(one, other) if isinstance(one, torch.Tensor) else type(one) is type(other) and one == other


# CycleGAN


def reference_step(trainer: Any, x: torch.Tensor, y: torch.Tensor) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """One step of CycleGAN on copies of the networks, from the formulas of the paper: networks and losses."""
    nets = {name: copy.deepcopy(net) for name, net in trainer.networks.items()}
    forward, backward = nets["forward"], nets["backward"]
    judge_x, judge_y = nets["input_discriminator"], nets["target_discriminator"]
    rate, betas = trainer.options.rate, (trainer.options.beta1, 0.999)
    adams = [
        torch.optim.Adam([*forward.parameters(), *backward.parameters()], rate, betas),
        torch.optim.Adam(judge_x.parameters(), rate, betas),
        torch.optim.Adam(judge_y.parameters(), rate, betas),
    ]
    fake_y, fake_x = forward(x), backward(y)
    losses = {
        "g_adversarial": mean_square(judge_y(fake_y)[-1] - 1) + mean_square(judge_x(fake_x)[-1] - 1),
        "g_cycle": distance(backward(fake_y), x) + distance(forward(fake_x), y),
        "g_identity": distance(forward(y), y) + distance(backward(x), x),
    }
    total = losses["g_adversarial"] + 10 * losses["g_cycle"] + 5 * losses["g_identity"]
    gradients = torch.autograd.grad(total, [*forward.parameters(), *backward.parameters()])
    for parameter, gradient in zip([*forward.parameters(), *backward.parameters()], gradients, strict=True):
        parameter.grad = gradient
    adams[0].step()
    for name, judge, real, fake, adam in (
        ("d_input", judge_x, x, fake_x, adams[1]),
        ("d_target", judge_y, y, fake_y, adams[2]),
    ):
        losses[name] = (mean_square(judge(real)[-1] - 1) + mean_square(judge(fake.detach())[-1])) / 2
        adam.zero_grad()
        losses[name].backward()
        adam.step()
    return nets, losses


def test_cyclegan_step_equals_the_formulas(device: i2i.Device) -> None:
    trainer = cyclegan(device, pool=0)
    x, y = images(0), images(1)
    nets, expected = reference_step(trainer, x, y)
    losses = trainer.step({"input": x, "target": y})
    assert losses.keys() == expected.keys()
    for name, loss in losses.items():
        assert loss.item() == pytest.approx(expected[name].item(), rel=1e-5)
    for name, net in trainer.networks.items():
        for own, other in zip(net.parameters(), nets[name].parameters(), strict=True):
            assert torch.allclose(own, other, atol=2e-6), name


def test_cyclegan_accumulates_the_gradients_of_parts() -> None:
    torch.manual_seed(0)
    whole, parts = (cyclegan(i2i.choose_device("cpu", precision="fp32", accumulate=count), pool=0) for count in (1, 2))
    batch = {"input": images(0), "target": images(1)}
    first, second = whole.step(batch), parts.step(batch)
    for name in first:
        assert first[name].item() == pytest.approx(second[name].item(), rel=1e-4)


def test_image_pool_fills_then_exchanges() -> None:
    from i2i_outside.trainers.image_pool import ImagePool

    pool = ImagePool(3)
    first = images(0, 3)
    assert torch.equal(pool.exchange(first), first) and torch.equal(torch.stack(pool.images), first)
    torch.manual_seed(0)
    old = 0
    for seed in range(1, 101):
        new, before = images(seed, 1), [image.clone() for image in pool.images]
        (given,) = pool.exchange(new)
        if torch.equal(given, new[0]):
            assert all(map(torch.equal, pool.images, before))
            continue
        old += 1
        replaced = [not torch.equal(image, kept) for image, kept in zip(pool.images, before, strict=True)]
        assert replaced.count(True) == 1
        assert torch.equal(given, before[replaced.index(True)]) and torch.equal(
            pool.images[replaced.index(True)], new[0]
        )
    assert 35 <= old <= 65
    empty = ImagePool(0)
    assert torch.equal(empty.exchange(first), first) and empty.images == []


def test_cyclegan_validates_its_cycles(device: i2i.Device) -> None:
    trainer = cyclegan(device)
    x, y = images(0, 1), images(1, 1)
    forward, backward = trainer.networks["forward"], trainer.networks["backward"]
    with torch.no_grad():
        there, back = distance(backward(forward(x)), x) / 2, distance(forward(backward(y)), y) / 2
    measured = trainer.validate({"input": x, "target": y})
    assert measured == {
        "cycle_input": pytest.approx(float(there), rel=1e-5),
        "cycle_target": pytest.approx(float(back), rel=1e-5),
        "cycle": pytest.approx(float(there + back) / 2, rel=1e-5),
    }
    panels = trainer.sample({"input": x, "target": y})
    assert list(panels) == ["forward", "forward, backward", "backward", "backward, forward"]
    assert list(trainer.sample({"input": x})) == ["forward", "forward, backward"]


def test_cyclegan_run_has_its_files(trained: Path) -> None:
    run = i2i.open_run(trained / "cyclegan")
    assert run.options["dataset_options"] == {"background": "noise"}
    assert (run.options["options"]["pool"], run.options["options"]["cycle"]) == (2, 10.0)
    assert run.options["given_by"] == {"trainer": "i2i-outside 1.0.0", "dataset": "i2i-outside 1.0.0"}
    validation = rows(run.folder / "validation.csv")
    best = min(validation, key=lambda row: float(row["cycle"]))
    summary = run.summary()
    assert [row["step"] for row in validation] == ["6", "12"] and summary["best"] == int(best["step"])
    losses = rows(run.folder / "losses.csv")
    assert [int(row["step"]) for row in losses] == list(range(1, 13))
    assert float(losses[-1]["g_cycle"]) == pytest.approx(summary["losses"]["g_cycle"])
    grid = Image.open(run.folder / "samples" / "step_000012_train.png")
    assert grid.width > 6 * 32 and grid.height > 4 * 32  # input, four panels and target, four rows


def test_cyclegan_resumes_bit_exactly(trained: Path, cli: Command) -> None:
    dataset = ("--dataset", "fruits", "--dataset-options", "background=noise")
    arguments = ("--pool", "2", "--decay", "0", "--ema", "0.9", *TINY, *FAST, "--validate-every", "6")
    events = ("--sample-every", "12", "--checkpoint-every", "5", "--callbacks", "csv")
    cli("train", "cyclegan", *dataset, *arguments, *events, "--steps", "7", "--out", "run")
    cli("train", "cyclegan", "--resume", "run", "--steps", "12")
    whole, resumed = (
        load_file(run / "checkpoints" / "step_000012.safetensors") for run in (trained / "cyclegan", Path("run"))
    )
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    states = [
        torch.load(run / "checkpoints" / "step_000012.state", weights_only=True)["trainer"]
        for run in (trained / "cyclegan", Path("run"))
    ]
    first, second = (list(leaves(state)) for state in states)
    assert len(first) == len(second) > 100 and all(map(equal, first, second))
    assert Path("run/losses.csv").read_text() == (trained / "cyclegan" / "losses.csv").read_text()


def test_cyclegan_state_holds_its_pools(device: i2i.Device) -> None:
    trainer = cyclegan(device, pool=3)
    trainer.step({"input": images(0), "target": images(1)})
    other = cyclegan(device, pool=3)
    other.load_state_dict(copy.deepcopy(trainer.state_dict()))
    assert len(other.pools["input"].images) == 2
    for side in ("input", "target"):
        assert all(map(torch.equal, trainer.pools[side].images, other.pools[side].images))


def test_cyclegan_predicts_and_exports_both_directions(trained: Path, cli: Command) -> None:
    from i2i_outside.trainers.networks import ResNetGenerator

    run = trained / "cyclegan"
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    Image.fromarray(pixels).save("photo.png")
    x = torch.from_numpy(pixels).float().div(127.5).sub(1).permute(2, 0, 1)[None]
    checkpoint = load_file(run / "checkpoints" / "step_000012.safetensors")
    made = {}
    for name, settings in (("forward", ()), ("backward", ("--set", "reverse=true"))):
        cli("predict", run, "photo.png", "--out", name, "--device", "cpu", *settings)
        cli("export", run, "--format", "safetensors", "--network", name, "--out", f"{name}.safetensors")
        with safe_open(f"{name}.safetensors", "pt") as file:
            assert json.loads(file.metadata()["i2i"])["network"] == name
        exported = load_file(f"{name}.safetensors")
        assert all(torch.equal(exported[key], checkpoint[f"average.{name}.{key}"]) for key in exported)
        assert not torch.equal(exported["layers.0.weight"], checkpoint[f"{name}.layers.0.weight"])
        network = ResNetGenerator(3, 3, 4, 1)
        network.load_state_dict(exported)
        with torch.no_grad():
            expected = to_array(network(x))
        made[name] = np.asarray(Image.open(Path(name, "photo.png")))
        assert np.abs(made[name].astype(int) - expected).max() <= 1
    assert np.abs(made["forward"].astype(int) - made["backward"]).max() > 1
    told = cli("export", run, "--format", "safetensors", "--network", "foward", "--out", "x", code=2).stderr
    assert "Did you mean 'forward'?" in told


# pix2pixHD


def pix2pixhd(device: i2i.Device, **options: Any) -> Any:
    from i2i_outside.trainers.pix2pixhd import Pix2PixHD, Pix2PixHDOptions

    torch.manual_seed(0)
    fields = (i2i.Field("labels", "labels", classes=4), i2i.Field("photo"))
    data = i2i.DataInfo(fields, ("sky", "building", "road", "car"), size=16)
    return Pix2PixHD.create(Pix2PixHDOptions(**{**SMALL, "scales": 2, **options}), device, data)


def test_one_hot_has_a_plane_for_each_class_of_the_dataset(device: i2i.Device) -> None:
    planes = pix2pixhd(device).one_hot(torch.tensor([[[0, 3], [255, 1]]]))
    assert planes.shape == (1, 4, 2, 2) and planes.dtype == torch.float32
    assert planes[0].flatten(1).T.tolist() == [[1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0], [0, 1, 0, 0]]


def test_feature_matching_is_the_mean_over_layers_and_scales() -> None:
    from i2i_outside.trainers.pix2pixhd import feature_matching

    fake = [
        [torch.zeros(1, 2, 4, 4), torch.ones(1, 3, 2, 2), torch.full((1, 1), 9.0)],
        [torch.ones(1, 1), torch.ones(1)],
    ]
    real = [
        [torch.ones(1, 2, 4, 4), torch.full((1, 3, 2, 2), 4.0), torch.zeros(1, 1)],
        [torch.zeros(1, 1), torch.ones(1)],
    ]
    assert feature_matching(fake, real).item() == pytest.approx(((1 + 3) / 2 + 1) / 2)  # logits do not count


def test_pix2pixhd_step_reports_the_losses_of_all_scales(device: i2i.Device) -> None:
    trainer = pix2pixhd(device)
    labels, photo = torch.randint(0, 4, (2, 16, 16), generator=torch.Generator().manual_seed(0)), images(1)
    planes = trainer.one_hot(labels)
    with torch.no_grad():
        on_real = trainer.discriminator(torch.cat([planes, photo], dim=1))
        on_fake = trainer.discriminator(torch.cat([planes, trainer.generator(planes)], dim=1))
    assert [layers[-1].shape[-1] for layers in on_real] == [6, 2]
    losses = trainer.step({"labels": labels, "photo": photo})
    expected = {
        "g_adversarial": sum(mean_square(layers[-1] - 1) for layers in on_fake),
        "g_matching": sum(
            sum(distance(a, b) for a, b in zip(ours[:-1], theirs[:-1], strict=True)) / (len(ours) - 1)
            for ours, theirs in zip(on_fake, on_real, strict=True)
        )
        / 2,
        "d_real": sum(mean_square(layers[-1] - 1) for layers in on_real),
        "d_fake": sum(mean_square(layers[-1]) for layers in on_fake),
    }
    for name, value in expected.items():
        assert losses[name].item() == pytest.approx(float(value), rel=1e-4), name
    assert losses.keys() == expected.keys()


def test_pix2pixhd_learns_flat_colours(device: i2i.Device) -> None:
    trainer = pix2pixhd(device, width=8, matching=50.0, rate=5e-3, discriminator_width=8)
    labels = torch.randint(0, 4, (4, 4, 4), generator=torch.Generator().manual_seed(0))
    labels = labels.repeat_interleave(4, dim=1).repeat_interleave(4, dim=2)
    colours = torch.tensor([[-0.8, 0.0, 0.8], [0.8, -0.8, 0.0], [0.0, 0.8, -0.8], [0.5, 0.5, 0.5]])
    batch = {"labels": labels, "photo": colours[labels].permute(0, 3, 1, 2).contiguous()}
    before = trainer.validate(batch)["l1"]
    for _ in range(60):
        trainer.step(batch)
    assert trainer.validate(batch)["l1"] < 0.6 * before


def test_pix2pixhd_predicts_from_numbers_and_colours(trained: Path, cli: Command) -> None:
    from i2i_outside.data import Streets

    run = trained / "pix2pixhd"
    recorded = i2i.open_run(run).options["data"]["info"]
    assert recorded["classes"] == list(Streets.classes) and recorded["palette"] == [
        list(each) for each in Streets.palette
    ]
    labels = Streets().draw(np.random.default_rng(5), 32)["labels"]
    Image.fromarray(labels).save("numbers.png")
    Image.fromarray(np.array(Streets.palette, np.uint8)[labels]).save("colours.png")
    cli("predict", run, "numbers.png", "colours.png", "--out", "made", "--device", "cpu")
    first, second = (np.asarray(Image.open(f"made/{name}.png")) for name in ("numbers", "colours"))
    assert first.shape == (32, 32, 3) and np.array_equal(first, second)
    assert (run / "samples" / "step_000004_val.png").is_file()


def test_pix2pixhd_refuses_a_dataset_without_its_fields(cli: Command) -> None:
    told = cli("train", "pix2pixhd", "--dataset", "fruits", *TINY, *FAST, *EVENTS, "--steps", "1", code=2).stderr
    assert "needs the field 'labels' of kind labels, and the dataset 'fruits' has: A (image), B (image)" in told
