"""Landmarks and identity in the loss: of faces, by networks that know them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

import i2i
from i2i_plugins.invert.faces import FaceLoss
from i2i_plugins.invert.methods import METHODS
from tests.plugins.invert.scenes import demo, lpips, samples, scene

pytestmark = pytest.mark.usefixtures("one_thread")
METHOD = replace(METHODS["hybrid"], landmark_weight=10.0, identity_weight=0.5)
NETWORKS = {"perceptual": lpips(), "landmarks": demo("landmarks"), "identity": demo("identity")}


def face_scene(pictures: torch.Tensor) -> i2i.Scene:
    told = scene(pictures, "demo", NETWORKS)[0]
    told.compare = lambda images, others: [{"identity": 1.0} for _ in images]
    return told


def test_terms_are_0_for_the_photo_and_grow_with_the_differences() -> None:
    photos = samples("demo", [3, 4])
    loss = FaceLoss.find(face_scene(photos), METHOD, photos)
    assert loss is not None
    distances, dissimilarities = loss.terms(photos)
    assert distances.max() < 1e-6 and dissimilarities.abs().max() < 1e-5
    others = loss.terms(photos.flip(0))
    assert min(others[0].min(), others[1].min()) > 1e-3
    assert loss.weighted_terms(photos.flip(0))["landmarks"][0] == pytest.approx(10 * float(others[0][0]))
    loss.select(torch.tensor([1]))
    assert loss.terms(photos[1:])[0] < 1e-6, "the other photo has left"


def test_landmarks_are_measured_in_distances_of_the_eyes() -> None:
    photos = samples("demo", [3])
    loss = FaceLoss.find(face_scene(photos), METHOD, photos)
    assert loss is not None
    eyes = loss.points[0, 36:48].unflatten(0, (2, 6)).mean(dim=1)
    loss.points = loss.points + (eyes[1] - eyes[0]) / 10
    assert loss.terms(photos)[0].item() == pytest.approx(0.01, rel=1e-4)


def test_differences_count_less_around_the_head() -> None:
    photos, black = samples("demo", [3, 4]), -torch.ones(2, 3, 64, 64)
    loss = FaceLoss.find(face_scene(photos), replace(METHOD, background_weight=0.3), photos)
    assert loss is not None
    weights = loss.weights
    assert weights.shape == (2, 1, 64, 64) and float(weights[..., 0, 0].max()) == pytest.approx(0.3, abs=0.02)
    for weight, points in zip(weights, loss.points.round().long(), strict=True):
        assert weight[0, points[:, 1], points[:, 0]].min() > 0.9, "all landmarks lie within the head"
    assert torch.allclose(loss.fade_background(black), photos + weights * (black - photos), atol=1e-6)


@pytest.mark.parametrize("reason", ["weights", "domain", "gradients"])
def test_no_loss_of_faces(reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    photos, method = samples("demo", [3]), METHOD
    told = face_scene(photos)
    if reason == "weights":
        method = METHODS["hybrid"]
    elif reason == "domain":
        told.compare = lambda images, others: [{} for _ in images]
    else:
        found = demo("identity")

        class Opaque:
            align = staticmethod(found.align)

            def __call__(self, images: torch.Tensor) -> torch.Tensor:
                return found(images.detach())

        told.extractors = {
            **NETWORKS,
            "identity": Opaque(),
            "landmarks": lambda images: NETWORKS["landmarks"](images.detach()),
        }
    assert FaceLoss.find(told, method, photos) is None


def test_they_alone_lead_to_the_face() -> None:
    values = {
        "generator": "demo-faces",
        "device": "cpu",
        "steps": 30,
        "start": "mean",
        "rec_weight": 0,
        "lpips_weight": 0,
    }
    found = i2i.edit("invert", ["seed:3"], landmark_weight=10, identity_weight=0.5, **values)
    lines = found.plots["loss"].lines
    assert {"landmarks", "identity"} <= lines.keys()
    for name in ("landmarks", "identity"):
        (_, first), *_, (_, last) = lines[name]
        assert last < first / 4, name
    plain = i2i.edit("invert", ["seed:3"], **{**values, "steps": 1, "rec_weight": 1})
    assert not {"landmarks", "identity"} & plain.plots["loss"].lines.keys()


def test_missing_networks_are_told_once() -> None:
    photos = samples("demo", [3, 4])
    told, notes, _ = scene(photos, "demo", NETWORKS)
    found = told.invert(photos, "hybrid", {"steps": 1, "start": "mean", "landmark_weight": 10})
    assert "landmarks" not in found[0].plots["loss"].lines
    assert [note for note in notes if "Landmarks and identity are not compared" in note] == notes
    assert len(notes) == 1 and "i2i models fetch faces" in notes[0]


def test_background_weight_needs_faces() -> None:
    with pytest.raises(i2i.UsageError, match=r"--background-weight .* add --landmark-weight 10"):
        i2i.edit("invert", ["seed:3"], generator="demo-faces", device="cpu", background_weight=0.5)
