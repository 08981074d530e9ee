"""The extractor ``demo-text``: synthetic faces and sentences about them in one embedding space."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Tensor

import i2i
from i2i import model_path
from i2i.toolkit.images.network_inputs import prepare_images
from i2i.toolkit.weights.state_dicts import read_state_dict

from ..model_records import record
from ..networks.layers import SIZE
from ..networks.text import TextNetwork


class DemoText(i2i.Extractor):
    """Embeds synthetic faces and sentences as unit vectors; the product of two is their similarity (cosine)."""

    name = "demo-text"
    summary = "Embeds synthetic faces and English sentences in one space; knows the words of their captions."
    role: ClassVar[Literal["text"]] = "text"
    domain = "synthetic faces"

    vocabulary: tuple[str, ...]
    """Known words, in lower case; other words are ignored."""

    def __init__(self, device: i2i.Device, path: Path | None = None) -> None:
        """Load the built-in weights, or others of the same network at ``path``.

        Raises:
            i2i.I2IError: the file is missing, cannot be read, or holds another network.
        """
        path = model_path(record(self.name)) if path is None else path
        state = read_state_dict(path)
        try:
            network = TextNetwork.from_tensors(state)
        except i2i.I2IError as error:
            raise i2i.I2IError(f"{path}: {error}") from None
        self.vocabulary = network.vocabulary
        self._network = network.to(torch.device(device), memory_format=torch.channels_last)  # type: ignore[call-overload]

    def images(self, images: Tensor) -> Tensor:
        """Embed images as unit vectors ``(N, 128)``; differentiable, in float32 even under autocast.

        Args:
            images: ``(N, 3, H, W)`` RGB in [-1, 1]; resized to 64 x 64 with antialiasing.

        Raises:
            ValueError: the shape is not that of RGB images.
        """
        with torch.autocast(images.device.type, enabled=False):
            vectors: Tensor = self._network.images(prepare_images(images, SIZE, self.name))
        return vectors

    def texts(self, sentences: Sequence[str]) -> Tensor:
        """Embed sentences as unit vectors ``(N, 128)``, on the extractor's device, in float32 even under autocast.

        Args:
            sentences: such as ``"a smiling face with glasses"``; words outside ``vocabulary`` are ignored.

        Raises:
            ValueError: ``sentences`` is a string.
            i2i.UsageError: a sentence has no known word that matters; the message lists them.
        """
        if isinstance(sentences, str):
            raise ValueError(f"{self.name} takes a list of sentences, got one string")
        with torch.autocast(self._network.log_scale.device.type, enabled=False):
            vectors: Tensor = self._network.texts(sentences)
        return vectors

    def unknown(self, sentence: str) -> list[str]:
        """Return the words of a sentence that ``texts`` ignores."""
        words: list[str] = self._network.unknown(sentence)
        return words
