"""Crops of faces for networks: placed exactly, antialiased, and with gradients for every pixel."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from i2i.toolkit.faces.crops import aligned_squares, extract_crops, map_points, square_matrices
from i2i.toolkit.faces.five_points import align_faces, face_template


def noise(seed: int, *shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def squares(*values: tuple[float, float, float]) -> torch.Tensor:
    return torch.tensor(values)


def test_a_square_of_whole_pixels_is_copied() -> None:
    image = noise(0, 1, 3, 40, 50)
    crop = extract_crops(image, square_matrices(squares((20.5, 17.5, 16)), 16), 16)
    assert torch.allclose(crop, image[:, :, 10:26, 13:29], atol=1e-4)


@pytest.mark.parametrize("factor", [2, 5])
def test_a_smaller_crop_is_the_mean_of_its_pixels(factor: int) -> None:
    image = noise(1, 1, 3, 80, 80)
    crop = extract_crops(image, square_matrices(squares((39.5, 39.5, 16.0 * factor)), 16), 16)
    part = image[:, :, 40 - 8 * factor : 40 + 8 * factor, 40 - 8 * factor : 40 + 8 * factor]
    assert torch.allclose(crop, torch.nn.functional.avg_pool2d(part, factor), atol=1e-5)


def test_every_pixel_of_a_large_face_has_a_gradient_of_the_same_size() -> None:
    images = torch.zeros(1, 3, 600, 600, requires_grad=True)
    points = face_template()[None] * 4.3 + 60  # a face of 480 px
    align_faces(images, points).sum().backward()
    assert images.grad is not None
    inside = images.grad[0, 0, 70:530, 70:530]
    assert inside.min() > 0.5 * inside.mean() and inside.max() < 1.6 * inside.mean()


def test_crops_of_different_sizes_do_not_depend_on_each_other() -> None:
    images = noise(2, 3, 3, 64, 64)
    matrices = square_matrices(squares((30, 30, 10), (32, 28, 60), (20, 40, 12)), 8)
    together = extract_crops(images, matrices, 8)
    for number in range(3):
        alone = extract_crops(images[number : number + 1], matrices[number : number + 1], 8)
        assert torch.equal(alone[0], together[number])
    assert extract_crops(images[:0], matrices[:0], 8).shape == (0, 3, 8, 8)


def test_outside_the_image_is_black_and_nothing_is_not_finite() -> None:
    images = torch.ones(2, 3, 20, 20)
    matrices = square_matrices(squares((-40, 10, 16), (10, 10, 0)), 8)
    crops = extract_crops(images, matrices, 8)
    assert (crops[0] == -1).all() and (crops[1] == 1).all()


@pytest.mark.parametrize("centre", [(100.0, 60.0), (1.0, 118.0), (199.5, 0.5), (230.0, 60.0)])
def test_a_rotated_crop_has_the_samples_of_the_whole_image(centre: tuple[float, float]) -> None:
    image = noise(3, 1, 3, 120, 200)
    rotation = 0.9 * torch.tensor([[0.8, -0.6], [0.6, 0.8]])
    shift = torch.tensor(centre) - rotation @ torch.full((2,), 7.5)
    crop = extract_crops(image, torch.cat([rotation, shift[:, None]], dim=1)[None], 16)
    across = torch.arange(16.0)
    positions = torch.cartesian_prod(across, across).flip(1) @ rotation.T + shift
    grid = ((2 * positions + 1) / torch.tensor([200.0, 120.0]) - 1).view(1, 16, 16, 2)
    whole = torch.nn.functional.grid_sample(image + 1, grid, align_corners=False) - 1
    assert torch.allclose(crop, whole, atol=1e-4)


def test_no_more_of_a_photo_is_converted_than_the_crops_show() -> None:
    photo = noise(4, 1, 3, 600, 800)
    own, sizes = photo.untyped_storage().data_ptr(), []

    class Results(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = func(*args, **(kwargs or {}))
            if isinstance(result, torch.Tensor) and result.untyped_storage().data_ptr() != own:
                sizes.append(result.numel())
            return result

    matrices = square_matrices(squares(*((100.0 + 30 * place, 300.0, 64.0) for place in range(20))), 32)
    with Results():
        crops = extract_crops(photo.expand(20, -1, -1, -1), matrices, 32)
    assert crops.shape == (20, 3, 32, 32) and max(sizes) <= max(3 * 70 * 70, crops.numel())


@pytest.mark.parametrize("square", [(31.3, 24.8, 7.5), (30, 25, 16), (29.71, 25.2, 33.3), (31.5, 23.5, 44)])
def test_map_points_leads_from_crops_to_images(square: tuple[float, float, float]) -> None:
    x, y = torch.meshgrid(torch.arange(64.0), torch.arange(48.0), indexing="xy")
    ramps = torch.stack([x / 32 - 1, y / 24 - 1, (x + y) / 56 - 1])[None]  # which bilinear sampling keeps
    matrices = square_matrices(squares(square), 16)
    across = torch.arange(16.0)
    grid = torch.stack(torch.meshgrid(across, across, indexing="xy"), dim=-1)
    places = map_points(grid.view(1, -1, 2), matrices).view(16, 16, 2)
    expected = torch.stack([places[..., 0] / 32 - 1, places[..., 1] / 24 - 1, places.sum(dim=-1) / 56 - 1])
    assert torch.allclose(extract_crops(ramps, matrices, 16)[0], expected, atol=1e-5)


def test_aligned_squares_are_fractions_of_the_smallest_square_around_the_image() -> None:
    square = aligned_squares(torch.zeros(2, 3, 60, 80), (0.5, 0.75, 0.25))
    assert square.tolist() == [[39.5, 49.5, 20.0]] * 2
