"""The goals of an edit: texts as vectors in the common space of texts and images of a text extractor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F

import i2i

if TYPE_CHECKING:
    from torch import Tensor

MIN_CHANGE = 0.2
"""Norm of the change of an image vector below which its loss is scaled down: such a change is invisible."""

MIN_DISTANCE = 1e-3
"""Distance of unit vectors below which texts mean the same; the rest are rounding errors."""


@dataclass(frozen=True)
class TextGoal:
    """One prompt, or several at once."""

    name: str
    """Name for captions."""
    vector: Tensor
    """``(F,)``, of unit length."""
    direction: Tensor | None = None
    """From the text of ``--against`` to the prompt, ``(F,)``, of unit length; None without that option."""

    def similarity(self, vectors: Tensor) -> Tensor:
        """Return cosine similarities ``(N,)`` of image vectors ``(N, F)``, of unit length, to the prompt."""
        return vectors @ self.vector

    def losses(self, vectors: Tensor, initial: Tensor) -> Tensor:
        """Return losses ``(N,)``: 1 - the cosine to the prompt, or of the change of the image to ``direction``.

        Args:
            vectors: Unit vectors ``(N, F)`` of the current images.
            initial: Unit vectors ``(N, F)`` of the images that are edited.

        The directional loss is that of Gal et al., "StyleGAN-NADA" (2022), section 4.1.
        """
        if self.direction is None:
            return 1 - self.similarity(vectors)
        change = vectors - initial
        # The constant keeps the gradient of the root finite where nothing has changed yet.
        length = (change.square().sum(dim=1) + 1e-12).sqrt()
        return 1 - change @ self.direction / length.clamp_min(MIN_CHANGE)


def create_goals(text: Any, prompts: Sequence[str], against: str | None, each: bool) -> list[TextGoal]:
    """Create one goal for every prompt where ``each``, else one for all: the mean of their vectors.

    Args:
        text: An extractor of the role text.

    Raises:
        UsageError: the extractor does not know the text, or a prompt means the same as ``against``.
    """
    vectors = _embed(text, prompts, "--prompt")
    initial = None if against is None else _embed(text, [against], "--against")[0]
    named = [(prompt, vector) for prompt, vector in zip(prompts, vectors, strict=True)]
    if not each:
        named = [(", ".join(prompts), F.normalize(vectors.mean(dim=0), dim=0))]
    for name, vector in named:
        if initial is not None and float((vector - initial).norm()) < MIN_DISTANCE:
            raise i2i.UsageError(
                f"--against {against!r} means the same as the prompt {name!r} to {text.name}; give another text, "
                'such as --against "a face".'
            )
    return [
        TextGoal(name, vector, None if initial is None else F.normalize(vector - initial, dim=0))
        for name, vector in named
    ]


def _embed(text: Any, sentences: Sequence[str], option: str) -> Tensor:
    """Return the vectors of sentences ``(N, F)``; errors name the option that they come from."""
    try:
        with torch.no_grad():
            vectors: Tensor = text.texts(list(sentences))
    except i2i.UsageError as error:
        raise i2i.UsageError(f"{option}: {error}") from None
    return vectors
