"""Faces are found, measured, recognised and their pose is read, on photos of real people."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torchvision.transforms.functional import rotate

import i2i
from i2i.toolkit.faces.alignment import extract_crop, ffhq_placement
from i2i.toolkit.faces.landmarks import MIRRORED, eye_distance
from i2i.toolkit.images import read_image, to_tensor
from i2i.toolkit.weights.onnx_graph import read_onnx
from i2i_plugins.faceplugin.detection import anchors, decode_boxes, raw_outputs
from i2i_plugins.faceplugin.identity import FaceIdentity
from i2i_plugins.faceplugin.landmarks import FaceLandmarks
from i2i_plugins.faceplugin.network import OnnxNetwork
from i2i_plugins.faceplugin.pose import HeadPose
from tests.helpers.real_faces import RealFace, real_faces

# Centres of the faces of the group photos, pixels.
CENTRES = {
    "sample1": [(508, 480), (930, 550), (1565, 335)],
    "sample2": [(447, 285), (975, 350), (1545, 280)],
    "sample3": [(690, 470), (1188, 375), (1595, 450)],
}


@pytest.fixture(scope="module")
def faces(shared: Path) -> list[RealFace]:
    return list(real_faces(shared, every=5))


def crops(faces: list[RealFace], size: int = 192) -> tuple[torch.Tensor, torch.Tensor]:
    """FFHQ crops of faces, and their landmarks in them."""
    placements = [ffhq_placement(face.landmarks) for face in faces]
    images = [
        to_tensor(extract_crop(read_image(face.file), placement, size))
        for face, placement in zip(faces, placements, strict=True)
    ]
    points = [
        torch.from_numpy(placement.to_crop(face.landmarks.numpy(), size)).float()
        for face, placement in zip(faces, placements, strict=True)
    ]
    return torch.cat(images), torch.stack(points)


def errors(found: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Mean distances of landmarks ``(N, 68, 2)``, in eye distances."""
    distances: torch.Tensor = (found - truth).norm(dim=-1).mean(dim=-1)
    return distances / eye_distance(truth)


def test_boxes_are_decoded_as_the_file_does(weights: Path) -> None:
    graph = read_onnx(weights / "fr_detect.onnx")
    images = torch.rand(2, 3, 240, 320, generator=torch.Generator().manual_seed(0)) * 2 - 1
    scores, offsets = OnnxNetwork(graph, raw_outputs(graph))(images)
    session = onnxruntime.InferenceSession(str(weights / "fr_detect.onnx"), providers=["CPUExecutionProvider"])
    decoded = [session.run(["scores", "boxes"], {"input": image[None].numpy()}) for image in images]
    expected_scores, expected = (torch.cat([torch.from_numpy(each[place]) for each in decoded]) for place in (0, 1))
    boxes = decode_boxes(offsets, anchors(240, 320)) / torch.tensor([320, 240, 320, 240])
    fine = 30 * 40 * 3 + 15 * 20 * 2  # of strides 8 and 16, which divide the height
    assert torch.allclose(boxes[:, :fine], expected[:, :fine], atol=1e-5)
    assert torch.allclose(boxes[..., ::2], expected[..., ::2], atol=1e-5), "x does not differ for the others either"
    assert torch.allclose(boxes[..., 3] - boxes[..., 1], expected[..., 3] - expected[..., 1], atol=1e-5)
    assert torch.allclose(scores.softmax(dim=2), expected_scores, atol=1e-6)


@pytest.mark.parametrize("name", CENTRES)
def test_every_face_of_a_group_is_found_and_nothing_else(name: str, landmarks: FaceLandmarks, shared: Path) -> None:
    photo = to_tensor(read_image(shared / "data" / "faces" / f"{name}.jpg"))
    for scale in (1, 4):  # faces of 200 and of 50 px: one in profile, one under a hand, one tilted
        image = torch.nn.functional.avg_pool2d(photo, scale)
        found = sorted(landmarks.find(image), key=lambda face: face.box[0])
        assert len(found) == 3
        for face, centre in zip(found, CENTRES[name], strict=True):
            x0, y0, x1, y1 = (scale * (side + 0.5) for side in face.box)
            assert abs((x0 + x1) / 2 - centre[0]) < 25 and abs((y0 + y1) / 2 - centre[1]) < 45
            assert 140 < x1 - x0 < 280 and 180 < y1 - y0 < 340
            assert face.score > 0.85 and face.landmarks.shape == (68, 2) and not face.landmarks.is_inference()


def test_the_face_of_each_frame_is_found_with_its_landmarks(landmarks: FaceLandmarks, faces: list[RealFace]) -> None:
    measured = []
    for face in faces:
        found = landmarks.find(to_tensor(read_image(face.file)))
        assert len(found) == 1
        measured.append(errors(found[0].landmarks[None], face.landmarks[None]))
    # Measured on all 161 frames: a median of 6.7 %, a maximum of 13 %; by dlib 6.9 and 41 %.
    assert torch.cat(measured).median() < 0.075 and torch.cat(measured).max() < 0.15


def test_where_there_is_no_face_none_is_found(landmarks: FaceLandmarks) -> None:
    noise = torch.rand(1, 3, 300, 400, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert landmarks.find(noise) == [] and landmarks.find(torch.zeros(1, 3, 40, 3)) == []


def test_landmarks_of_crops_and_their_gradients(landmarks: FaceLandmarks, faces: list[RealFace]) -> None:
    images, truth = crops(faces)
    found = landmarks(images)
    assert errors(found, truth).median() < 0.075
    assert torch.allclose(landmarks(images[3:4]), found[3:4], atol=1e-3), "samples do not depend on each other"
    assert landmarks(images[:0]).shape == (0, 68, 2)
    mirrored = landmarks(images.flip(3))[:, list(MIRRORED)]
    mirrored[..., 0] = images.shape[3] - 1 - mirrored[..., 0]
    assert errors(mirrored, found).median() < 0.01
    one = images[:1].clone().requires_grad_()
    landmarks(one)[0, 48:60, 1].sum().backward()  # the mouth
    assert one.grad is not None
    weight = one.grad.abs().sum(dim=1)[0]
    below, above = weight[96:].sum(), weight[:48].sum()
    assert below > 3 * above, "the lower half of the crop decides where the mouth is"


def test_a_larger_or_shifted_face_is_measured_as_well(landmarks: FaceLandmarks, faces: list[RealFace]) -> None:
    images, truth = crops(faces[:8], 256)
    for left, top, side in ((20, 40, 200), (0, 16, 240)):
        part = images[:, :, top : top + side, left : left + side]
        found = landmarks(part) + torch.tensor([left, top])
        assert errors(found, truth).median() < 0.085


def test_people_are_told_apart(identity: FaceIdentity, shared: Path) -> None:
    faces = [face for face, _ in zip(real_faces(shared), range(60), strict=False)]
    vectors = torch.cat(
        [identity(identity.align(to_tensor(read_image(face.file)), face.landmarks[None])) for face in faces]
    )
    assert torch.allclose(vectors.norm(dim=1), torch.ones(60)) and vectors.shape == (60, 512)
    cosines = vectors @ vectors.T
    pairs = [(a, b, faces[a].person == faces[b].person) for a in range(60) for b in range(a)]
    same = torch.tensor([float(cosines[a, b]) for a, b, equal in pairs if equal])
    other = torch.tensor([float(cosines[a, b]) for a, b, equal in pairs if not equal])
    # Measured on all 161 frames: medians of 0.53 and 0.01, and 98.3 % of pairs are in order.
    assert len(same) >= 15 and same.median() > 0.45 and abs(other.median()) < 0.06
    assert (same[:, None] > other).float().mean() > 0.96


def test_a_large_photo_of_a_face_gives_the_same_identity(identity: FaceIdentity, shared: Path) -> None:
    face = next(real_faces(shared))
    image = to_tensor(read_image(face.file))
    large = torch.nn.functional.interpolate(image, scale_factor=4, mode="bilinear")
    one = identity(identity.align(image, face.landmarks[None]))
    other = identity(identity.align(large, (face.landmarks[None] + 0.5) * 4 - 0.5))
    assert (one * other).sum() > 0.97


def test_gradients_of_an_identity_reach_every_pixel_of_a_large_face(identity: FaceIdentity, shared: Path) -> None:
    face = next(real_faces(shared))
    placement = ffhq_placement(face.landmarks)
    image = to_tensor(extract_crop(read_image(face.file), placement, 1024)).requires_grad_()
    points = torch.from_numpy(placement.to_crop(face.landmarks.numpy(), 1024)).float()[None]
    identity(identity.align(image, points))[0, 0].backward()
    assert image.grad is not None
    inside = image.grad[0, :, 400:700, 400:624].abs().sum(dim=0)
    assert (inside > 0).float().mean() > 0.999
    high = (inside[1:] - inside[:-1]).abs().mean() / inside.mean()
    assert high < 0.5, "neighbouring pixels have similar gradients"


def test_poses_follow_the_nose_and_the_mirror(pose: HeadPose, faces: list[RealFace]) -> None:
    images, truth = crops(faces)
    with torch.no_grad():
        angles = torch.cat([pose(part) for part in images.split(8)])
        mirrored = torch.cat([pose(part) for part in images.flip(3).split(8)])
    assert torch.allclose(mirrored * torch.tensor([-1.0, 1.0, -1.0]), angles, atol=0.05)
    eyes, mouth = truth[:, 36:48].mean(dim=1), truth[:, 48:60].mean(dim=1)
    nose = (truth[:, 30] - eyes) / (mouth - eyes)[:, 1:]

    def correlation(one: torch.Tensor, other: torch.Tensor) -> float:
        return float(torch.corrcoef(torch.stack([one, other]))[0, 1])

    assert correlation(angles[:, 0], nose[:, 0]) < -0.85, "yaw is positive to the left of the image"
    assert correlation(angles[:, 1], nose[:, 1]) < -0.75, "pitch is positive upwards"


def test_a_tilted_photo_has_a_tilted_head(pose: HeadPose, faces: list[RealFace]) -> None:
    upright, clockwise = [], []
    with torch.no_grad():
        for face in faces[:6]:
            image = to_tensor(read_image(face.file))
            centre = ((face.landmarks.amin(dim=0) + face.landmarks.amax(dim=0)) / 2 + 0.5).tolist()
            upright.append(pose(image, face.landmarks[None]))
            middle = torch.tensor(centre) - 0.5
            angle = np.radians(20)
            turn = torch.tensor([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]).float()
            points = (face.landmarks - middle) @ turn + middle
            clockwise.append(pose(rotate(image, -20, expand=False, center=centre), points[None]))
    change = (torch.cat(clockwise) - torch.cat(upright)).median(dim=0).values
    assert change[2] == pytest.approx(20, abs=5) and change[0].abs() < 6
    image = to_tensor(read_image(faces[0].file)).requires_grad_()
    pose(image, faces[0].landmarks[None])[0, 0].backward()
    assert image.grad is not None and image.grad.isfinite().all() and image.grad.abs().sum() > 0


def test_landmarks_of_images_in_half_precision_keep_their_digits(pose: HeadPose, faces: list[RealFace]) -> None:
    image = torch.nn.functional.pad(to_tensor(read_image(faces[0].file)), (3000, 0, 0, 0)).half()
    points = faces[0].landmarks[None] + torch.tensor([3000.0, 0.0])
    with torch.no_grad():
        assert torch.allclose(pose(image, points), pose(image.float(), points), atol=1e-3)


def test_wrong_shapes_are_refused(landmarks: FaceLandmarks, identity: FaceIdentity, pose: HeadPose) -> None:
    for extractor in (landmarks, landmarks.find, identity, pose):
        with pytest.raises(ValueError, match=r"takes images \(N, 3, H, W\)"):
            extractor(torch.zeros(3, 64, 64))
    with pytest.raises(ValueError, match="one image at a time, got 2"):
        landmarks.find(torch.zeros(2, 3, 64, 64))


def test_what_is_registered() -> None:
    registry = i2i.load_registry()
    for name, role in {"identity": "identity", "landmarks": "landmarks", "pose": "pose"}.items():
        entry = registry.entry("extractor", f"faceplugin-{name}")
        assert entry.load().role == role and entry.load().domain == "faces" and not entry.load().default
        assert all(model in registry.entries("model") for model in entry.get("models"))
