"""Pictures and sentences in one space, as in CLIP (Radford et al. 2021), for the few words of the drawn faces.

A sentence is a row of words: runs of letters, in lower case; words that are not in the vocabulary are left out. The
vocabulary lies among the weights, as the bytes of its words, so that a file of weights is whole by itself.

Both towers end in a batch normalisation. Without it all embeddings point the same way at first, and a training of
minutes is over before they have come apart.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import i2i
from i2i.toolkit.weights.state_dicts import load_frozen_network

from .trunk import Trunk

WIDTHS = (32, 48, 96, 144)
"""Channels of the image tower at 32, 16, 8 and 4 pixels."""
SQUEEZED = (8, 24, 48)
"""Channels of the maps at 16, 8 and 4 pixels before they are laid out as one vector."""
PARTS = sum(channels * size * size for channels, size in zip(SQUEEZED, (16, 8, 4), strict=True))
"""Numbers of that vector."""
FEATURES = 128
"""Numbers of an embedding."""
WIDTH, HEADS, LAYERS = 96, 4, 2
"""Of the text tower."""
LENGTH = 48
"""Words that are read of a sentence; those after it are left out."""
START_SCALE, MOST_SCALE = 1 / 0.07, 100.0
"""The inverse temperature at first, and its limit, both as in CLIP (section 2.5)."""
MINOR = "a an and from face head no not of person photo picture portrait the to with without"
"""Words that say little by themselves; the list of what can be said does without them."""


def words_of(sentence: str) -> list[str]:
    """The words of a sentence: runs of letters, in lower case."""
    return re.findall(r"[a-z]+", sentence.lower())


class Attention(nn.Module):
    """One layer of a transformer, normalised first: ``(N, L, 96)`` -> the same."""

    def __init__(self) -> None:
        super().__init__()
        self.norm0, self.norm1 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.queries = nn.Linear(WIDTH, 3 * WIDTH)
        self.joined = nn.Linear(WIDTH, WIDTH)
        self.wide, self.narrow = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, x: Tensor, there: Tensor) -> Tensor:
        """``there (N, L)`` is True for words, False for the padding after them."""
        parts = self.queries(self.norm0(x)).unflatten(2, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = parts.unbind()
        seen = F.scaled_dot_product_attention(query, key, value, attn_mask=there[:, None, None])
        x = x + self.joined(seen.transpose(1, 2).flatten(2))
        y: Tensor = x + self.narrow(F.gelu(self.wide(self.norm1(x))))
        return y


class ImageTower(nn.Module):
    """Pictures ``(N, 3, 64, 64)`` in [-1, 1] -> ``(N, 128)``, not of unit length."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = Trunk(WIDTHS)
        self.squeeze = nn.ModuleList(nn.Conv2d(*each, 1) for each in zip(WIDTHS[1:], SQUEEZED, strict=True))
        self.linear = nn.Linear(PARTS, FEATURES, bias=False)
        self.centre = nn.BatchNorm1d(FEATURES)

    def parts(self, pictures: Tensor) -> Tensor:
        """What is seen where, ``(N, PARTS)``. Not pooled: where something is tells what it is."""
        maps = self.trunk(pictures)
        return torch.cat([F.silu(squeeze(x)).flatten(1) for squeeze, x in zip(self.squeeze, maps, strict=True)], dim=1)

    def joined(self, parts: Tensor) -> Tensor:
        """``(N, PARTS)`` -> ``(N, 128)``."""
        y: Tensor = self.centre(self.linear(parts))
        return y

    def forward(self, pictures: Tensor) -> Tensor:
        return self.joined(self.parts(pictures))


class TextTower(nn.Module):
    """Numbers of words ``(N, L)``, 0 for padding -> ``(N, 128)``, not of unit length; it knows ``size`` words."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(size + 1, WIDTH)
        self.places = nn.Parameter(torch.randn(LENGTH, WIDTH) * 0.1)
        self.layers = nn.ModuleList(Attention() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH)
        self.linear = nn.Linear(WIDTH, FEATURES, bias=False)
        self.centre = nn.BatchNorm1d(FEATURES)

    def forward(self, numbers: Tensor) -> Tensor:
        there = numbers > 0
        x = self.embedding(numbers) + self.places[: numbers.shape[1]]
        for layer in self.layers:
            x = layer(x, there)
        weights = there[..., None].to(x.dtype)
        mean = (self.norm(x) * weights).sum(dim=1) / weights.sum(dim=1)
        y: Tensor = self.centre(self.linear(mean))
        return y


class TextNetwork(nn.Module):
    """Both towers and the temperature.

    Attributes:
        vocabulary: The words it knows, in the order of their numbers, from 1.
    """

    word_bytes: Tensor

    def __init__(self, vocabulary: Sequence[str]) -> None:
        super().__init__()
        self.vocabulary = tuple(vocabulary)
        self._numbers = {word: number for number, word in enumerate(self.vocabulary, start=1)}
        self.image, self.text = ImageTower(), TextTower(len(self.vocabulary))
        self.log_scale = nn.Parameter(torch.tensor(math.log(START_SCALE)))
        letters = list(" ".join(self.vocabulary).encode("ascii"))
        self.register_buffer("word_bytes", torch.tensor(letters, dtype=torch.uint8))

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> TextNetwork:
        """The network whose state dict, in any precision, is ``tensors``; frozen, in evaluation mode, in float32.

        Raises:
            i2i.I2IError: they are another network's.
        """
        letters = tensors.get("word_bytes", torch.zeros(0))
        network = cls(bytes(letters.to(torch.uint8).tolist()).decode("ascii", "replace").split())
        load_frozen_network(network, tensors, "text network of the embedded world", "install the package again")
        return network.requires_grad_(False).eval()

    def images(self, pictures: Tensor) -> Tensor:
        """Pictures ``(N, 3, 64, 64)`` in [-1, 1] -> unit vectors ``(N, 128)``."""
        return F.normalize(self.image(pictures))

    def texts(self, sentences: Sequence[str]) -> Tensor:
        """Sentences -> unit vectors ``(N, 128)``.

        Raises:
            i2i.UsageError: what one says is in no word that is known.
        """
        return F.normalize(self.text(self.read(sentences)))

    def read(self, sentences: Sequence[str]) -> Tensor:
        """Sentences as the numbers of their words, ``(N, L)``, padded with 0, on the network's device.

        Raises:
            i2i.UsageError: what one says is in no word that is known; lists those that are.
        """
        rows, minor = [], MINOR.split()
        for sentence in sentences:
            known = [word for word in words_of(sentence) if word in self._numbers]
            if not known or (self.unknown(sentence) and all(word in minor for word in known)):
                told = ", ".join(word for word in self.vocabulary if word not in minor)
                raise i2i.UsageError(f"The text {sentence!r} has no word that demo-text knows; say it with: {told}.")
            rows.append(torch.tensor([self._numbers[word] for word in known[:LENGTH]]))
        padded = nn.utils.rnn.pad_sequence(rows, batch_first=True) if rows else torch.zeros(0, 1, dtype=torch.long)
        return padded.to(self.log_scale.device)

    def unknown(self, sentence: str) -> list[str]:
        """The words that ``read`` leaves out as they are not in the vocabulary."""
        return [word for word in words_of(sentence) if word not in self._numbers]

    @property
    def scale(self) -> Tensor:
        """What products of unit vectors are multiplied by, the inverse temperature; no dimension."""
        return self.log_scale.exp().clamp(max=MOST_SCALE)
