"""Warnings about turned, blurred, noisy or small photos, before they are inverted."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import cv2
import pytest
import torch
from PIL import Image

import i2i
from i2i.registry import Registry
from i2i.testing.registries import registry_of
from tests.helpers.toy_generators import Bands

SIDE = 256


class Known(i2i.Extractor):
    """Finds the one face whose landmarks are set."""

    name = "known"
    summary = "One face."
    role = "landmarks"
    domain = "faces"
    points: ClassVar[torch.Tensor]

    def __init__(self, device: i2i.Device) -> None:
        self.device = device

    def find(self, picture: torch.Tensor) -> list[i2i.Face]:
        low, high = self.points.amin(dim=0).tolist(), self.points.amax(dim=0).tolist()
        return [i2i.Face((*low, *high), self.points, 1.0)]

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        return self.points.expand(len(images), -1, -1)


class Mean(i2i.Inverter):
    """The mean latent for any image; it notes that it runs."""

    name = "toy-mean"
    summary = "The mean."
    default = True

    def invert(self, scene: i2i.Scene, images: torch.Tensor, options: Any) -> list[i2i.Inversion]:
        scene.note("inverting")
        w = scene.generator.w_mean.expand(len(images), scene.generator.num_ws, -1)
        return [i2i.Inversion(i2i.Latent(each[None])) for each in w]


class Keep(i2i.Editor):
    """Returns the crop; an editor of latents."""

    name = "keep"
    summary = "The crop."
    wants = "latent"

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        return i2i.Result(image=scene.photos["image"].pixels)


class KeepCrop(i2i.Editor):
    """The same without a latent."""

    name = "keep-crop"
    summary = "The crop."
    wants = "crops"

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        return i2i.Result(image=scene.photos["image"].pixels)


@pytest.fixture
def registry(tmp_path: Path, i2i_home: Path) -> Registry:
    file = tmp_path / "photos.safetensors"
    file.write_bytes(i2i.model_path("demo-faces").read_bytes())
    model = i2i.Model("toy-photos", "Photos.", "generator", "", "MIT", "faces", path=file)
    return registry_of(Keep, KeepCrop, Mean, Known, Bands, model, plugins=["demo", "stylegan", "perceptual"])


@pytest.fixture
def blurred(tmp_path: Path) -> Path:
    faces = i2i.load_registry().get("dataset", "faces")()
    face = faces.render(faces.values(4), SIDE)
    Known.points = torch.from_numpy(face.landmarks)
    Image.fromarray(cv2.GaussianBlur(face.image, (0, 0), 4)).save(tmp_path / "me.png")
    return tmp_path / "me.png"


def notes_of(name: str, file: Path, registry: Registry, generator: str) -> list[str]:
    notes: list[str] = []
    i2i.edit(name, [file], generator=generator, registry=registry, note=notes.append, device="cpu", crop="face")
    return notes


def test_blurred_photo_is_named_before_it_is_inverted(blurred: Path, registry: Registry) -> None:
    warning, inverting = notes_of("keep", blurred, registry, "toy-photos")
    assert warning.startswith("warning: me: the face is blurred; expect ") and warning.endswith(".")
    assert inverting == "inverting"


def test_photo_that_is_not_inverted_gets_no_warning(blurred: Path, registry: Registry) -> None:
    assert notes_of("keep-crop", blurred, registry, "toy-photos") == []


def test_synthetic_face_gets_no_warning(blurred: Path, registry: Registry) -> None:
    assert not [note for note in notes_of("keep", blurred, registry, "demo-faces") if "blurred" in note]
