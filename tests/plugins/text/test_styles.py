"""What generators show of their styles: the space in which directions lie."""

from __future__ import annotations

import pytest
import torch

from tests.plugins.stylegan.test_generators import FAMILIES, built
from tests.plugins.text.scenes import Dials


@pytest.mark.parametrize("family", FAMILIES)
def test_style_space_names_match_weights(family: str) -> None:
    generator = built(family)
    torch.manual_seed(1)
    w = torch.randn(2, generator.num_ws, 8)
    styles, weights = generator.style_space(w), generator.weights()
    assert styles
    before = generator.render(w)
    for name, each in styles.items():
        assert each.shape == (2, *weights[name].shape)
        offset = torch.linspace(-1, 1, each.shape[1])
        moved = generator.tuned({name: offset})
        torch.testing.assert_close(moved.style_space(w)[name], each + offset)
        assert (moved.render(w) - before).abs().max() > 1e-3, name
    assert torch.equal(generator.render(w), before)


@pytest.mark.parametrize("family", FAMILIES)
def test_style_space_layer_depends_on_its_w(family: str) -> None:
    generator = built(family)
    torch.manual_seed(1)
    w, way = torch.randn(1, generator.num_ws, 8), torch.randn(8)
    before, affine = generator.style_space(w), generator.styles()
    first = 0 if family == "stylegan2" else 1  # row 0 of StyleGAN3 turns and shifts
    for number, name in enumerate(before):
        changed = w.clone()
        changed[:, first + number] += way
        after = generator.style_space(changed)
        assert [other for other in before if not torch.equal(before[other], after[other])] == [name]
        wanted = affine[first + number] @ way / 8**0.5  # equalised: weights are stored without their scale
        torch.testing.assert_close((after[name] - before[name])[0], wanted, atol=1e-5, rtol=1e-4)


def test_style_space_default_is_empty() -> None:
    class Plain(Dials):
        style_space = Dials.__mro__[1].style_space

    assert Plain().style_space(torch.zeros(1, 3, 3)) == {}
