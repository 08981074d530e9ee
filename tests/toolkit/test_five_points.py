"""How faces are laid out for ArcFace: template, similarity and resampling."""

from __future__ import annotations

import math

import pytest
import torch

import i2i
from i2i.toolkit.faces.five_points import (
    TEMPLATE,
    align_faces,
    face_template,
    five_points,
    similarity_transform,
)
from tests.plugins.test_arcface import noise


def test_template_equals_insightface() -> None:
    assert torch.equal(face_template(), torch.tensor(TEMPLATE))
    assert torch.allclose(face_template(224), 2 * face_template())
    assert torch.allclose(face_template(256), 2 * (face_template() + torch.tensor([8.0, 0.0])))
    with pytest.raises(ValueError, match="112 or of 128"):
        face_template(100)


def placed(angle: float, scale: float, shift: tuple[float, float]) -> torch.Tensor:
    a, b = scale * math.cos(angle), scale * math.sin(angle)
    return torch.tensor([[a, -b, shift[0]], [b, a, shift[1]]])


KNOWN = torch.stack([placed(0.3, 2.5, (40, -7)), placed(-2.0, 0.4, (-100, 300)), placed(math.pi, 1.0, (0, 0))])


def test_similarity_transform_is_recovered() -> None:
    source = noise(8, 3, 5, 2) * 100
    target = source @ KNOWN[:, :, :2].mT + KNOWN[:, None, :, 2]
    assert torch.allclose(similarity_transform(source, target), KNOWN, atol=1e-3)
    still = similarity_transform(face_template()[None], face_template())
    assert torch.allclose(still[0], torch.eye(2, 3), atol=1e-5)


def test_similarity_transform_is_least_squares() -> None:
    source, target = noise(9, 1, 5, 2).double(), noise(10, 1, 5, 2).double()
    (x, y), one, none = source[0].T, torch.ones(5).double(), torch.zeros(5).double()
    rows = torch.cat([torch.stack([x, -y, one, none], dim=1), torch.stack([y, x, none, one], dim=1)])
    a, b, dx, dy = torch.linalg.lstsq(rows, target[0].T.reshape(-1, 1)).solution[:, 0].tolist()
    expected = torch.tensor([[a, -b, dx], [b, a, dy]]).double()
    assert torch.allclose(similarity_transform(source, target)[0], expected, atol=1e-10)


def test_coincident_points_are_refused() -> None:
    with pytest.raises(i2i.I2IError, match="choose another photo"):
        similarity_transform(torch.ones(1, 5, 2), face_template())


@pytest.mark.parametrize("size", [112, 128])
def test_align_moves_points_onto_template(size: int) -> None:
    """A slope is interpolated and averaged without error, so every pixel can be computed."""
    height, width = 300, 400
    y, x = torch.meshgrid(torch.arange(height) / 400, torch.arange(width) / 400, indexing="ij")
    matrix = placed(0.4, 2.0, (250.0, 30.0))  # from the template to the image, which it leaves at the right
    points = face_template(size) @ matrix[:, :2].T + matrix[:, 2]
    aligned = align_faces(torch.stack([x, y, x - y])[None], points[None], size)[0]

    v, u = torch.meshgrid(torch.arange(size).float(), torch.arange(size).float(), indexing="ij")
    column, row = matrix[:, :2].mm(torch.stack([u.flatten(), v.flatten()])) + matrix[:, 2:]
    inside = ((column > 2) & (column < width - 3) & (row > 2) & (row < height - 3)).view(size, size)
    outside = ((column < -3) | (column > width + 2)).view(size, size)
    expected = torch.stack([column, row, column - row]).view(3, size, size) / 400
    assert inside.sum() > 1000 and outside.sum() > 100
    assert torch.allclose(aligned[:, inside], expected[:, inside], atol=1e-5)
    assert torch.allclose(aligned[:, outside], torch.tensor(-1.0))


def test_five_points_of_68_landmarks() -> None:
    landmarks = torch.arange(68.0)[None, :, None].expand(1, 68, 2)
    assert five_points(landmarks)[0, :, 0].tolist() == [38.5, 44.5, 30, 48, 54]
    assert torch.equal(five_points(landmarks[:, :5]), landmarks[:, :5])


@pytest.mark.parametrize("points", [5, 68])
def test_align_integer_points_and_half_precision(points: int) -> None:
    landmarks = (noise(12, 1, points, 2) * 100 + 300).long()
    images = noise(13, 1, 3, 600, 600).bfloat16()
    expected = align_faces(images.float(), landmarks.float())
    assert expected.dtype == torch.float32 and torch.equal(align_faces(images, landmarks), expected)
