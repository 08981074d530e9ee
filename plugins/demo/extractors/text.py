"""The text network of the embedded world: drawn faces and what is said of them, in one space."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Tensor

import i2i
from i2i import model_path
from i2i.toolkit.weights.state_dicts import read_state_dict

from ..networks.layers import prepare
from ..networks.text import TextNetwork
from ..records import record


class DemoText(i2i.Extractor):
    """Drawn faces and sentences -> unit vectors; the product of two says how well they go together."""

    name = "demo-text"
    summary = "Drawn faces and sentences in one space, for the words of the drawn faces' captions."
    role: ClassVar[Literal["text"]] = "text"
    domain = "drawn faces"

    vocabulary: tuple[str, ...]
    """The words it knows, in lower case; it passes over others."""

    def __init__(self, device: i2i.Device, path: Path | None = None) -> None:
        """Load the weights that come with i2i, or others of the same network at ``path``.

        Raises:
            i2i.I2IError: the file is not there, cannot be read, or holds something else.
        """
        path = model_path(record(self.name)) if path is None else path
        state = read_state_dict(path)
        try:
            network = TextNetwork.from_tensors(state)
        except i2i.I2IError as error:
            raise i2i.I2IError(f"{path}: {error}") from None
        self.vocabulary = network.vocabulary
        self._network = network.to(torch.device(device), memory_format=torch.channels_last)  # type: ignore[call-overload]

    def images(self, pictures: Tensor) -> Tensor:
        """Pictures -> unit vectors ``(N, 128)``; differentiable, computed in float32 also under autocast.

        Args:
            pictures: ``(N, 3, H, W)`` RGB in [-1, 1]; other sizes than 64 x 64 are resized, with antialiasing.

        Raises:
            ValueError: these are no RGB pictures.
        """
        with torch.autocast(pictures.device.type, enabled=False):
            vectors: Tensor = self._network.images(prepare(pictures, self.name))
        return vectors

    def texts(self, sentences: Sequence[str]) -> Tensor:
        """Sentences -> unit vectors ``(N, 128)``, on the extractor's device, in float32 also under autocast.

        Args:
            sentences: such as ``"a smiling face with glasses"``; words outside of ``vocabulary`` are passed over.

        Raises:
            ValueError: this is one string and not a row of them.
            i2i.UsageError: what a sentence says is in no word that is known; lists those that are.
        """
        if isinstance(sentences, str):
            raise ValueError(f"{self.name} takes a list of sentences, got one string")
        with torch.autocast(self._network.log_scale.device.type, enabled=False):
            vectors: Tensor = self._network.texts(sentences)
        return vectors

    def unknown(self, sentence: str) -> list[str]:
        """The words of a sentence that ``texts`` passes over."""
        words: list[str] = self._network.unknown(sentence)
        return words
