"""CLIP (Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", 2021) as an extractor.

The network is built by the package open_clip_torch, whose import name ``open_clip`` is that of this folder; it is
imported only when it is used. Functions of the package that download are not called: weights come by ``i2i models
fetch``.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

import i2i
from i2i import did_you_mean, model_path
from i2i.toolkit.images.network_inputs import check_rgb
from i2i.toolkit.weights.state_dicts import load_frozen_network, read_state_dict

from .model_records import MODEL

ARCHITECTURE = "ViT-B-32"
_PARTS = frozenset({"embed_dim", "quick_gelu", "vision_cfg", "text_cfg"})
_EXTERNAL = ("hf_", "timm_", "tokenizer")
"""Architectures with settings of these prefixes use networks or tokenizers of other packages, which are downloaded."""


class OpenClip(i2i.Extractor):
    """Embeds images and sentences as unit vectors in one space; the product of two is their similarity (cosine).

    Products of an image and a sentence are about 0.1 to 0.4; only their differences are meaningful.
    """

    name = "open-clip"
    summary = "Images and sentences in one space, by CLIP of open_clip."
    role: ClassVar[Literal["text"]] = "text"
    default = True

    def __init__(self, device: i2i.Device, path: Path | None = None, architecture: str = ARCHITECTURE) -> None:
        """Load the weights of the model ``clip-vit-b-32``, or of another file at ``path``.

        Args:
            architecture: Architecture of the file at ``path``, by its name in open_clip: ``"ViT-B-32"``,
            ``"ViT-L-14"``, ...;
                OpenAI's own weights need ``"ViT-B-32-quickgelu"`` and the like.

        Raises:
            i2i.UsageError: open_clip has no such architecture; the message names similar ones.
            i2i.I2IError: the package or the file is missing, or the file cannot be read or holds another network.
        """
        package = _package()
        place = torch.device(device)
        self._network = _build(package, architecture, model_path(MODEL) if path is None else path).to(place)
        self._tokenize = package.tokenize
        self._mean, self._std = (
            torch.tensor(each, device=place).view(1, 3, 1, 1)
            for each in (package.OPENAI_DATASET_MEAN, package.OPENAI_DATASET_STD)
        )
        size = self._network.visual.image_size
        self.size: int = size[0] if isinstance(size, tuple) else size
        """Height and width of the network's input, pixels."""

    def images(self, images: Tensor) -> Tensor:
        """Embed images as unit vectors ``(N, F)``; differentiable, in float32 even under autocast.

        Args:
            images: ``(N, 3, H, W)`` RGB in [-1, 1]. The shorter side is resized to ``size``, by bicubic interpolation
                with antialiasing, and the longer one is cropped at its centre, as in the training of CLIP.

        Raises:
            ValueError: the shape is not that of RGB images.
        """
        check_rgb(images, self.name)
        with torch.autocast(images.device.type, enabled=False):
            inputs = (self._resize(images.float()) + 1) / 2
            # Bicubic interpolation overshoots at edges; CLIP was trained on images that were clipped.
            return F.normalize(self._network.encode_image((inputs.clamp(0, 1) - self._mean) / self._std))

    def texts(self, sentences: Sequence[str]) -> Tensor:
        """Embed one or more English sentences as unit vectors ``(N, F)``; tokens beyond about 75 are ignored."""
        texts = [sentences] if isinstance(sentences, str) else list(sentences)
        tokens = self._tokenize(texts, context_length=self._network.context_length).to(self._mean.device)
        with torch.autocast(self._mean.device.type, enabled=False):
            return F.normalize(self._network.encode_text(tokens))

    def _resize(self, images: Tensor) -> Tensor:
        """Resize images and crop their centre: ``(N, 3, size, size)``."""
        height, width = images.shape[2:]
        if (short := min(height, width)) != self.size:
            height, width = (self.size * side // short for side in (height, width))
            images = F.interpolate(images, (height, width), mode="bicubic", antialias=True)
        top, left = (round((side - self.size) / 2) for side in (height, width))
        return images[:, :, top : top + self.size, left : left + self.size]


def _package() -> Any:
    """Import the package open_clip.

    Raises:
        i2i.I2IError: it, or what it needs, is not installed.
    """
    try:
        return importlib.import_module("open_clip")
    except ImportError as error:
        raise i2i.I2IError(
            f"The package open_clip_torch, which builds CLIP, cannot be used ({error}); run: pip install 'i2i[clip]'"
        ) from None


def _build(package: Any, architecture: str, path: Path) -> Any:
    """Build the network with the weights of a file, frozen, in evaluation mode, float32, on the CPU."""
    config = _config(package, architecture)
    state = read_state_dict(path)
    with torch.random.fork_rng(devices=[]):  # random initialisation must not change the global generator
        network = package.CLIP(**config)
    # Temperature and bias of the training loss are not used; files store them in different shapes.
    unused = {key: value for key, value in network.state_dict().items() if key.startswith("logit_")}
    state = {key: value for key, value in state.items() if not key.startswith("logit_")} | unused
    try:
        load_frozen_network(network, state, f"CLIP {architecture}", f"take a state dict of open_clip's {architecture}")
    except i2i.I2IError as error:
        raise i2i.I2IError(f"{path}: {error}") from None
    return network.requires_grad_(False).eval()


def _config(package: Any, architecture: str) -> dict[str, Any]:
    """Return the settings of an architecture that can be built without a download.

    Raises:
        i2i.UsageError: there is none of this name.
    """
    config: dict[str, Any] | None = package.get_model_config(architecture)
    if config is not None and _is_plain(config):
        return config
    plain = [name for name in package.list_models() if _is_plain(package.get_model_config(name))]
    fault = "has no architecture" if config is None else "downloads parts of the architecture"
    suggestion = did_you_mean(architecture, plain) or f" Take {ARCHITECTURE!r}."
    raise i2i.UsageError(f"open_clip {fault} {architecture!r}.{suggestion}")


def _is_plain(config: dict[str, Any]) -> bool:
    settings = (*config["vision_cfg"], *config["text_cfg"])
    return config.keys() <= _PARTS and not any(key.startswith(_EXTERNAL) for key in settings)
