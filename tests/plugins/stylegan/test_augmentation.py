"""What augmentation does to images, how often, and how its probability follows the discriminator."""

from __future__ import annotations

import math

import pytest
import torch

from i2i_plugins.stylegan.training import augmentation
from i2i_plugins.stylegan.training.augmentation import (
    AdaptiveAugmentation,
    augment,
    colours,
    geometry,
    recolour,
    resample,
)

MANY = 4000
"""Draws; a share of p lies within 4 standard deviations, 4 * sqrt(p (1 - p) / MANY), of p."""


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def images(n: int = 4, size: int = 16, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.rand(n, 3, size, size, dtype=dtype) * 2 - 1


def p(value: float, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.tensor(value, dtype=dtype)


def test_p_0_changes_nothing() -> None:
    x = images(size=32)
    assert torch.equal(augment(x, p(0.0)), x)


def test_p_1_changes_every_image() -> None:
    x = images(n=64)
    y = augment(x, p(1.0))
    assert y.shape == x.shape and y.dtype == x.dtype and bool(y.isfinite().all())
    assert all(not torch.allclose(one, other, atol=0.05) for one, other in zip(x, y, strict=True))
    assert 0.2 < y.std() / x.std() < 5


@pytest.mark.parametrize(
    ("name", "matrix", "wanted"),
    [
        ("mirrored", [[-1.0, 0, 0], [0, 1, 0]], lambda x: x.flip(3)),
        ("a quarter turn", [[0.0, 1, 0], [-1, 0, 0]], lambda x: x.rot90(-1, (2, 3))),
        ("half a turn", [[-1.0, 0, 0], [0, -1, 0]], lambda x: x.rot90(2, (2, 3))),
        ("shifted", [[1.0, 0, 2], [0, 1, 0]], lambda x: torch.cat([x[..., 2:], x[..., -2:].flip(3)], dim=3)),
        ("enlarged", [[0.5, 0, 0], [0, 0.5, 0]], None),
    ],
)
def test_pixel_moves_keep_values(name, matrix, wanted) -> None:
    x = images()
    y = resample(x, torch.tensor([*matrix, [0, 0, 1]]).expand(4, 3, 3))
    if wanted is not None:
        assert torch.equal(y, wanted(x)), name
    else:  # the middle pixels of an enlarged ramp are the ramp: Keys' kernel is exact on lines
        ramp = torch.arange(16.0).expand(1, 3, 16, 16)
        middle = resample(ramp, torch.tensor([[*matrix, [0, 0, 1]]]))[0, 0, 8]
        assert torch.allclose(middle[2:-2], 7.5 + 0.5 * (torch.arange(16.0) - 7.5)[2:-2], atol=1e-5)


def test_rotation_and_inverse_give_the_image() -> None:
    y, x = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    smooth = (torch.sin(x / 4) * torch.cos(y / 5)).expand(1, 3, 32, 32)
    turned = smooth
    for angle in (0.4, -0.4):
        c, s = math.cos(angle), math.sin(angle)
        turned = resample(turned, torch.tensor([[[c, -s, 0.0], [s, c, 0], [0, 0, 1]]]))
    inner = (..., slice(10, 22), slice(10, 22))  # corners were turned out of the image and lost
    assert torch.allclose(turned[inner], smooth[inner], atol=0.02), "interpolated twice"


@pytest.mark.parametrize("chance", [0.0, 0.3, 1.0])
def test_transformations_occur_with_probability_p(chance: float, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, list[torch.Tensor]] = {}
    for name in ("_scaling", "_rotation", "_translation"):
        made = getattr(augmentation, name)

        def record(*args: torch.Tensor, name: str = name, made=made) -> torch.Tensor:
            seen.setdefault(name, []).append(torch.stack([arg.float().expand(MANY) for arg in args]))
            return made(*args)

        monkeypatch.setattr(augmentation, name, record)
    geometry(MANY, 64, p(chance))

    flip, scale, stretch = seen["_scaling"]
    quarter, before, after = seen["_rotation"]
    whole, part = seen["_translation"]
    near = 4 * math.sqrt(chance * (1 - chance) / MANY) + 1e-9

    def share(changed: torch.Tensor) -> float:
        return changed.float().mean().item()

    assert share(flip[0] == -1) == pytest.approx(chance / 2, abs=near + 0.02)
    assert share(quarter[0] != 0) == pytest.approx(chance * 3 / 4, abs=near + 0.03)
    for changed in (scale[0] != 1, stretch[0] != 1, part[0] != 0, (before[0] != 0) | (after[0] != 0)):
        assert share(changed) == pytest.approx(chance, abs=near)
    assert torch.equal(scale[0], scale[1]) and torch.allclose(stretch[0] * stretch[1], torch.ones(MANY))
    assert torch.equal(whole, whole.round()) and whole.abs().max() <= 0.125 * 64
    if chance == 1:  # 4 standard errors of a standard deviation, 4 / sqrt(2 MANY) = 4.5 %
        assert scale[0].log2().std().item() == pytest.approx(0.2, rel=0.045)
        assert stretch[0].log2().std().item() == pytest.approx(0.2, rel=0.045)
        assert part.std().item() == pytest.approx(0.125 * 64, rel=0.045)
        assert before[0].std().item() == pytest.approx(math.pi / math.sqrt(3), rel=0.045)
        assert whole.unique().tolist() == list(range(-8, 9))


def test_colour_transformations_equal_published() -> None:
    matrix, offset = colours(MANY, p(1.0))
    greys = torch.ones(3) / math.sqrt(3)
    contrast = (matrix @ greys).norm(dim=1)
    assert contrast.log2().mean().item() == pytest.approx(0, abs=4 * 0.5 / math.sqrt(MANY))
    assert contrast.log2().std().item() == pytest.approx(0.5, rel=0.045)
    turned = ((matrix @ greys) @ greys < 0).float().mean().item()
    assert turned == pytest.approx(0.5, abs=0.032), "light and dark change places in half of them"
    # Across the greys what is left is a rotation times saturation: both directions are scaled alike.
    across = torch.tensor([1.0, -1, 0]) / math.sqrt(2)
    saturation = (matrix @ across).norm(dim=1) / contrast
    assert saturation.log2().std().item() == pytest.approx(1, rel=0.045)
    hue = torch.atan2(torch.linalg.cross((matrix @ across), across.expand(MANY, 3)) @ greys, (matrix @ across) @ across)
    assert hue.std().item() == pytest.approx(math.pi / math.sqrt(3), rel=0.045)
    brightness = torch.linalg.solve(matrix, offset)[:, :, 0]  # what was added to the image as it came in
    assert torch.allclose(brightness, brightness[:, :1].expand(-1, 3), atol=1e-3)
    assert brightness[:, 0].std().item() == pytest.approx(0.2, rel=0.045)
    matrix, offset = colours(MANY, p(0.0))
    assert torch.equal(matrix, torch.eye(3).expand(MANY, 3, 3)) and not offset.any()


def test_colour_matrix_equals_manual_computation() -> None:
    x = images(2, 4)
    matrix, offset = torch.randn(2, 3, 3), torch.randn(2, 3, 1)
    by_hand = torch.einsum("nij,njhw->nihw", matrix, x) + offset[..., None]
    assert torch.allclose(recolour(x, matrix, offset), by_hand, atol=1e-5)


def test_first_and_second_gradients() -> None:
    x = images(1, 3, torch.float64).requires_grad_()

    def changed(x: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(3)
        return augment(x, p(1.0, torch.float64)).square()  # squared, or the second derivative is nought

    assert torch.autograd.gradcheck(changed, x, atol=1e-5)
    assert torch.autograd.gradgradcheck(changed, x, atol=1e-5)


def test_ada_p_follows_overfitting() -> None:
    watched = AdaptiveAugmentation("ada", "cpu", p=0, target=0.6, kimg=0.1)
    for _ in range(2):
        watched.watch(torch.ones(8, 1))
        watched.adapt(20)
    assert watched.p.item() == pytest.approx(0.4)
    watched.watch(torch.tensor([[1.0]] * 7 + [[-1.0]] * 3))  # mean sign 0.4
    watched.adapt(10)
    assert watched.p.item() == pytest.approx(0.3)
    assert not watched.signs.any(), "each time counts by itself"
    for _ in range(5):
        watched.watch(-torch.ones(8, 1))
        watched.adapt(10)
    assert watched.p.item() == 0
    for _ in range(30):
        watched.watch(torch.ones(8, 1))
        watched.adapt(10)
    assert watched.p.item() == 1


@pytest.mark.parametrize(("kind", "wanted"), [("fixed", 0.35), ("none", 0.0)])
def test_fixed_augmentation_keeps_p(kind, wanted: float) -> None:
    steady = AdaptiveAugmentation(kind, "cpu", p=0.35, target=0.6, kimg=0.1)
    steady.watch(torch.ones(8, 1))
    steady.adapt(50)
    assert steady.p.item() == pytest.approx(wanted)
    x = images()
    assert (steady(x) is x) == (kind == "none")


def test_state_dict_holds_p_and_statistics() -> None:
    one, other = (AdaptiveAugmentation("ada", "cpu", p=0, target=0.6, kimg=0.1) for _ in range(2))
    one.watch(torch.ones(8, 1))
    one.adapt(30)
    one.watch(torch.tensor([[1.0], [1.0], [-1.0]]))
    other.load_state_dict(one.state_dict())
    for each in (one, other):
        each.adapt(10)
    assert torch.equal(one.p, other.p) and one.p.item() == pytest.approx(0.2)
