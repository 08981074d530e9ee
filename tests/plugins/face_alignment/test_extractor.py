"""The extractor, whole: photos in, faces and landmarks out, by networks whose answers are known."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import torch

import i2i
from i2i.testing import downloaded_path, registered_by
from i2i_plugins.face_alignment.extractor import BATCH, FaceAlignment
from i2i_plugins.face_alignment.fan import FAN, FANSizes
from i2i_plugins.face_alignment.model_records import FAN_MODEL, S3FD_MODEL
from tests.plugins.face_alignment.networks import TINY, blue_s3fd, dot, red_fan, save, shapes, stand_in

CPU = i2i.choose_device("cpu", "fp32")


@pytest.fixture(scope="module")
def extractor(tmp_path_factory: pytest.TempPathFactory) -> FaceAlignment:
    """It sees a face of 64 pixels about each blue cell of 16, and all its landmarks where the face is reddest."""
    folder = tmp_path_factory.mktemp("weights")
    return FaceAlignment(CPU, save(red_fan(), folder / "fan.pth"), save(blue_s3fd(), folder / "s3fd.pth"))


def photo(*faces: tuple[int, int, float, float], height: int = 320, width: int = 640, scale: int = 1) -> torch.Tensor:
    """Faces (row and column of the blue cell; x and y of a red dot from its middle), drawn ``scale`` times as large."""
    image = torch.full((1, 3, height * scale, width * scale), -1.0)
    for row, column, x, y in faces:
        middle = torch.tensor([16.0 * column + 8 + x, 16.0 * row + 8 + y]) * scale - 0.5
        red = dot(height * scale, width * scale, middle, 3.6 * scale)
        image[:, 0] = torch.maximum(image[:, 0], red[:, 0])
        cell = 16 * scale
        image[:, 2, cell * row : cell * (row + 1), cell * column : cell * (column + 1)] = 1
    return image


FACES = [(4, 5, 10.3, -20.6), (12, 20, -15.7, 5.2)]


@pytest.mark.parametrize("scale", [1, 2, 3])
def test_find_at_any_photo_size(scale: int, extractor: FaceAlignment) -> None:
    found = sorted(extractor.find(photo(*FACES, scale=scale)), key=lambda face: face.box[0])
    assert len(found) == 2
    for face, (row, column, x, y) in zip(found, FACES, strict=True):
        middle = (16 * column + 8, 16 * row + 8)
        box = [(each + side) * scale - 0.5 for side in (-32, 32) for each in middle]
        assert face.box == pytest.approx(box, abs=1e-3) and face.score > 0.99
        assert face.area == pytest.approx((64 * scale) ** 2, rel=1e-4)
        dot_at = torch.tensor([middle[0] + x, middle[1] + y]) * scale - 0.5
        assert face.landmarks.shape == (68, 2) and face.landmarks.dtype == torch.float32
        # A cell of this crop has two pixels; on a peak of 1.75 cells the reading errs by a few hundredths of one.
        assert (face.landmarks - dot_at).norm(dim=1).max() < 0.1 * scale


def test_landmarks_have_subpixel_precision(extractor: FaceAlignment) -> None:
    places = [extractor.find(photo((8, 12, shift, 0.0)))[0].landmarks[0, 0].item() for shift in (0.0, 0.25, 0.5, 0.75)]
    steps = [after - before for before, after in pairwise(places)]
    assert steps == pytest.approx([0.25] * 3, abs=0.1)  # a cell has two pixels; cut off to whole ones, steps are 0 or 1


def test_find_more_faces_than_a_batch(extractor: FaceAlignment) -> None:
    faces = [(row, column, 5.0 + row, -5.0 - column / 4) for row in (4, 14) for column in (4, 14, 24)]
    assert len(faces) > BATCH
    for found in extractor.find(photo(*faces)):
        (row, column, x, y) = min(
            faces, key=lambda face: abs(16 * face[1] - found.box[0] - 24) + abs(16 * face[0] - found.box[1] - 24)
        )
        dot_at = torch.tensor([16 * column + 7.5 + x, 16 * row + 7.5 + y])
        assert (found.landmarks - dot_at).norm(dim=1).max() < 0.1


def test_find_face_over_the_border(extractor: FaceAlignment) -> None:
    (face,) = extractor.find(photo((0, 0, 9.0, 12.0)))
    assert face.box == pytest.approx((-24.5, -24.5, 39.5, 39.5), abs=1e-3)
    assert (face.landmarks - torch.tensor([16.5, 19.5])).norm(dim=1).max() < 0.1


@pytest.mark.parametrize("size", [(320, 640), (31, 500), (3, 2), (1, 1), (1000, 40)])
def test_find_without_face_is_empty(size: tuple[int, int], extractor: FaceAlignment) -> None:
    assert extractor.find(torch.full((1, 3, *size), -1.0)) == []


def test_found_landmarks_work_with_gradients(extractor: FaceAlignment) -> None:
    image = photo(FACES[0]).requires_grad_()
    landmarks = extractor.find(image)[0].landmarks
    assert not landmarks.requires_grad and not landmarks.is_inference()
    weight = torch.ones(2, requires_grad=True)
    (landmarks * weight).sum().backward()
    assert torch.allclose(weight.grad, landmarks.sum(dim=0))


@pytest.mark.parametrize("size", [(256, 256), (64, 64), (200, 300), (500, 400), (512, 512)])
def test_landmarks_are_in_pixels_of_the_input(size: tuple[int, int], extractor: FaceAlignment) -> None:
    height, width = size
    at = torch.tensor([0.4 * width + 0.3, 0.55 * height + 0.1])
    found = extractor(dot(height, width, at, max(size) * 6 / 256))
    assert found.shape == (1, 68, 2)
    assert (found - at).norm(dim=2).max() < 0.2 * max(size) / 256  # a twentieth of a cell


def test_landmarks_have_gradients(extractor: FaceAlignment) -> None:
    at = torch.tensor([100.3, 140.8], requires_grad=True)
    for axis in (0, 1):
        (slope,) = torch.autograd.grad(extractor(dot(256, 256, at, 6.0))[0, 30, axis], at)
        expected = torch.tensor([1.0, 0.0]) if axis == 0 else torch.tensor([0.0, 1.0])
        assert torch.allclose(slope, expected, atol=0.1)


@pytest.fixture(scope="module")
def random(tmp_path_factory: pytest.TempPathFactory) -> FaceAlignment:
    path = tmp_path_factory.mktemp("random") / "fan.pth"
    return FaceAlignment(CPU, save(stand_in(shapes(FAN(TINY))), path))


def test_landmarks_are_per_sample(random: FaceAlignment) -> None:
    images = torch.rand(3, 3, 96, 96, generator=torch.Generator().manual_seed(0)) * 2 - 1
    together, alone = random(images), torch.cat([random(each[None]) for each in images])
    assert torch.allclose(together, alone, atol=1e-3)
    assert (together[0] - together[1]).abs().max() > 1


def test_autocast_and_half_precision(random: FaceAlignment) -> None:
    images = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(1)) * 2 - 1
    plain = random(images)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(random(images), plain)
    assert random(images.half()).dtype == torch.float32


def test_find_at_half_precision(extractor: FaceAlignment, tmp_path: Path) -> None:
    device = i2i.choose_device("cpu", "bf16")
    half = FaceAlignment(device, save(red_fan(), tmp_path / "fan.pth"), save(blue_s3fd(), tmp_path / "s3fd.pth"))
    (ours,), (whole,) = half.find(photo(FACES[0])), extractor.find(photo(FACES[0]))
    assert ours.box == pytest.approx(whole.box, abs=0.5) and torch.allclose(ours.landmarks, whole.landmarks, atol=0.5)


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 1, 64, 64), (2, 3, 64, 64)])
def test_other_shapes_are_refused(shape: tuple[int, ...], extractor: FaceAlignment) -> None:
    with pytest.raises(ValueError, match=r"takes images|one image at a time"):
        extractor.find(torch.zeros(shape))
    if shape[0] != 2:
        with pytest.raises(ValueError, match="takes images"):
            extractor(torch.zeros(shape))


def test_weights_are_loaded_when_needed() -> None:
    with pytest.raises(i2i.I2IError, match="i2i models fetch face-alignment-2dfan4"):
        FaceAlignment(CPU)
    save(red_fan(), downloaded_path(FAN_MODEL))
    made = FaceAlignment(CPU)
    assert made(torch.zeros(1, 3, 64, 64)).shape == (1, 68, 2)
    with pytest.raises(i2i.I2IError, match="i2i models fetch s3fd"):
        made.find(torch.zeros(1, 3, 64, 64))
    save(blue_s3fd(), downloaded_path(S3FD_MODEL))
    assert made.find(torch.full((1, 3, 64, 64), -1.0)) == []


def test_other_network_or_file_is_named(tmp_path: Path) -> None:
    path = save(stand_in(shapes(FAN(FANSizes(1, 1, (4, 4, 4, 4), 98)))), tmp_path / "wflw.pth")
    with pytest.raises(i2i.I2IError, match=r"wflw\.pth finds 98 points of a face and not 68; take the weights"):
        FaceAlignment(CPU, path)
    with pytest.raises(i2i.I2IError, match=r"s3fd\.pth: the file is no FAN"):
        FaceAlignment(CPU, save(blue_s3fd(), tmp_path / "s3fd.pth"))


def test_registered_things() -> None:
    assert registered_by("i2i_plugins.face_alignment") == [FAN_MODEL, S3FD_MODEL, FaceAlignment]
    assert (FaceAlignment.name, FaceAlignment.role, FaceAlignment.domain) == ("face-alignment", "landmarks", "faces")
    assert FaceAlignment.default and sorted(FaceAlignment.kinds) == ["fan", "s3fd"]
    for model in (FAN_MODEL, S3FD_MODEL):
        assert model.role == "landmarks" and model.sha256 and model.sha256[:10] in model.url and "BSD" in model.licence
