"""Images and sentences in one space, as in CLIP (Radford et al. 2021), for the words in captions of synthetic faces.

A sentence is a sequence of words: runs of letters, in lower case; words that are not in the vocabulary are ignored. The
vocabulary is stored with the weights, as the bytes of its words.

Both towers end in a batch normalisation. Without it all embeddings are initially almost parallel, and a training of a
few minutes ends before they have separated.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import i2i
from i2i.toolkit.latents.encoder_network import ImageTrunk
from i2i.toolkit.weights.state_dicts import load_frozen_network

WIDTHS = (32, 48, 96, 144)
"""Channels of the image tower at 32, 16, 8 and 4 pixels."""
SQUEEZED = (8, 24, 48)
"""Channels of the feature maps at 16, 8 and 4 pixels before they are flattened."""
PARTS = sum(channels * size * size for channels, size in zip(SQUEEZED, (16, 8, 4), strict=True))
"""Length of the flattened vector."""
FEATURES = 128
"""Length of an embedding."""
WIDTH, HEADS, LAYERS = 96, 4, 2
"""Width, attention heads and layers of the text tower."""
LENGTH = 48
"""Largest number of words of a sentence; further words are ignored."""
START_SCALE, MOST_SCALE = 1 / 0.07, 100.0
"""Initial inverse temperature and its limit, as in CLIP (section 2.5)."""
MINOR = "a an and from face head no not of person photo image portrait the to with without"
"""Words that mean little alone; messages that list known words leave them out."""


def words_of(sentence: str) -> list[str]:
    """Split a sentence into words: runs of letters, in lower case."""
    return re.findall(r"[a-z]+", sentence.lower())


class TransformerLayer(nn.Module):
    """One layer of a transformer, normalised first: ``(N, L, 96)`` -> the same."""

    def __init__(self) -> None:
        super().__init__()
        self.norm0, self.norm1 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.queries = nn.Linear(WIDTH, 3 * WIDTH)
        self.joined = nn.Linear(WIDTH, WIDTH)
        self.wide, self.narrow = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Encode words; ``mask (N, L)`` is True for words, False for padding."""
        parts = self.queries(self.norm0(x)).unflatten(2, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = parts.unbind()
        seen = F.scaled_dot_product_attention(query, key, value, attn_mask=mask[:, None, None])
        x = x + self.joined(seen.transpose(1, 2).flatten(2))
        y: Tensor = x + self.narrow(F.gelu(self.wide(self.norm1(x))))
        return y


class ImageTower(nn.Module):
    """Images ``(N, 3, 64, 64)`` in [-1, 1] -> ``(N, 128)``, not of unit length."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = ImageTrunk(WIDTHS)
        self.squeeze = nn.ModuleList(nn.Conv2d(*each, 1) for each in zip(WIDTHS[1:], SQUEEZED, strict=True))
        self.linear = nn.Linear(PARTS, FEATURES, bias=False)
        self.centre = nn.BatchNorm1d(FEATURES)

    def parts(self, images: Tensor) -> Tensor:
        """Compute flattened features ``(N, PARTS)``; not pooled, as positions matter."""
        maps = self.trunk(images)
        return torch.cat([F.silu(squeeze(x)).flatten(1) for squeeze, x in zip(self.squeeze, maps, strict=True)], dim=1)

    def joined(self, parts: Tensor) -> Tensor:
        """``(N, PARTS)`` -> ``(N, 128)``."""
        y: Tensor = self.centre(self.linear(parts))
        return y

    def forward(self, images: Tensor) -> Tensor:
        return self.joined(self.parts(images))


class TextTower(nn.Module):
    """Word indices ``(N, L)``, 0 for padding -> ``(N, 128)``, not of unit length; ``size`` is the vocabulary's."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(size + 1, WIDTH)
        self.places = nn.Parameter(torch.randn(LENGTH, WIDTH) * 0.1)
        self.layers = nn.ModuleList(TransformerLayer() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH)
        self.linear = nn.Linear(WIDTH, FEATURES, bias=False)
        self.centre = nn.BatchNorm1d(FEATURES)

    def forward(self, numbers: Tensor) -> Tensor:
        mask = numbers > 0
        x = self.embedding(numbers) + self.places[: numbers.shape[1]]
        for layer in self.layers:
            x = layer(x, mask)
        weights = mask[..., None].to(x.dtype)
        mean = (self.norm(x) * weights).sum(dim=1) / weights.sum(dim=1)
        y: Tensor = self.centre(self.linear(mean))
        return y


class TextNetwork(nn.Module):
    """Both towers and the temperature.

    Attributes:
        vocabulary: Known words, in the order of their indices, from 1.
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
        """Build the network whose state dict, in any precision, is ``tensors``; frozen, in evaluation mode, float32.

        Raises:
            i2i.I2IError: the tensors are those of another network.
        """
        letters = tensors.get("word_bytes", torch.zeros(0))
        network = cls(bytes(letters.to(torch.uint8).tolist()).decode("ascii", "replace").split())
        load_frozen_network(network, tensors, "text network of the demo networks", "install the package again")
        return network.requires_grad_(False).eval()

    def images(self, images: Tensor) -> Tensor:
        """Images ``(N, 3, 64, 64)`` in [-1, 1] -> unit vectors ``(N, 128)``."""
        return F.normalize(self.image(images))

    def texts(self, sentences: Sequence[str]) -> Tensor:
        """Sentences -> unit vectors ``(N, 128)``.

        Raises:
            i2i.UsageError: a sentence has no known word that matters.
        """
        return F.normalize(self.text(self.read(sentences)))

    def read(self, sentences: Sequence[str]) -> Tensor:
        """Convert sentences to word indices ``(N, L)``, padded with 0, on the network's device.

        Raises:
            i2i.UsageError: a sentence has no known word that matters; the message lists them.
        """
        rows, minor = [], MINOR.split()
        for sentence in sentences:
            known = [word for word in words_of(sentence) if word in self._numbers]
            if not known or (self.unknown(sentence) and all(word in minor for word in known)):
                known_words = ", ".join(word for word in self.vocabulary if word not in minor)
                raise i2i.UsageError(f"The text {sentence!r} has no word that demo-text knows; use: {known_words}.")
            rows.append(torch.tensor([self._numbers[word] for word in known[:LENGTH]]))
        padded = nn.utils.rnn.pad_sequence(rows, batch_first=True) if rows else torch.zeros(0, 1, dtype=torch.long)
        return padded.to(self.log_scale.device)

    def unknown(self, sentence: str) -> list[str]:
        """Return the words of a sentence that are not in the vocabulary."""
        return [word for word in words_of(sentence) if word not in self._numbers]

    @property
    def scale(self) -> Tensor:
        """The inverse temperature, a scalar: the factor of products of unit vectors."""
        return self.log_scale.exp().clamp(max=MOST_SCALE)
