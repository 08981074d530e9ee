"""Training of ``demo-text``: images and what is said of them, pulled together (Radford et al. 2021, section 2.3).

A short prompt such as "a smiling face" holds for many images of a batch. So the targets of the contrastive loss are
not the diagonal: a prompt goes with every image of which all that it states is true, as in supervised contrastive
learning, where many are right (Khosla et al. 2020). That alone leaves rare attributes untrained, since "no freckles" is
a good guess for any face: so every attribute is asked for by itself as well, with it or without it, and faces that have
it weigh as much as those that have not. Images are moved, blurred, relit and made noisy, so that the gradients by
which they are edited follow what they show.
"""

from __future__ import annotations

import random as plain_random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from i2i_plugins.demo import synthetic_faces
from i2i_plugins.demo.networks.text import FEATURES, PARTS, TextNetwork, words_of
from i2i_plugins.encoder.augmentation import change_light

from .. import pools
from .augmentation import Strengths, moved, moved_points, movements
from .generator import DEFAULTS as GENERATOR
from .loop import fit
from .prompts import Prompts
from .retrieval import retrieval
from .settings import Trained, TrainingSettings

if TYPE_CHECKING:
    from i2i_plugins.demo.extractors.text import DemoText

DEFAULTS = TrainingSettings(steps=4600, batch=64, rate=1.5e-3, images=GENERATOR.images)
CHANGES = Strengths(shift=2.0, scale=0.06, stretch=0.03, turn=5.0, mirror=0.0, blur=0.9, tint=0.03)
"""Left stays left, colours are what captions speak of, and freckles are small."""
CAPTIONS = 0.3
"""The share of texts that are the faces' own captions; the others are prompts."""
TEXTS = 2
"""Texts of each image in a step: they cost little."""
PAIRS, SEEN, VALUES, POINTS, READ = 6.0, 2.0, 4.0, 20.0, 2.0
"""Weights of the losses that go with contrast: attributes told apart by two prompts; attributes, values and landmarks
seen in an image; attributes read in a text."""
RARE = 0.03
"""Attributes that fewer faces have, or lack, weigh no more than those of so many."""
BATCH = 64
"""Images that are processed at a time during evaluation."""


def train(settings: TrainingSettings, say: Callable[[str], None]) -> Trained:
    """Train both towers on synthetic faces.

    Args:
        say: Receives progress messages of one line.
    """
    # As many, of as many latents, as demo-faces learns from: the same name shares the cached pool.
    pool = pools.pool("faces", settings.images, settings.size, of_latents=True, say=say)
    network = learn(synthetic_faces.faces(), pool, settings, say)
    tensors = {key: value.cpu() for key, value in network.state_dict().items() if "num_batches" not in key}
    return Trained(tensors, {"pictures": len(pool), "words": len(tensors["text.embedding.weight"]) - 1})


def learn(faces: Any, pool: pools.Pool, settings: TrainingSettings, say: Callable[[str], None]) -> TextNetwork:
    """Train on a pool.

    Args:
        faces: With ``attributes(values)`` and ``caption(values)``.

    Returns:
        In evaluation mode, frozen.
    """
    say(f"{len(pool)} captions are read first.")
    texts = _Texts(faces, pool)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        learner = _Learner(TextNetwork(texts.vocabulary()), texts.truth.float().mean(dim=0), pool.values.shape[1])
    asked = plain_random.Random(settings.seed)
    learner.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def losses(numbers: Tensor, step: int, random: torch.Generator) -> dict[str, Tensor]:
        movement = movements(len(numbers), CHANGES, random)
        images = change_light(moved(pools.images_of(pool, numbers), movement), CHANGES, random)
        sentences, stated = texts.draw(numbers.repeat(TEXTS), random)
        parts = learner.network.image.parts(images)
        points = moved_points(pool.landmarks[numbers], movement, settings.size) / (settings.size / 2) - 1
        image_features, pairs = learner.network.image.joined(parts), texts.prompts.pairs(asked)
        return {
            "points": POINTS * F.l1_loss(learner.points(parts), points.flatten(1)),
            **learner.losses(image_features, pool.values[numbers], texts.truth[numbers], pairs, sentences, stated),
        }

    trained = fit(learner, len(pool), losses, settings, say).network
    assert isinstance(trained, TextNetwork)
    return trained


class _Learner(nn.Module):
    """The network, and what it needs only to learn: what each tower's numbers tell, by one layer.

    Contrast alone first brings everything into one line, from which it takes thousands of steps to spread. And how far
    up the brows are teaches more than whether they are raised: so the values of a face are asked of its image, and
    its landmarks of what is seen where, for a smile is a pixel or two.
    """

    def __init__(self, network: TextNetwork, shares: Tensor, values: int) -> None:
        """``shares (K,)``: how many of all faces have each attribute; ``values``, the numbers a face is made of."""
        super().__init__()
        self.network, self.shares = network, shares.clamp(RARE, 1 - RARE)
        self.seen, self.values = nn.Linear(FEATURES, len(shares)), nn.Linear(FEATURES, values)
        self.points = nn.Linear(PARTS, 2 * 68)
        self.read = nn.Linear(FEATURES, len(shares))

    def losses(
        self,
        image_features: Tensor,
        values: Tensor,
        truth: Tensor,
        pairs: Sequence[tuple[str, str]],
        sentences: Sequence[str],
        stated: Tensor,
    ) -> dict[str, Tensor]:
        """The losses of a batch.

        Args:
            image_features: ``(N, F)``, what the network makes of images.
            values: Of their faces, ``(N, P)``.
            truth: Their attributes, ``(N, K)`` bool.
            pairs: Two prompts for each attribute: it is there, and it is not.
            sentences: M of them.
            stated: What these state, ``(M, K)`` of -1, 0, 1.
        """
        texts = self.network.text(self.network.read(sentences))
        there, absent = self.network.texts([text for pair in zip(*pairs, strict=True) for text in pair]).chunk(2)
        units, scale = (F.normalize(image_features), F.normalize(texts)), self.network.scale
        logits = scale * units[0] @ (there - absent).T
        weights = balance(truth, self.shares)
        return {
            "contrast": contrast(*units, holds(stated, truth), scale),
            "pairs": PAIRS * F.binary_cross_entropy_with_logits(logits, truth.float(), weights),
            "seen": SEEN * F.binary_cross_entropy_with_logits(self.seen(image_features), truth.float(), weights),
            "values": VALUES * F.mse_loss(self.values(image_features), values),
            "read": READ * F.mse_loss(self.read(texts), stated),
        }


class _Texts:
    """What is true of the faces of a pool, and what is said of them."""

    def __init__(self, faces: Any, pool: pools.Pool) -> None:
        self.attributes = [faces.attributes(values) for values in pool.values]
        self.captions = [faces.caption(values) for values in pool.values]
        self.prompts = Prompts(self.attributes[0])
        self.truth = torch.tensor([[found[name] for name in self.prompts.names] for found in self.attributes])

    def vocabulary(self) -> list[str]:
        """Return every word of the captions and prompts, sorted."""
        return sorted({word for caption in self.captions for word in words_of(caption)} | self.prompts.words())

    def draw(self, numbers: Tensor, random: torch.Generator) -> tuple[list[str], Tensor]:
        """A text for each face, and what it states: ``(N, K)``, 1 for an attribute, -1 for its absence, else 0."""
        rng = plain_random.Random(int(torch.randint(2**31, (1,), generator=random)))
        sentences = []
        stated = torch.zeros(len(numbers), len(self.prompts.names))
        for row, number in enumerate(numbers.tolist()):
            sentence, said = self.captions[number], {}
            if rng.random() < CAPTIONS:
                said = self.prompts.stated(sentence, self.attributes[number])
            if not said:  # a caption of nothing that is known would go with every image
                sentence, said = self.prompts.draw(self.attributes[number], rng)
            sentences.append(sentence)
            for place, name in enumerate(self.prompts.names):
                if name in said:
                    stated[row, place] = 1 if said[name] else -1
        return sentences, stated


def balance(truth: Tensor, shares: Tensor) -> Tensor:
    """Weights ``(N, K)`` by which all faces with an attribute count as much as all without it.

    Args:
        truth: ``(N, K)`` bool.
        shares: How many of all faces have each, ``(K,)``, neither 0 nor 1.
    """
    return 0.5 / torch.where(truth, shares, 1 - shares)


def holds(stated: Tensor, truth: Tensor) -> Tensor:
    """Whether all that a text states is true of an image: ``(M, K)`` of -1, 0, 1 and ``(N, K)`` bool -> ``(M, N)``."""
    signs = truth.to(stated.dtype) * 2 - 1
    return stated @ signs.T == stated.abs().sum(dim=1, keepdim=True)


def contrast(image_features: Tensor, texts: Tensor, match: Tensor, scale: Tensor) -> Tensor:
    """The symmetric contrastive loss with several right answers: 0 where all these are equally likely, and no others.

    Args:
        image_features: ``(N, F)`` unit vectors.
        texts: ``(M, F)`` unit vectors.
        match: ``(M, N)``, which text goes with which image; every row and every column has at least one.
        scale: The inverse temperature.
    """
    logits = scale * texts @ image_features.T
    losses = []
    for dim in (1, 0):  # the right images for a text, and the right texts for an image
        wanted = match.to(logits.dtype) / match.sum(dim=dim, keepdim=True)
        losses.append((torch.xlogy(wanted, wanted) - wanted * logits.log_softmax(dim=dim)).sum(dim=dim).mean())
    return (losses[0] + losses[1]) / 2


@torch.no_grad()
def evaluate(extractor: DemoText, faces: Any, pool: pools.Pool) -> dict[str, float]:
    """Measure on synthetic faces that were never seen.

    Returns:
        ``caption@k`` and ``picture@k``: how often the right caption is among the first k of 100, for an image, and the
        other way round; equal captions are all right. ``accuracy``: how often an image is nearer to the right one of
        two prompts, with an attribute and without it, the mean of both kinds of images, the mean over attributes; and
        ``accuracy/...``, the same of one attribute. Those that all images have, or none, are left out.
    """
    numbers = torch.arange(len(pool)).split(BATCH)
    image_features = torch.cat([extractor.images(pools.images_of(pool, each)) for each in numbers]).cpu()
    attributes = [faces.attributes(values) for values in pool.values]
    captions = [faces.caption(values) for values in pool.values]
    texts = torch.cat(
        [extractor.texts(captions[start : start + BATCH]) for start in range(0, len(captions), BATCH)]
    ).cpu()
    measured = retrieval(image_features, texts, captions)
    prompts, single = Prompts(attributes[0]), {}
    for name in prompts.names:
        truth = torch.tensor([found[name] for found in attributes])
        if truth.any() and not truth.all():
            nearer = (image_features @ extractor.texts(prompts.pair(name)).cpu().T).argmax(dim=1) == 0
            single[f"accuracy/{name}"] = float(nearer[truth].float().mean() + (~nearer[~truth]).float().mean()) / 2
    return {**measured, "accuracy": sum(single.values()) / max(len(single), 1), **single}
