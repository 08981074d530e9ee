"""Crops of faces for networks: placed exactly, antialiased, and with gradients for every pixel."""

from __future__ import annotations

import pytest
import torch

from i2i.toolkit.faces.crops import extract_crops, square_matrices
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
