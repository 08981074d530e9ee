"""Squares of faces, heat maps to points, and the sifting of frames, against arithmetic."""

from __future__ import annotations

import pytest
import torch

from i2i.toolkit.faces.crops import map_points, square_matrices
from i2i.toolkit.faces.landmarks import MIRRORED
from i2i_plugins.face_alignment.crops import squares_of
from i2i_plugins.face_alignment.detection import MAX_OVERLAP, suppress
from i2i_plugins.face_alignment.heatmaps import mirror, points_of


def test_crop_square_equals_face_alignment() -> None:
    squares = squares_of(torch.tensor([[10.0, 20.0, 110.0, 140.0], [0.0, 0.0, 10.0, 10.0]]))
    side = 200 * (100 + 120) / 195
    assert torch.allclose(squares[0], torch.tensor([60.0, 80.0 - 0.12 * 120, side]))
    assert torch.allclose(squares[1], torch.tensor([5.0, 5.0 - 0.12 * 10, 200 * 20 / 195]))
    cells = torch.tensor([[0.0, 0.0], [31.5, 31.5], [12.0, 50.0]])
    theirs = torch.tensor([60.0, 65.6]) + side * ((cells + 0.5) / 64 - 0.5)  # before it is cut off
    found = map_points(((cells + 0.5) * 4 - 0.5)[None], square_matrices(squares[:1], 256))
    assert torch.allclose(found[0], theirs, atol=1e-4)


def peaks(places: torch.Tensor, spread: float, height: float = 1.0, size: int = 64) -> torch.Tensor:
    """Gaussian heat maps ``(N, K, size, size)`` about ``places (N, K, 2)``."""
    across = torch.arange(float(size))
    x, y = (-((across - places[..., axis, None]) ** 2) / (2 * spread**2) for axis in (0, 1))
    return height * torch.exp(x[..., None, :] + y[..., :, None])


def quarter_step(maps: torch.Tensor) -> torch.Tensor:
    """The published reading: a quarter of a cell from the maximum towards the larger neighbour."""
    flat, size = maps.flatten(2), maps.shape[3]
    index = flat.argmax(dim=2, keepdim=True)
    steps = [(flat.gather(2, index + by) - flat.gather(2, index - by)).sign() / 4 for by in (1, size)]
    return torch.cat([index % size + steps[0], index // size + steps[1]], dim=2)


def random_places(seed: int, low: float = 4, high: float = 59) -> torch.Tensor:
    return low + (high - low) * torch.rand(6, 68, 2, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("spread", "bound"), [(1.0, 0.09), (1.5, 0.03), (1.75, 0.03), (2.5, 0.05)])
@pytest.mark.parametrize("height", [1.0, 0.2, 2.0])
def test_peaks_have_subcell_precision(spread: float, bound: float, height: float) -> None:
    places = random_places(0)
    maps = peaks(places, spread, height)
    error = (points_of(maps) - places).norm(dim=2).mean()
    assert error < bound and error < 0.5 * (quarter_step(maps) - places).norm(dim=2).mean()


def test_peaks_are_less_sensitive_to_noise_than_published() -> None:
    places = random_places(1)
    maps = peaks(places, 1.75) + 0.05 * torch.randn(6, 68, 64, 64, generator=torch.Generator().manual_seed(2))
    soft, published = ((read(maps) - places).norm(dim=2).mean() for read in (points_of, quarter_step))
    assert soft < 0.1 and soft < 0.5 * published


def test_peaks_of_border_and_flat_maps_stay_inside() -> None:
    corners = torch.tensor([[[0.0, 0.0], [63.0, 0.0], [0.0, 63.0], [63.0, 63.0]]])
    assert (points_of(peaks(corners, 1.5)) - corners).abs().max() < 0.5  # half of each peak is cut off
    for value in (0.0, -3.0, 1e-30):
        flat = points_of(torch.full((1, 2, 8, 8), value))
        assert flat.isfinite().all() and flat.min() >= 0 and flat.max() <= 7


def test_points_have_gradients_of_peaks() -> None:
    places = random_places(3).requires_grad_()
    for axis in (0, 1):
        (slope,) = torch.autograd.grad(points_of(peaks(places, 1.75))[..., axis].sum(), places)
        assert (slope[..., axis].mean() - 1).abs() < 0.1 and slope[..., 1 - axis].abs().mean() < 0.05
        assert slope[..., axis].min() > 0.5


def test_peaks_of_mirrored_maps() -> None:
    assert sorted(MIRRORED) == list(range(68)) and all(MIRRORED[MIRRORED[point]] == point for point in range(68))
    assert {point for point in range(68) if MIRRORED[point] == point} == {8, 27, 28, 29, 30, 33, 51, 57, 62, 66}
    pairs = {0: 16, 17: 26, 21: 22, 31: 35, 36: 45, 39: 42, 41: 46, 48: 54, 50: 52, 59: 55, 60: 64, 67: 65}
    assert all(MIRRORED[left] == right for left, right in pairs.items())
    places = random_places(4)
    found = points_of(mirror(peaks(places, 1.75)))
    expected = places[:, list(MIRRORED)] * torch.tensor([-1.0, 1.0]) + torch.tensor([63.0, 0.0])
    assert (found - expected).norm(dim=2).mean() < 0.03


def union_share(a: torch.Tensor, b: torch.Tensor) -> float:
    width, height = (min(a[2 + axis], b[2 + axis]) - max(a[axis], b[axis]) for axis in (0, 1))
    shared = float(max(width, 0) * max(height, 0))
    return shared / (float((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod()) - shared)


@pytest.mark.parametrize("seed", range(3))
def test_non_maximum_suppression(seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    corner = 200 * torch.rand(60, 2, generator=random)
    boxes = torch.cat([corner, corner + 20 + 60 * torch.rand(60, 2, generator=random)], dim=1)
    kept = suppress(boxes).tolist()
    assert kept == sorted(kept) and 1 < len(kept) < 60
    for place in range(60):
        better = [union_share(boxes[place], boxes[other]) for other in kept if other < place]
        assert (place in kept) == (max(better, default=0.0) <= MAX_OVERLAP)


def test_non_maximum_suppression_of_none_and_one() -> None:
    assert suppress(torch.zeros(0, 4)).tolist() == []
    assert suppress(torch.tensor([[0.0, 0.0, 5.0, 5.0]])).tolist() == [0]
    assert suppress(torch.tensor([[0.0, 0.0, 5.0, 5.0], [0.0, 0.0, 5.0, 5.0], [5.0, 0.0, 9.0, 9.0]])).tolist() == [0, 2]
