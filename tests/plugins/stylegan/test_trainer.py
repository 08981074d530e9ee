"""A step of StyleGAN2's training against formulas by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import i2i
from i2i_plugins.stylegan.training.losses import discriminator_loss, generator_loss, path_lengths, r1_penalty
from i2i_plugins.stylegan.training.options import StyleGAN2Options
from i2i_plugins.stylegan.training.trainer import StyleGAN2Trainer

TINY = {"size": 16, "channel_base": 64, "channel_max": 8, "latent": 16, "batch": 4}


@pytest.fixture(autouse=True)
def one_thread():
    """Small tensors: more threads only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


def trainer(precision: str = "fp32", accumulate: int = 1, **options: Any) -> StyleGAN2Trainer:
    device = i2i.choose_device("cpu", precision, accumulate=accumulate)
    return StyleGAN2Trainer(StyleGAN2Options(**{**TINY, **options}), device)


def batch(n: int = 4, size: int = 16) -> dict[str, torch.Tensor]:
    images = torch.rand(n, 3, size, size) * 2 - 1
    return {"input": images, "target": images}


def copies(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


@pytest.mark.parametrize(("precision", "accumulate"), [("fp32", 1), ("fp32", 2), ("bf16", 1)])
def test_step_changes_both_networks(precision: str, accumulate: int) -> None:
    made = trainer(precision, accumulate)
    made.half = True  # as on a GPU
    before = {name: copies(network) for name, network in made.networks.items()}
    losses = made.step(batch())
    assert list(losses) == ["g", "d", "sign", "r1", "pl", "p"]
    assert all(value.shape == () and not value.requires_grad and value.isfinite() for value in losses.values())
    for name, network in made.networks.items():
        parameters = dict(network.named_parameters())
        assert all(value.dtype == torch.float32 for value in parameters.values())
        # Biases of toRGB and of the last layer have no part in the penalties, but in the main losses all have.
        still = [key for key, value in parameters.items() if torch.equal(value, before[name][key])]
        assert not still, f"{name} does not learn {still}"
    assert made.g.synthesis.dtype == torch.float32


def test_adversarial_losses_equal_manual_computation() -> None:
    fake, real = torch.tensor([[0.3], [-2.0]]), torch.tensor([[1.5], [-0.5]])
    sigmoid = torch.sigmoid
    assert torch.allclose(generator_loss(fake), -sigmoid(fake).log().mean())
    assert torch.allclose(
        discriminator_loss(fake, real), -(1 - sigmoid(fake)).log().mean() - sigmoid(real).log().mean()
    )


def test_r1_equals_manual_computation() -> None:
    """For logits (a . x)^2 / 2 the gradient at x is (a . x) a."""
    a = torch.randn(3 * 4 * 4, dtype=torch.float64, requires_grad=True)
    x = torch.randn(5, 3, 4, 4, dtype=torch.float64)
    penalty = r1_penalty(lambda images: (images.flatten(1) @ a).square()[:, None] / 2, x)
    by_hand = ((x.flatten(1) @ a).square() * a.square().sum()).mean()
    assert torch.allclose(penalty, by_hand)
    gradients = [torch.autograd.grad(value, a)[0] for value in (penalty, by_hand)]
    assert torch.allclose(*gradients)


def test_r1_equals_plain_implementation() -> None:
    """One backward pass for each logit, all gradients added up: the batch's deviation lets each touch every image."""
    judge, x = trainer().d, batch()["target"]
    images = x.clone().requires_grad_()
    logits = judge(images)
    total = sum(torch.autograd.grad(logit, images, create_graph=True)[0] for logit in logits[:, 0])
    by_hand = sum(total[n].flatten() @ total[n].flatten() for n in range(4)) / 4
    weights = [weight for name, weight in judge.named_parameters() if name.endswith("weight")]
    gradients = [torch.autograd.grad(value, weights) for value in (r1_penalty(judge, x), by_hand)]
    for ours, theirs in zip(*gradients, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-4 * theirs.abs().max().item())  # float32, added in another order


def test_path_length_equals_manual_computation() -> None:
    """For images A w the length is that of A^T y, the mean square taken over the rows of w."""
    n, rows, width = 3, 4, 5
    a = torch.randn(rows, width, 3 * 2 * 2, dtype=torch.float64, requires_grad=True)
    ws = torch.randn(n, rows, width, dtype=torch.float64, requires_grad=True)
    torch.manual_seed(1)
    lengths = path_lengths(lambda ws: torch.einsum("nrw,rwp->np", ws, a).view(n, 3, 2, 2), ws)
    torch.manual_seed(1)
    noise = torch.randn(n, 3, 2, 2, dtype=torch.float64).flatten(1) / 2
    by_hand = torch.einsum("rwp,np->nrw", a, noise).square().sum(2).mean(1).sqrt()
    assert lengths.shape == (n,) and torch.allclose(lengths, by_hand)
    gradients = [torch.autograd.grad(value.sum(), a)[0] for value in (lengths, by_hand)]
    assert torch.allclose(*gradients)


def test_lazy_regularisation_reports_last_penalty() -> None:
    made = trainer(rate=1e-3)
    told = [made.step(batch()) for _ in range(18)]
    assert [n for n in range(1, 18) if told[n]["pl"] != told[n - 1]["pl"]] == [4, 8, 12, 16]
    assert [n for n in range(1, 18) if told[n]["r1"] != told[n - 1]["r1"]] == [16]
    off = trainer(gamma=0, path_length=0)
    assert all(off.step(batch())[name] == 0 for name in ("r1", "pl"))


def test_accumulation_keeps_the_learning_rate() -> None:
    """Appendix B: with k main steps for each of regularisation, Adam's rate and betas go by k / (k + 1)."""
    with_both, without = trainer(), trainer(gamma=0, path_length=0)
    for name, share in (("generator", 4 / 5), ("discriminator", 16 / 17)):
        (group,) = with_both.optimizers[name].param_groups
        assert group["lr"] == pytest.approx(2.5e-3 * share) and group["eps"] == 1e-8
        assert group["betas"] == pytest.approx((0.0, 0.99**share))
        (group,) = without.optimizers[name].param_groups
        assert group["lr"] == 2.5e-3 and group["betas"] == (0.0, 0.99)


def test_style_mixing_probability() -> None:
    def changes(mixing: float) -> torch.Tensor:
        ws = trainer(mixing=mixing).latents(1000)
        return (ws[:, 1:] != ws[:, :-1]).any(dim=2)

    assert not changes(0.0).any()
    always = changes(1.0)
    assert (always.sum(dim=1) == 1).all()
    # The row of change is uniform over 5: 4 standard deviations of a share of 0.2 in 1000 are 0.05.
    assert torch.allclose(always.float().mean(dim=0), torch.full((5,), 0.2), atol=0.05)
    assert changes(0.9).any(dim=1).float().mean().item() == pytest.approx(0.9, abs=0.04)


def test_w_mean_follows_the_mapping() -> None:
    made = trainer(path_length=0)
    drawn = []
    latents = made.latents
    made.latents = lambda n: drawn.append(ws := latents(n)) or ws  # type: ignore[func-returns-value,method-assign]
    for _ in range(2):
        made.step(batch())
    of_generator = [ws[:, 0].mean(dim=0) for ws in drawn[::2]]  # the discriminator's turn draws too
    by_hand = 0.995 * 0.005 * of_generator[0] + 0.005 * of_generator[1]
    assert torch.allclose(made.g.mapping.w_avg, by_hand, atol=1e-7)


def test_fakes_without_gradients_use_newest_weights() -> None:
    """Layers keep what they make of weights that stay as they are, and must notice that they did not."""
    made = trainer()
    for _ in range(3):
        made.step(batch())
        ws = made.latents(2)
        with torch.no_grad():
            kept = made.g.synthesis(ws, "const")
        assert torch.allclose(made.g.synthesis(ws, "const"), kept, atol=1e-5)


def test_augmentation_follows_discriminator_sign() -> None:
    """Any mean sign is above -1.1 and none above 1; with 0.16 thousand images to the top, 4 steps are a tenth."""
    rising, falling = trainer(ada_target=-1.0, ada_kimg=0.16), trainer(ada_target=1.0, ada_kimg=0.16)
    with torch.no_grad():
        rising.d.b4.out.bias.fill_(5)  # takes everything for real
        falling.d.b4.out.bias.fill_(-5)
    values = [rising.step(batch())["p"].item() for _ in range(8)]
    assert values == pytest.approx([0, 0, 0, 0.1, 0.1, 0.1, 0.1, 0.2])
    falling.augment.p += 0.5
    values = [falling.step(batch())["p"].item() for _ in range(4)]
    assert values == pytest.approx([0.5, 0.5, 0.5, 0.4])


def test_sample_is_deterministic_and_keeps_random_state() -> None:
    made, nine, five = trainer(), batch(9), batch(5)
    made.step(batch())
    state = torch.get_rng_state()
    one, other = made.sample(nine), made.sample(five)
    assert one.shape == (9, 3, 16, 16) and one.abs().max() <= 1
    assert torch.allclose(one[:5], other, atol=1e-5), "of the same latents, whatever the number"
    assert torch.equal(torch.get_rng_state(), state)
    generator = made.generator()
    z = torch.randn(9, 16, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(generator.render(generator.map(z)).clamp(-1, 1), one, atol=1e-4)


@pytest.mark.parametrize(
    ("size", "wanted"), [(16, (512, 32)), (64, (2048, 128)), (256, (16384, 512)), (1024, (32768, 512))]
)
def test_channel_widths_follow_the_size(size: int, wanted: tuple[int, int]) -> None:
    options = StyleGAN2Options(size=size, batch=8)
    assert options.widths == wanted
    chosen = StyleGAN2Options(size=size, batch=8, channel_base=4096, channel_max=64)
    assert chosen.widths == (4096, 64)
