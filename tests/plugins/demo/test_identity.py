"""The identity network of the embedded world: its extractor, alignment, margin and training."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

import i2i
from i2i_plugins.demo.extractors.alignment import align, three_points
from i2i_plugins.demo.extractors.identity import DemoIdentity
from i2i_plugins.demo.networks.identity import FEATURES, IdentityNetwork
from research.demo.training import identity as training
from research.demo.training.settings import TrainingSettings
from research.demo.training.verification import verify

CPU = i2i.choose_device("cpu", "fp32")
LAYOUT = torch.tensor([[24.0, 30.0], [40.0, 30.0], [32.0, 46.0]])


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(seed: int, *shape: int) -> Tensor:
    return torch.rand(shape, generator=seeded(seed)) * 2 - 1


def landmarks_at(points: Tensor) -> Tensor:
    """``(N, 3, 2)`` -> ``(N, 68, 2)`` with eyes and mouth of some extent there, and the other points anywhere."""
    found = noise(1, len(points), 68, 2) * 50
    for number, part in enumerate((slice(36, 42), slice(42, 48), slice(48, 60))):
        spread = noise(2, 1, part.stop - part.start, 2) * 3
        found[:, part] = points[:, number, None] + spread - spread.mean(dim=1, keepdim=True)
    return found


@pytest.fixture
def extractor(tmp_path: Path) -> DemoIdentity:
    """From a file in half precision, as it is shipped, with normalisations that do something."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = IdentityNetwork().eval()
        for module in network.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                nn.init.uniform_(module.running_var, 0.5, 1.5)
                nn.init.normal_(module.bias, std=0.3)
    network.layout.copy_(LAYOUT)
    state = {key: value.half() for key, value in network.state_dict().items() if "num_batches" not in key}
    save_file(state, tmp_path / "w.safetensors")
    return DemoIdentity(CPU, tmp_path / "w.safetensors")


def test_other_sizes_are_resized_with_antialiasing(extractor: DemoIdentity) -> None:
    images = noise(4, 1, 3, 150, 100)
    small = F.interpolate(images, (64, 64), mode="bilinear", antialias=True)
    assert torch.allclose(extractor(images), extractor(small), atol=1e-5)


def test_gradients_and_autocast(extractor: DemoIdentity) -> None:
    images, landmarks = noise(5, 1, 3, 80, 80).requires_grad_(), landmarks_at(LAYOUT[None] * 80 / 64)
    plain = extractor(extractor.align(images, landmarks))
    plain[:, 0].sum().backward()
    assert images.grad is not None and images.grad.isfinite().all() and (images.grad != 0).float().mean() > 0.5
    assert not any(each.requires_grad for each in extractor._network.parameters())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(extractor(extractor.align(images, landmarks)), plain)


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 1, 64, 64)])
def test_other_shapes_are_refused(extractor: DemoIdentity, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"demo-identity .*\(N, 3, H, W\), got"):
        extractor(torch.zeros(shape))


@pytest.mark.parametrize("shape", [(1, 5, 2), (2, 68, 2), (68, 2)])
def test_align_refuses_other_landmarks(extractor: DemoIdentity, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"landmarks \(N, 68, 2\), got"):
        extractor.align(torch.zeros(1, 3, 64, 64), torch.ones(shape))


def test_other_file_is_refused(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(i2i.I2IError, match=r"other\.safetensors: the file is no demo-identity .*train"):
        DemoIdentity(CPU, tmp_path / "other.safetensors")


@pytest.mark.parametrize(
    ("size", "degrees", "scale", "shift"),
    [
        ((64, 64), 0.0, 1.0, (0.0, 0.0)),
        ((64, 64), 12.0, 0.9, (1.5, -2.0)),
        ((90, 80), -20.0, 1.1, (8.0, 12.0)),
        ((256, 256), 5.0, 4.0, (90.0, 90.0)),
        ((300, 200), -7.0, 3.0, (60.0, 110.0)),
    ],
    ids=["as it is", "turned", "smaller", "256 px", "tall"],
)
def test_align_moves_eyes_and_mouth_onto_layout(
    size: tuple[int, int], degrees: float, scale: float, shift: tuple[float, float]
) -> None:
    angle = math.radians(degrees)
    turn = scale * torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    centre = torch.tensor([31.5, 31.5])
    move = centre + torch.tensor(shift)

    def to_image(points: Tensor) -> Tensor:
        return (points - centre) @ turn.T + move

    y, x = torch.meshgrid(torch.arange(size[0]), torch.arange(size[1]), indexing="ij")
    ramp = torch.stack([x / size[1], y / size[0], (x + y) / sum(size)])[None] * 2 - 1  # tells each place by its colour
    aligned = align(ramp, landmarks_at(to_image(LAYOUT)[None]), LAYOUT)
    across = torch.arange(64.0)
    places = to_image(torch.cartesian_prod(across, across).flip(1)).view(64, 64, 2)
    extent = torch.tensor([size[1], size[0]])
    told = torch.stack([places[..., 0] / size[1], places[..., 1] / size[0], places.sum(dim=2) / sum(size)]) * 2 - 1
    margin = 3 * scale  # resizing mixes what lies at the border
    inside = ((places > margin) & (places < extent - 1 - margin)).all(dim=2)
    assert inside.float().mean() > 0.4
    # Bilinear reading of a ramp is exact; made smaller by no whole number, it is off by a few hundredths of a pixel.
    assert (aligned[0] - told)[:, inside].abs().max() < (1e-4 if size == (64, 64) else 0.04 * 2 / min(size))


def test_align_extends_the_border() -> None:
    image = torch.full((1, 3, 64, 64), 0.5)
    assert torch.allclose(align(image, landmarks_at(LAYOUT[None] + 40), LAYOUT), image[:1])


def test_align_is_per_sample() -> None:
    images = noise(6, 2, 3, 128, 128)
    landmarks = landmarks_at(torch.stack([LAYOUT * 2, LAYOUT * 0.7 + 30]))
    assert torch.allclose(align(images, landmarks, LAYOUT)[1:], align(images[1:], landmarks[1:], LAYOUT), atol=1e-6)


def test_three_points_are_centres() -> None:
    points = torch.tensor([[[10.0, 20.0], [30.0, 20.0], [20.0, 40.0]]])
    assert torch.allclose(three_points(landmarks_at(points)), points, atol=1e-4)


def arc(identities: int = 5) -> training.Arc:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return training.Arc(identities)


@pytest.mark.parametrize("margin", [0.0, 0.2, 0.5])
def test_margin_is_added_to_angle_of_own_identity(margin: float) -> None:
    loss, embeddings, identities = arc(), noise(7, 6, FEATURES) * 3, torch.tensor([0, 1, 2, 3, 4, 0])
    cosines = F.normalize(embeddings.double()) @ F.normalize(loss.weight.detach().double()).T
    angles = cosines.arccos() + margin * F.one_hot(identities, 5)
    plain = F.cross_entropy(training.SCALE * angles.cos(), identities)
    assert loss(embeddings, identities, margin).item() == pytest.approx(plain.item(), rel=1e-5)


def test_loss_decreases_with_angle() -> None:
    loss, margin = arc(2), 0.5
    with torch.no_grad():
        loss.weight.copy_(torch.eye(2, FEATURES))
    angles = torch.linspace(3.14, 0.0, 60)
    rows = torch.zeros(60, FEATURES)
    rows[:, 0], rows[:, 2] = angles.cos(), angles.sin()
    values = [loss(row[None], torch.tensor([0]), margin).item() for row in rows]
    assert all(later < earlier for earlier, later in pairwise(values) if earlier > 1e-4)


def test_margin_schedule() -> None:
    margins = [training.margin_at(step, 100) for step in range(100)]
    first, whole = (round(100 * share) for share in training.RISE)
    assert margins[: first + 1] == [0.0] * (first + 1) and margins[whole:] == [training.MARGIN] * (100 - whole)
    assert margins == sorted(margins)


def test_training_batches_are_seeded_and_varied(one_thread: None, monkeypatch: pytest.MonkeyPatch) -> None:
    landmarks = landmarks_at((LAYOUT + 2)[None].repeat(8, 1, 1))
    images = (noise(10, 8, 3, 64, 64) * 127.5 + 127.5).to(torch.uint8)
    values = noise(11, 4, 6).repeat_interleave(2, 0)
    pool = SimpleNamespace(
        images=images, landmarks=landmarks, values=values, identities=torch.arange(4).repeat_interleave(2) + 5
    )
    monkeypatch.setattr(training.pools, "pool", lambda *arguments, **options: pool)
    monkeypatch.setattr(training.synthetic_faces, "faces", lambda: SimpleNamespace(groups={"identity": slice(0, 4)}))
    settings = TrainingSettings(steps=2, batch=4, rate=1e-3, images=8)
    told: list[str] = []
    one, same = (training.train(settings, told.append) for _ in range(2))
    assert one.facts == {"pictures": 8, "identities": 4}
    assert all(torch.equal(value, same.tensors[key]) for key, value in one.tensors.items())
    assert torch.allclose(one.tensors["layout"], LAYOUT + 2, atol=1e-4)
    assert set(one.tensors) == {
        key for key in IdentityNetwork().state_dict() if not key.endswith("num_batches_tracked")
    }
    assert "arc" in told[-1] and "traits" in told[-1]


def test_evaluation_aligns_by_true_landmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = F.normalize(torch.randn(80, 16, generator=seeded(12)))
    identities = torch.arange(20).repeat_interleave(4)
    pool = SimpleNamespace(images=torch.arange(80), landmarks=torch.rand(80, 68, 2), identities=identities)
    monkeypatch.setattr(training.pools, "images_of", lambda pool, numbers: pool.images[numbers])

    class Known:
        def align(self, images: Tensor, landmarks: Tensor) -> Tensor:
            assert torch.equal(landmarks, pool.landmarks[images])
            return images + 1000

        def __call__(self, images: Tensor) -> Tensor:
            return vectors[images - 1000]

    assert training.evaluate(Known(), pool) == verify(vectors, identities)  # type: ignore[arg-type]
