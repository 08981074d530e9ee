"""ArcFace against the recorded answers of InsightFace's network, and its alignment against arithmetic."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save_file

import i2i
from i2i.testing import downloaded_path, registered_by
from i2i.toolkit.faces.five_points import face_template
from i2i_plugins.arcface.extractor import ArcFace, read_arcface
from i2i_plugins.arcface.model_records import MODEL
from i2i_plugins.arcface.network import IResNet

State = dict[str, torch.Tensor]
IRESNET50 = (3, 4, 14, 3)
RELATIVE = 1e-4
"""Two float32 implementations differ by the order of their sums (about 2e-6 here); ten times more is a fault."""


def tiny(blocks: tuple[int, ...] = (2, 1, 1, 1), seed: int = 0) -> tuple[IResNet, State]:
    """A narrow network with normalisations that do something, and its state dict."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = IResNet(blocks, width=8, features=16).eval()
        for key, value in network.state_dict().items():
            if value.is_floating_point() and value.ndim == 1:
                value.copy_(torch.rand_like(value) + 0.5 if key.endswith("var") else torch.randn_like(value))
    return network, network.state_dict()


def noise(seed: int, *shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.fixture(scope="module")
def weights(reference: Path) -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(reference))
        import weights

        return weights


@pytest.fixture
def arcface(tmp_path: Path) -> ArcFace:
    torch.save(tiny()[1], tmp_path / "backbone.pth")
    return ArcFace(i2i.choose_device("cpu", "fp32"), tmp_path / "backbone.pth")


def test_network_equals_reference(reference: Path, weights: ModuleType) -> None:
    with safe_open(reference / "arcface_r50.safetensors", "pt") as stream:
        theirs, seed = stream.get_tensor("embedding"), int(stream.metadata()["seed"])
    with torch.device("meta"):
        shapes = IResNet(IRESNET50).state_dict()
    state = {key: weights.weight(key, tuple(value.shape), False) for key, value in shapes.items()}
    network = read_arcface({key: value for key, value in state.items() if value is not None})
    images = weights.noise(seed, 2, 3, 112, 112).clamp(-1, 1)
    with torch.no_grad():
        for ours in (network(images), network.fold()(images)):
            assert (ours - theirs).abs().max() <= RELATIVE * theirs.abs().max()


@pytest.mark.parametrize("blocks", [(2, 2, 2, 2), (3, 4, 6, 3), (3, 13, 30, 3)], ids=["18", "34", "100"])
def test_block_count_follows_tensor_names(blocks: tuple[int, ...]) -> None:
    (network, state), images = tiny(blocks), noise(1, 1, 3, 112, 112)
    found = read_arcface(state)
    with torch.no_grad():
        assert torch.equal(found(images), network(images))
    assert not found.training and not any(each.requires_grad for each in found.parameters())


def test_half_precision_and_missing_counters_are_read() -> None:
    network, state = tiny()
    halves = {key: value.half() for key, value in state.items() if not key.endswith("num_batches_tracked")}
    images = noise(1, 1, 3, 112, 112)
    with torch.no_grad():
        ours, whole = read_arcface(halves)(images), network(images)
    assert ours.dtype == torch.float32
    assert (ours - whole).abs().max() <= 1e-2 * whole.abs().max()  # weights of 11 bits


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda state: state.pop("layer2.0.bn1.weight"), "lacks 'layer2.0.bn1.weight'"),
        (lambda state: state.update({"head.weight": torch.zeros(2)}), "has the unknown 'head.weight'"),
        (lambda state: state.update({"fc.weight": torch.zeros(16, 5)}), "has other shapes in 'fc.weight'"),
        (lambda state: [state.pop(key) for key in list(state) if "layer1.0.bn" in key], r"'layer1\.0.* and \d+ more"),
        (lambda state: state.pop("conv1.weight"), "which has 'conv1.weight'"),
        (lambda state: [state.pop(key) for key in list(state) if key.startswith("layer4")], "to 'layer4.0'"),
        (lambda state: state.update({"layer1.1000000000.bn1.weight": torch.zeros(8)}), "lacks 'layer1.2.bn1.bias'"),
    ],
)
def test_invalid_file_names_the_tensor(change, told: str, tmp_path: Path) -> None:
    state = tiny()[1]
    change(state)
    torch.save(state, tmp_path / "net.pth")
    with pytest.raises(i2i.I2IError, match=told) as caught:
        ArcFace(i2i.choose_device("cpu", "fp32"), tmp_path / "net.pth")
    text = str(caught.value)
    assert text.startswith(f"{tmp_path / 'net.pth'}: the file is no ArcFace network") and text.endswith(
        "arcface_torch."
    )
    assert "\n" not in text


def test_embeddings_are_normalised_outputs(arcface: ArcFace) -> None:
    images = noise(2, 3, 3, 112, 112)
    with torch.no_grad():
        whole = F.normalize(tiny()[0](images))
        assert torch.allclose(arcface(images), whole, atol=1e-5)  # folded: other roundings
        small = F.interpolate(noise(3, 1, 3, 200, 200), (112, 112), mode="bilinear", antialias=True)
        assert torch.allclose(arcface(noise(3, 1, 3, 200, 200)), arcface(small), atol=1e-6)
    assert torch.allclose(whole.norm(dim=1), torch.ones(3))


def test_embeddings_have_gradients(arcface: ArcFace) -> None:
    target = arcface(noise(4, 1, 3, 112, 112))
    images = noise(5, 1, 3, 160, 160).requires_grad_()
    before = (arcface(images) * target).sum()
    (gradient,) = torch.autograd.grad(before, images)
    with torch.no_grad():
        closer = (arcface(images + 0.02 * gradient / gradient.abs().max()) * target).sum()
    assert closer > before and not target.requires_grad


def test_autocast_has_no_effect(arcface: ArcFace) -> None:
    images = noise(6, 1, 3, 112, 112)
    plain = arcface(images)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(arcface(images), plain)


@pytest.mark.parametrize("shape", [(3, 112, 112), (1, 1, 112, 112)])
def test_other_shapes_are_refused(arcface: ArcFace, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="takes images"):
        arcface(torch.zeros(shape))


def test_missing_weights_name_the_command() -> None:
    with pytest.raises(i2i.I2IError, match="i2i models fetch arcface-r50"):
        ArcFace(i2i.choose_device("cpu", "fp32"))
    torch.save(tiny()[1], downloaded_path(MODEL))
    assert ArcFace(i2i.choose_device("cpu", "fp32"))(noise(7, 1, 3, 112, 112)).shape == (1, 16)


def test_load_network_and_safetensors(tmp_path: Path) -> None:
    save_file(tiny()[1], tmp_path / "backbone.safetensors")
    network, images = i2i.load_network(tmp_path / "backbone.safetensors", kind="arcface"), noise(7, 1, 3, 112, 112)
    arcface = ArcFace(i2i.choose_device("cpu", "fp32"), tmp_path / "backbone.safetensors")
    assert torch.allclose(arcface(images), F.normalize(network(images)), atol=1e-5)


def test_align_keeps_aligned_face(arcface: ArcFace) -> None:
    face = noise(11, 1, 3, 112, 112).requires_grad_()
    aligned = arcface.align(face, face_template()[None])
    assert torch.allclose(aligned, face, atol=1e-3)  # noise turns the rounding of places into differences
    (gradient,) = torch.autograd.grad(arcface(aligned).sum(), face)
    assert gradient.abs().min(dim=1).values.count_nonzero() > 0.99 * 112 * 112


def test_registered_things() -> None:
    assert registered_by("i2i_plugins.arcface") == [MODEL, ArcFace]
    assert (ArcFace.name, ArcFace.role, list(ArcFace.kinds)) == ("arcface", "identity", ["arcface"])
    assert MODEL.role == "identity" and MODEL.url.endswith(".pth") and "non-commercial" in MODEL.licence
