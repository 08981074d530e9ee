"""Directions: of known matrices, of latents with a known spread, of samples with a known boundary."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from i2i_plugins.mix.directions import Components, fit_boundary, ganspace, project_out, sefa


def turned(dim: int, seed: int = 0) -> Tensor:
    """Orthonormal rows, as good as any."""
    return torch.linalg.qr(torch.randn(dim, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64))[0]


def whole(found: Components, dim: int) -> None:
    """Orthonormal, sorted, and with the sign that is promised."""
    torch.testing.assert_close(found.units @ found.units.T, torch.eye(dim, dtype=torch.float64))
    assert (found.strengths.diff() <= 0).all() and (found.strengths >= 0).all()
    largest = found.units.abs().argmax(dim=1, keepdim=True)
    assert (found.units.gather(1, largest) > 0).all()


def test_sefa_finds_the_singular_vectors_of_the_stacked_weights() -> None:
    layers = [torch.randn(20, 6, generator=torch.Generator().manual_seed(number)) for number in range(3)]
    found = sefa(layers)
    whole(found, 6)
    rows = torch.cat(layers).double()
    _, values, vectors = torch.linalg.svd(rows / rows.norm(dim=1, keepdim=True), full_matrices=False)
    torch.testing.assert_close(found.strengths, values.square())
    torch.testing.assert_close((found.units * vectors).sum(dim=1).abs(), torch.ones(6, dtype=torch.float64))


def test_sefa_depends_on_layers() -> None:
    layers = [torch.eye(3)[[row, row, (row + 1) % 3]] for row in range(3)]
    for row in range(3):
        assert sefa([layers[row]]).units[0].tolist() == torch.eye(3)[row].tolist()


def test_sefa_rows_have_unit_length() -> None:
    many, long = torch.eye(2)[[0, 0, 0]], 100 * torch.eye(2)[[1]]  # three channels of one number, a strong one
    found = sefa([many, long, torch.zeros(1, 2)])
    assert found.units[0].tolist() == [1, 0] and found.strengths.tolist() == [3, 1]


def test_ganspace_finds_axes_and_deviations() -> None:
    axes, sigmas = turned(5), torch.tensor([4.0, 3.0, 2.0, 1.0, 0.5], dtype=torch.float64)
    z = torch.randn(20_000, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = ganspace((z * sigmas) @ axes + 7)
    whole(found, 5)
    # A deviation of 20,000 samples is off by 1 / sqrt(2 * 20,000) = 0.5 %; four times that is never met.
    torch.testing.assert_close(found.strengths, sigmas, rtol=0.02, atol=0)
    assert ((found.units * axes).sum(dim=1).abs() > 0.99).all()


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_fit_boundary_normal_points_to_true_label(share: float) -> None:
    normal = turned(8)[0]
    w = torch.randn(4000, 8, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    above = w @ normal
    labels = above > above.quantile(1 - share)
    found = fit_boundary(w.float(), labels)
    assert float(found.unit.norm()) == pytest.approx(1)
    assert float(found.unit @ normal) > 0.99  # eight dimensions of 4,000 samples: a few hundredths of a radian
    assert found.accuracy > 0.93  # the samples are separable but for those next to the plane
    assert torch.equal(fit_boundary(w.float(), ~labels).unit.sign(), -found.unit.sign())


def test_fit_boundary_accuracy_is_of_held_out_samples() -> None:
    w = torch.randn(200, 100, generator=torch.Generator().manual_seed(3))
    labels = torch.rand(200, generator=torch.Generator().manual_seed(4)) < 0.5
    # As many dimensions as this part any samples; held-out ones stay at chance, 0.5 give or take 0.08 for 40 of them.
    assert fit_boundary(w, labels).accuracy < 0.75


def test_project_out_removes_condition() -> None:
    unit, kept = torch.tensor([0.6, 0.8, 0.0]), torch.tensor([0.0, 1.0, 0.0])
    assert project_out(unit, kept).tolist() == [1.0, 0.0, 0.0]
    with pytest.raises(ValueError, match="nothing is left"):
        project_out(kept, -kept)
