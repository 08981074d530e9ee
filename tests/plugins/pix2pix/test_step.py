"""One optimisation step of pix2pix against a plain twin, and who may change what in it."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

import i2i
from i2i_plugins.pix2pix.networks import PatchGAN, UNet
from i2i_plugins.pix2pix.options import Pix2PixOptions
from i2i_plugins.pix2pix.trainer import Pix2Pix

CPU = i2i.choose_device("cpu", "fp32")
SMALL = {"size": 32, "levels": 5, "width": 8, "discriminator_width": 8, "patch": 16}


def make(device: i2i.Device | None = None, **options) -> Pix2Pix:
    torch.manual_seed(3)
    return Pix2Pix(Pix2PixOptions(**{**SMALL, **options}), device or CPU)


def batch(count: int = 1) -> dict[str, torch.Tensor]:
    torch.manual_seed(7)
    return {side: torch.rand(count, 3, 32, 32) * 2 - 1 for side in ("input", "target")}


@pytest.mark.parametrize("gan", ["vanilla", "lsgan"])
def test_steps_equal_reference_loop(gan):
    trainer = make(gan=gan, dropout="none")
    generator, judge = UNet(5, 8, "batch", "none"), PatchGAN(1, 8)
    generator.load_state_dict(trainer.generator.state_dict())
    judge.load_state_dict(trainer.discriminator.state_dict())
    adam_g, adam_d = (torch.optim.Adam(n.parameters(), 2e-4, (0.5, 0.999)) for n in (generator, judge))
    distance = F.binary_cross_entropy_with_logits if gan == "vanilla" else F.mse_loss

    def loss(logits, real):
        return distance(logits, torch.full_like(logits, float(real)))

    x, y = batch()["input"], batch()["target"]
    for _ in range(3):
        ours = trainer.step({"input": x, "target": y})
        fake = generator(x)
        d_fake, d_real = loss(judge(x, fake.detach()), False), loss(judge(x, y), True)
        adam_d.zero_grad()
        ((d_fake + d_real) / 2).backward()
        adam_d.step()
        g_gan, g_l1 = loss(judge(x, fake), True), (fake - y).abs().mean()
        adam_g.zero_grad()
        (g_gan + 100 * g_l1).backward()
        adam_g.step()
        for name, value in (("d_fake", d_fake), ("d_real", d_real), ("g_gan", g_gan), ("g_l1", g_l1)):
            assert ours[name].item() == pytest.approx(value.item(), rel=1e-4), name
    for key, value in generator.state_dict().items():
        # Adam divides by the size of the gradient, so that rounding in a tiny one shows: in one weight of thousands,
        # differently for each number of threads, and by no more than the rate.
        apart = (trainer.generator.state_dict()[key].float() - value.float()).abs()
        assert (apart > 2e-5).float().mean() < 1e-3 and apart.max() < 2e-4, key


def test_generator_step_does_not_change_discriminator(monkeypatch):
    trainer = make()
    seen = []
    update = type(CPU).update

    def watch(self, optimizer):
        if optimizer is trainer.optimizers["discriminator"]:
            update(self, optimizer)
            seen.append({key: value.clone() for key, value in trainer.discriminator.named_parameters()})
        else:
            assert all(parameter.grad is None for parameter in trainer.discriminator.parameters())
            update(self, optimizer)

    monkeypatch.setattr(type(CPU), "update", watch)
    trainer.step(batch())
    assert all(torch.equal(value, seen[0][key]) for key, value in trainer.discriminator.named_parameters())
    assert all(parameter.requires_grad for parameter in trainer.discriminator.parameters())


@pytest.mark.parametrize("norm", ["batch", "instance"])
@pytest.mark.parametrize("test", ["plain", "paper"])
def test_sample_is_deterministic_and_keeps_training_state(norm, test):
    trainer = make(norm=norm, test=test)
    trainer.step(batch())
    state = {key: value.clone() for key, value in trainer.generator.state_dict().items()}
    x = batch(2)
    random = torch.get_rng_state()
    one, two = trainer.sample(x), trainer.sample(x)
    assert torch.equal(one, two) and one.shape == (2, 3, 32, 32) and one.dtype == torch.float32
    assert torch.equal(torch.get_rng_state(), random)
    assert trainer.generator.training
    assert all(torch.equal(value, state[key]) for key, value in trainer.generator.state_dict().items())


def test_paper_test_mode_uses_dropout_and_batch_statistics():
    plain, paper, other = make(dropout="none"), make(dropout="none", test="paper"), make(test="paper")
    for trainer in (plain, paper, other):
        trainer.generator.load_state_dict(plain.generator.state_dict())
    x = batch(2)
    assert not torch.allclose(plain.sample(x), paper.sample(x), atol=1e-3)
    assert not torch.equal(other.sample(x), paper.sample(x))
    alone = paper.sample({"input": x["input"][1:]})
    assert torch.allclose(paper.sample(x)[1:], alone, atol=1e-6)
    with torch.no_grad():
        assert torch.allclose(alone, paper.generator.train()(x["input"][1:]), atol=1e-6)


def test_bfloat16_steps_approximate_float32():
    full, half = make(dropout="none"), make(i2i.choose_device("cpu", "bf16"), dropout="none")
    one, two = full.step(batch()), half.step(batch())
    assert all(one[name].item() == pytest.approx(two[name].item(), rel=0.05) for name in one)
    assert all(p.dtype == torch.float32 for p in half.generator.parameters())


def test_invalid_patch_is_refused():
    with pytest.raises(i2i.UsageError, match="--patch is 34"):
        i2i.build_options(Pix2PixOptions, {"patch": 34}, "the options")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_step_does_not_synchronise_gpu():
    device = i2i.choose_device("cuda")
    trainer = make(device)
    pair = {side: tensor.to(device) for side, tensor in batch().items()}
    trainer.step(pair)
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        trainer.step(pair)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize(("patch", "least", "less"), [(70, 32, 16), (286, 96, 64)])
def test_too_small_image_for_patch_is_refused(patch: int, least: int, less: int) -> None:
    assert make(patch=patch, size=least, levels=2).step(
        dict.fromkeys(("input", "target"), torch.zeros(1, 3, least, least))
    )
    with pytest.raises(ValueError, match=f"--patch {patch} needs images of"):
        Pix2PixOptions(patch=patch, size=less)
