"""CLIP against open_clip's own preparation of images and encoding, on a tiny architecture with random weights."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save_file

import i2i
from i2i.testing import downloaded_path, registered_by
from i2i_plugins.open_clip.extractor import OpenClip
from i2i_plugins.open_clip.model_records import MODEL

open_clip = pytest.importorskip("open_clip", reason="needs the package open_clip_torch")

CPU = i2i.choose_device("cpu", "fp32")
TINY = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 64, "head_width": 32, "patch_size": 8},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}
SENTENCES = ["a smiling face", "a woman with long blond hair", "a face with closed eyes and glasses"]
CLOSE = {"rtol": 1e-4, "atol": 1e-6}
"""The same network computes both, but torch takes other kernels with gradients than without."""


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A CLIP of open_clip's own making, whose architecture the package knows from now on as ``i2i-tiny``."""
    config = tmp_path_factory.mktemp("configs") / "i2i-tiny.json"
    config.write_text(json.dumps(TINY), encoding="utf-8")
    open_clip.add_model_config(config)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = open_clip.CLIP(**TINY).eval()
        for value in made.state_dict().values():
            value.add_(torch.randn_like(value) * 0.05)  # no bias stays 0, no normalisation plain
    return made


@pytest.fixture(scope="module")
def file(network: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "clip.safetensors"
    save_file(network.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def clip(file: Path) -> OpenClip:
    return OpenClip(CPU, file, "i2i-tiny")


def noise(seed: int, *shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def photo(height: int, width: int) -> np.ndarray:
    """A smooth image, uint8, with a hard edge; what a camera might see."""
    y, x = np.mgrid[:height, :width] / max(height, width)
    channels = [np.sin(5 * x + k) * np.cos(4 * y - k) for k in range(3)]
    return np.where((x > 0.5)[..., None], 235, (np.stack(channels, axis=-1) * 120 + 128)).astype(np.uint8)


@pytest.mark.parametrize("size", [(32, 32), (96, 96), (20, 20), (50, 97), (97, 50)])
def test_images_equal_open_clip(clip: OpenClip, network: Any, size) -> None:
    pixels = photo(*size)
    ours = clip.images(torch.from_numpy(pixels).permute(2, 0, 1)[None] / 127.5 - 1)
    seen = open_clip.image_transform(32, is_train=False)(Image.fromarray(pixels))[None]
    with torch.no_grad():
        theirs = network.encode_image(seen, normalize=True)
    assert torch.allclose(ours.norm(dim=1), torch.ones(1))
    # Pillow rounds what it resized to whole levels, which moves the unit vector by 0.001; bilinear interpolation, none
    # of the antialiasing or a shift by one pixel would move it by 0.006 or more.
    assert (ours - theirs).norm() < 0.003


def test_texts_equal_open_clip(clip: OpenClip, network: Any) -> None:
    ours = clip.texts(SENTENCES)
    with torch.no_grad():
        theirs = F.normalize(network.encode_text(open_clip.tokenize(SENTENCES)))
        assert torch.allclose(ours, theirs, **CLOSE)
    assert torch.allclose(clip.texts(SENTENCES[0]), ours[:1], **CLOSE)  # one sentence, not its letters
    assert torch.allclose(clip.texts(tuple(reversed(SENTENCES))), ours.flip(0), **CLOSE)
    assert torch.allclose(clip.texts([SENTENCES[1].upper()]), ours[1:2], **CLOSE)
    assert (ours[0] - ours[1]).norm() > 1e-2 and ours.shape == clip.images(noise(0, 3, 3, 32, 32)).shape


def test_images_have_gradients(clip: OpenClip) -> None:
    sentence, images = clip.texts(SENTENCES[:1]), noise(1, 2, 3, 48, 48).mul(0.8).requires_grad_()
    before = clip.images(images) @ sentence.T
    (gradient,) = torch.autograd.grad(before.sum(), images)
    after = clip.images((images + 0.02 * gradient / gradient.abs().max()).detach()) @ sentence.T
    assert (after > before).all() and not sentence.requires_grad and not after.requires_grad


def test_autocast_has_no_effect(clip: OpenClip) -> None:
    images = noise(2, 1, 3, 40, 40)
    plain = clip.images(images), clip.texts(SENTENCES)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(clip.images(images), plain[0]) and torch.equal(clip.texts(SENTENCES), plain[1])


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 1, 32, 32)])
def test_images_refuse_other_shapes(clip: OpenClip, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="takes images"):
        clip.images(torch.zeros(shape))


def test_loading_is_silent_and_offline(
    file: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something was to be downloaded")

    monkeypatch.setattr("socket.socket.connect", refuse)
    state, handlers = torch.random.get_rng_state(), list(logging.getLogger().handlers)
    OpenClip(CPU, file, "i2i-tiny").texts(SENTENCES)
    assert torch.equal(torch.random.get_rng_state(), state) and logging.getLogger().handlers == handlers
    assert capfd.readouterr() == ("", "")


def test_half_precision_torch_file_is_read(network: Any, tmp_path: Path) -> None:
    halves = {key: value.half() for key, value in network.state_dict().items()}
    halves["logit_scale"] = halves["logit_scale"].reshape(1)
    torch.save({"state_dict": {f"module.{key}": value for key, value in halves.items()}}, tmp_path / "clip.pt")
    ours = OpenClip(CPU, tmp_path / "clip.pt", "i2i-tiny").texts(SENTENCES)
    with torch.no_grad():
        whole = F.normalize(network.encode_text(open_clip.tokenize(SENTENCES)))
    assert ours.dtype == torch.float32
    assert torch.allclose(ours, whole, atol=1e-2)  # weights of 11 bits


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda state: state.pop("visual.proj"), "lacks 'visual.proj'"),
        (lambda state: state.update({"visual.proj": torch.zeros(2, 2)}), "has other shapes in 'visual.proj'"),
        (lambda state: state.update({"head": torch.zeros(2)}), "has the unknown 'head'"),
    ],
)
def test_invalid_file_names_the_tensor(network: Any, change, told: str, tmp_path: Path) -> None:
    state = dict(network.state_dict())
    change(state)
    torch.save(state, tmp_path / "clip.pt")
    with pytest.raises(i2i.I2IError, match=told) as caught:
        OpenClip(CPU, tmp_path / "clip.pt", "i2i-tiny")
    text = str(caught.value)
    assert text.startswith(f"{tmp_path / 'clip.pt'}: the file is no CLIP i2i-tiny") and "\n" not in text
    assert text.endswith("take a state dict of open_clip's i2i-tiny.")


@pytest.mark.parametrize(
    ("architecture", "told"),
    [
        ("ViT-B32", r"has no architecture 'ViT-B32'\. Did you mean 'ViT-B-32'\?"),
        ("xyz", r"has no architecture 'xyz'\. Take 'ViT-B-32'\."),
        ("roberta-ViT-B-32", "downloads parts of the architecture 'roberta-ViT-B-32'"),  # its text tower
        ("convnext_base", "downloads parts of the architecture 'convnext_base'"),  # timm's
        ("ViT-B-16-SigLIP", "downloads parts of the architecture"),  # its tokenizer
    ],
)
def test_unsupported_architectures_are_refused(file: Path, architecture: str, told: str) -> None:
    with pytest.raises(i2i.UsageError, match=told):
        OpenClip(CPU, file, architecture)


def test_missing_weights_name_the_command(file: Path) -> None:
    with pytest.raises(i2i.I2IError, match=r"i2i models fetch clip-vit-b-32', or put the file from .*\.safetensors"):
        OpenClip(CPU)
    downloaded_path(MODEL).write_bytes(file.read_bytes())
    assert OpenClip(CPU, architecture="i2i-tiny").texts(SENTENCES).shape == (3, 24)


def test_missing_package_names_the_extra(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(i2i.I2IError, match=r"run: pip install 'i2i\[clip\]'$"):
        OpenClip(CPU, file)


def test_record_matches_architecture() -> None:
    with torch.device("meta"):
        network = open_clip.CLIP(**open_clip.get_model_config("ViT-B-32"))
    tensors = sum(value.nbytes for value in network.state_dict().values())
    assert MODEL.bytes is not None and 0 < MODEL.bytes - tensors < 50_000  # the file's header
    assert network.visual.image_size == (MODEL.resolution, MODEL.resolution)
    published = open_clip.get_pretrained_cfg("ViT-B-32", "laion2b_s34b_b79k")
    assert f"https://huggingface.co/{published['hf_hub'].strip('/')}/resolve/main/" in MODEL.url
    assert (published["mean"], published["interpolation"]) == (open_clip.OPENAI_DATASET_MEAN, "bicubic")


def test_registered_things() -> None:
    assert registered_by("i2i_plugins.open_clip") == [MODEL, OpenClip]
    assert (OpenClip.name, OpenClip.role, OpenClip.domain, OpenClip.default) == ("open-clip", "text", "any", True)
    assert (MODEL.role, MODEL.domain, MODEL.licence) == ("text", "any", "MIT")
