"""The base class of families with a mapping and a synthesis network, by a family of one layer of noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import i2i
from i2i.toolkit.latents.style_generator import StyleNetworkGenerator
from i2i.toolkit.latents.style_network import (
    Noise,
    StyleMapping,
    StyleNetwork,
    StyleSynthesis,
    deviation_from,
    sample_w,
    truncate,
)


class Mapping(StyleMapping):
    def __init__(self, c_dim: int) -> None:
        super().__init__()
        self.z_dim, self.c_dim, self.w_dim = 3, c_dim, 3

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        with_class = z if c is None else z + c.argmax(dim=1, keepdim=True)
        return with_class[:, None].repeat(1, 2, 1) + 1


class Coloured(nn.Module):
    noise_const: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.affine = nn.Linear(3, 3)
        self.register_buffer("noise_const", torch.arange(16.0).view(4, 4))


class Synthesis(StyleSynthesis):
    """The colour of layer 0, which has styles, plus that of layer 1; noise is added to the colours."""

    def __init__(self, noisy: bool) -> None:
        super().__init__()
        self.w_dim, self.num_ws, self.resolution, self.channels, self.resolutions = 3, 2, 4, 3, (4,)
        self.layer, self.noisy = Coloured(), noisy
        self.passes = 0

    def forward(self, ws: Sequence[Tensor], noise: Noise = "const") -> Tensor:
        return self.features(ws, 4, noise) + ws[1][:, :, None, None]

    def features(self, ws: Sequence[Tensor], resolution: int, noise: Noise = "const") -> Tensor:
        self.check_resolution(resolution)
        self.passes += 1
        maps: Tensor = self.layer.affine(ws[0])[:, :, None, None].expand(-1, -1, 4, 4)
        if not self.noisy or noise == "none":
            return maps
        return maps + (self.layer.noise_const if isinstance(noise, str) else noise.get("layer", torch.zeros(1)))

    def styles(self) -> list[Tensor]:
        return [self.layer.affine.weight.detach(), torch.eye(3)]

    def styled(self) -> list[tuple[str, int, nn.Module]]:
        return [("layer", 0, self.layer)]

    def noise_layers(self) -> dict[str, Coloured]:
        return {"layer": self.layer} if self.noisy else {}


class Family(StyleNetworkGenerator):
    name, summary = "family", "Two layers."

    def build(self, weights: i2i.Weights) -> StyleNetwork:
        synthesis = Synthesis(weights.arguments.get("noisy", True))
        synthesis.layer.load_state_dict(weights.tensors, strict=False)
        return StyleNetwork(Mapping(weights.arguments.get("classes", 0)), synthesis)

    @property
    def w_mean(self) -> Tensor:
        return torch.ones(3)

    @property
    def w_std(self) -> float:
        return 3**0.5


def family(**arguments: Any) -> Family:
    tensors = {"affine.weight": 2 * torch.eye(3), "affine.bias": torch.tensor([0.0, 0.0, 1.0])}
    return Family(i2i.Weights("family", tensors, arguments), i2i.choose_device("cpu", "fp32"))


W = torch.tensor([[[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]]])


def test_network_is_frozen_and_measured() -> None:
    made = family(classes=2)
    assert not any(tensor.requires_grad for tensor in made.network.parameters()) and not made.network.training
    sizes = made.z_dim, made.c_dim, made.w_dim, made.num_ws, made.resolution, made.channels
    assert sizes == (3, 2, 3, 2, 4, 3)
    with pytest.raises(i2i.UsageError, match="family is a family of generators, not one of them"):
        Family(None, i2i.choose_device("cpu", "fp32"))


def test_network_is_compiled_after_an_uncompiled_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[tuple[int, Any]] = []
    monkeypatch.setattr(nn.Module, "compile", lambda self, mode: compiled.append((self.passes, mode)))
    Family(i2i.Weights("family", {}), i2i.choose_device("cpu", "fp32", compiled=True))
    assert compiled == [(1, None)]


def test_map_truncates_first_layers_and_takes_classes() -> None:
    z = torch.ones(1, 3)
    assert torch.equal(family().map(z), torch.full((1, 2, 3), 2.0))
    half = family().map(z, truncation=0.5, cutoff=1)
    assert torch.equal(half, torch.tensor([[[1.5] * 3, [2.0] * 3]]))
    conditional = family(classes=2)
    assert torch.equal(conditional.map(z, torch.tensor([[0.0, 1.0]])), torch.full((1, 2, 3), 3.0))
    for wrong, said in ((None, "no c is given"), (torch.ones(1, 3), r"c has shape \(1, 3\)")):
        with pytest.raises(i2i.UsageError, match=said):
            conditional.map(z, wrong)
    with pytest.raises(i2i.UsageError, match=r"z has shape \(1, 4\); this generator takes \(N, 3\)"):
        family().map(torch.ones(1, 4))


def test_render_and_features_check_latents_and_noise() -> None:
    made = family()
    plain = torch.tensor([12.0, 24.0, 37.0])
    assert torch.equal(made.render(W.double(), "none")[0, :, 0, 0], plain)
    assert torch.equal(made.render(W) - made.render(W, "none"), made.noise_maps["layer"].expand(1, 3, 4, 4))
    maps, images = made.features_and_pictures(W, 4)
    assert torch.equal(maps, made.features(W, 4)) and torch.equal(images, made.render(W))
    for call, said in (
        (lambda: made.render(W[:, :1]), r"w has shape \(1, 1, 3\); this generator takes \(N, 2, 3\)"),
        (lambda: made.render(W, "loud"), "noise is 'loud'"),  # type: ignore[arg-type]
        (lambda: made.features(W, 4, {"other": torch.ones(1, 1, 4, 4)}), "no noise in 'other'"),
        (lambda: made.render(W, {"layer": torch.ones(1, 1, 2, 2)}), r"this layer takes \(N or 1, 1, 4, 4\)"),
        (lambda: made.features_and_pictures(W, 8), "no features at 8 px; choose one of 4"),
    ):
        with pytest.raises(i2i.UsageError, match=said):
            call()


def test_maps_are_ignored_by_networks_without_noise() -> None:
    silent = family(noisy=False)
    assert silent.noise_maps == {}
    assert torch.equal(silent.render(W, {"layer": torch.ones(1, 1, 4, 4)}), silent.render(W))


def test_noise_maps_are_copies() -> None:
    made = family()
    made.noise_maps["layer"].zero_()
    assert made.noise_maps["layer"].any()


def test_autocast_of_callers_has_no_effect() -> None:
    made = family()
    with torch.autocast("cpu", torch.bfloat16):
        image = made.render(W / 3)
    assert torch.equal(image, made.render(W / 3))


def test_tuned_copies_share_nothing_that_changes() -> None:
    made = family()
    before = made.render(W)
    name = "synthesis.layer.affine.bias"
    assert set(made.weights()) == {name, "synthesis.layer.affine.weight"}
    tuned = made.tuned({name: torch.ones(3)}, {"layer": torch.zeros(1, 1, 4, 4)})
    assert torch.equal(tuned.render(W), made.render(W, "none") + 1) and torch.equal(made.render(W), before)
    assert tuned.network.mapping is made.network.mapping
    for changes, noise, said in (
        ({"bias": torch.ones(3)}, None, r"no weight 'bias' of the shape \(3,\)"),
        ({name: torch.ones(2)}, None, "no weight 'synthesis.layer.affine.bias'"),
        (None, {"layer": torch.ones(4, 4)}, r"no noise 'layer' of the shape \(4, 4\)"),
    ):
        with pytest.raises(i2i.I2IError, match=said):
            made.tuned(changes, noise)


def test_styles_are_named_as_the_biases_that_move_them() -> None:
    made = family()
    space = made.style_space(W)
    (name,) = space
    assert torch.equal(space[name], torch.tensor([[2.0, 4.0, 7.0]]))
    assert torch.equal(made.tuned({name: torch.ones(3)}).style_space(W)[name], space[name] + 1)
    assert [len(each) for each in made.styles()] == [3, 3]


def test_truncate_leaves_its_input() -> None:
    w = W.clone()
    assert torch.equal(truncate(w, torch.zeros(3), 0.0)[0], torch.zeros(2, 3)) and torch.equal(w, W)
    assert torch.equal(truncate(w, torch.zeros(3), 0.0, cutoff=1)[:, 1], W[:, 1])


@pytest.mark.parametrize("classes", [0, 4])
def test_sample_w_is_normal_and_reproducible(classes: int) -> None:
    mapping = Mapping(classes)
    w = sample_w(mapping, torch.empty(0, dtype=torch.float64))
    assert w.shape == (10_000, 3) and w.dtype == torch.float64
    assert torch.equal(w, sample_w(mapping, torch.empty(0, dtype=torch.float64)))
    # uniform classes 0 to 3 have the mean 1.5 and the variance 1.25
    mean, variance = (2.5, 2.25) if classes else (1.0, 1.0)
    torch.testing.assert_close(w.mean(dim=0), torch.full((3,), mean).double(), rtol=0, atol=0.06)
    assert float(deviation_from(w, w.mean(dim=0))) == pytest.approx((3 * variance) ** 0.5, rel=0.02)
