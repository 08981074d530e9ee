"""What words ask for, as vectors of the space that a text network has for sentences and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F

import i2i

if TYPE_CHECKING:
    from torch import Tensor

FLOOR = 0.2
"""A change of a picture's vector that is shorter than this counts in part: too small a change shows nothing."""

SAME = 1e-3
"""Between unit vectors: texts that are no farther apart say the same, but for the order of sums."""


@dataclass(frozen=True)
class Goal:
    """One prompt, or several at once."""

    name: str
    """For captions."""
    vector: Tensor
    """``(F,)``, of unit length."""
    way: Tensor | None = None
    """From the words that it is set against, ``(F,)``, of unit length; None without such words."""

    def similarity(self, vectors: Tensor) -> Tensor:
        """How well pictures' unit vectors ``(N, F)`` go with the prompt: cosines ``(N,)``."""
        return vectors @ self.vector

    def losses(self, vectors: Tensor, before: Tensor) -> Tensor:
        """What is to sink, ``(N,)``: 1 - the cosine to the prompt, or of the picture's change to the words' change.

        Args:
            vectors: Unit vectors ``(N, F)`` of the pictures, and
            before: of the pictures that are edited.

        The directional loss is that of Gal et al., "StyleGAN-NADA" (2022), section 4.1.
        """
        if self.way is None:
            return 1 - self.similarity(vectors)
        change = vectors - before
        # Squared and added within the root: where nothing has changed yet, its slope would be infinite.
        length = (change.square().sum(dim=1) + 1e-12).sqrt()
        return 1 - change @ self.way / length.clamp_min(FLOOR)


def goals_of(text: Any, prompts: Sequence[str], against: str | None, each: bool) -> list[Goal]:
    """One goal for every prompt where ``each``, else one for all: the mean of their vectors.

    Args:
        text: An extractor of the role text.

    Raises:
        UsageError: the extractor can make nothing of some words, or takes a goal for what it is set against.
    """
    vectors = _read(text, prompts, "--prompt")
    start = None if against is None else _read(text, [against], "--against")[0]
    named = [(prompt, vector) for prompt, vector in zip(prompts, vectors, strict=True)]
    if not each:
        named = [(", ".join(prompts), F.normalize(vectors.mean(dim=0), dim=0))]
    for name, vector in named:
        if start is not None and float((vector - start).norm()) < SAME:
            raise i2i.UsageError(
                f"--against {against!r} says the same as the prompt {name!r} to {text.name}; give other words, such as "
                '--against "a face".'
            )
    return [Goal(name, vector, None if start is None else F.normalize(vector - start, dim=0)) for name, vector in named]


def _read(text: Any, sentences: Sequence[str], option: str) -> Tensor:
    """Their vectors ``(N, F)``; a complaint names the option that they come from."""
    try:
        with torch.no_grad():
            vectors: Tensor = text.texts(list(sentences))
    except i2i.UsageError as error:
        raise i2i.UsageError(f"{option}: {error}") from None
    return vectors
