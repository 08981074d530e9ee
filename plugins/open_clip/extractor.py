"""CLIP (Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", 2021) as an extractor.

The network is built by the package open_clip_torch, which is called ``open_clip`` like this folder and is imported only
when it is needed. Of that package no function is used that would fetch anything: weights come by ``i2i models fetch``.
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
from i2i.toolkit.weights.state_dicts import load_frozen_network, read_state_dict

from .model_records import MODEL

ARCHITECTURE = "ViT-B-32"
_PARTS = frozenset({"embed_dim", "quick_gelu", "vision_cfg", "text_cfg"})
_FOREIGN = ("hf_", "timm_", "tokenizer")
"""Architectures whose settings begin so are built of other packages' networks or tokenizers, which are downloads."""


class OpenClip(i2i.Extractor):
    """Images and sentences as unit vectors in one space: the product of two is the cosine between them.

    Products of an image and a sentence lie between 0.1 and 0.4 or so: how they differ tells, not how large they are.
    """

    name = "open-clip"
    summary = "Images and sentences in one space, by CLIP of open_clip."
    role: ClassVar[Literal["text"]] = "text"
    default = True

    def __init__(self, device: i2i.Device, path: Path | None = None, architecture: str = ARCHITECTURE) -> None:
        """Load the weights of the model ``clip-vit-b-32``, or of another file at ``path``.

        Args:
            architecture: What the file at ``path`` holds, as open_clip calls it: ``"ViT-B-32"``, ``"ViT-L-14"``, ...;
                OpenAI's own weights need ``"ViT-B-32-quickgelu"`` and the like.

        Raises:
            i2i.UsageError: open_clip has no such architecture; names the nearest.
            i2i.I2IError: the package or the file is not there, or the file cannot be read or holds something else.
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
        """Height and width of the images that the network sees, pixels."""

    def images(self, images: Tensor) -> Tensor:
        """Images -> unit vectors ``(N, F)``; differentiable, in float32 even under autocast.

        Args:
            images: ``(N, 3, H, W)`` RGB in [-1, 1]. Their shorter side is resized to the network's, by bicubic
                interpolation with antialiasing, and of the longer one the middle is seen, as CLIP was trained.

        Raises:
            ValueError: the shape is not that of RGB images.
        """
        if images.ndim != 4 or images.shape[1] != 3:
            raise ValueError(f"open-clip takes images (N, 3, H, W), got {tuple(images.shape)}")
        with torch.autocast(images.device.type, enabled=False):
            seen = (self._middle(images.float()) + 1) / 2
            # Bicubic interpolation overshoots at edges; an image file, which CLIP was trained on, would be clipped.
            return F.normalize(self._network.encode_image((seen.clamp(0, 1) - self._mean) / self._std))

    def texts(self, sentences: Sequence[str]) -> Tensor:
        """Sentences, English, one at least -> unit vectors ``(N, F)``; what lies beyond 75 tokens or so is cut off."""
        chosen = [sentences] if isinstance(sentences, str) else list(sentences)
        tokens = self._tokenize(chosen, context_length=self._network.context_length).to(self._mean.device)
        with torch.autocast(self._mean.device.type, enabled=False):
            return F.normalize(self._network.encode_text(tokens))

    def _middle(self, images: Tensor) -> Tensor:
        """``(N, 3, size, size)``: the images made smaller or larger, and their middle."""
        height, width = images.shape[2:]
        if (short := min(height, width)) != self.size:
            height, width = (self.size * side // short for side in (height, width))
            images = F.interpolate(images, (height, width), mode="bicubic", antialias=True)
        top, left = (round((side - self.size) / 2) for side in (height, width))
        return images[:, :, top : top + self.size, left : left + self.size]


def _package() -> Any:
    """The package open_clip.

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
    """The network with the weights of a file, frozen, in evaluation mode, in float32, on the CPU."""
    config = _config(package, architecture)
    state = read_state_dict(path)
    with torch.random.fork_rng(devices=[]):  # its weights are drawn at first, and not for us to see
        network = package.CLIP(**config)
    # The temperature and the bias of its training's loss, which files keep in different shapes, are of no use here.
    unused = {key: value for key, value in network.state_dict().items() if key.startswith("logit_")}
    state = {key: value for key, value in state.items() if not key.startswith("logit_")} | unused
    try:
        load_frozen_network(network, state, f"CLIP {architecture}", f"take a state dict of open_clip's {architecture}")
    except i2i.I2IError as error:
        raise i2i.I2IError(f"{path}: {error}") from None
    return network.requires_grad_(False).eval()


def _config(package: Any, architecture: str) -> dict[str, Any]:
    """The settings of an architecture that can be built without fetching anything."""
    found: dict[str, Any] | None = package.get_model_config(architecture)
    if found is not None and _is_plain(found):
        return found
    plain = [name for name in package.list_models() if _is_plain(package.get_model_config(name))]
    fault = "has no architecture" if found is None else "fetches parts of the architecture"
    near = did_you_mean(architecture, plain) or f" Take {ARCHITECTURE!r}."
    raise i2i.UsageError(f"open_clip {fault} {architecture!r}.{near}")


def _is_plain(config: dict[str, Any]) -> bool:
    settings = (*config["vision_cfg"], *config["text_cfg"])
    return config.keys() <= _PARTS and not any(key.startswith(_FOREIGN) for key in settings)
