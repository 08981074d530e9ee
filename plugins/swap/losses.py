"""The loss of a swap: identity of the source; pixels, features, landmarks and light of the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

import i2i
from i2i.toolkit.faces.landmarks import eye_distance
from i2i.toolkit.latents.features import passes_gradients, resize_for_features

from .faces import FOREHEAD, SMALL_FOREHEAD, People, apply_gains, face_region, skin_region, tone_gains
from .options import MIN_RESOLUTION, SwapOptions

if TYPE_CHECKING:
    from torch import Tensor


CELLS = 16
"""Cells along either axis in which colours are averaged: 64 x 64 pixels at 1024 px."""


class SwapLoss:
    """The loss terms of N targets, each with its source.

    Attributes:
        targets: ``(N, 3, R, R)`` in [-1, 1].
        points: Landmarks of the targets ``(N, 68, 2)``, pixels.
        region: Regions of their faces that are shown, ``(N, 1, R, R)``, 1 inside and 0 outside.
        inner: The parts of them in which changes count less, likewise.
    """

    def __init__(self, scene: i2i.Scene, options: SwapOptions, targets: Tensor, people: People) -> None:
        """Read the targets ``(N, 3, R, R)``; ``people`` are the N sources.

        Raises:
            I2IError: an extractor cannot be opened.
        """
        self.options, self.targets, self.people = options, targets, people
        self.identity, self.landmarks = scene.extractors["identity"], scene.extractors["landmarks"]
        with torch.no_grad():
            self.points: Tensor = self.landmarks(targets)
            self.eyes = eye_distance(self.points)
            side = targets.shape[3]
            low, high = (0.0, FOREHEAD) if side >= MIN_RESOLUTION else (SMALL_FOREHEAD, SMALL_FOREHEAD)
            self.region = face_region(self.points, side, options.grow, options.feather, high)
            # Above the brows the target is kept: its hair, and the forehead that fits to it.
            self.inner = face_region(self.points, side, options.grow, options.feather, low)
            self.weight_map = 1 - (1 - options.inside) * self.inner
            self.perceptual: i2i.PerceptualExtractor | None = (
                scene.extractors["perceptual"] if options.lpips_weight else None
            )
            self.features = (
                self.perceptual.features(resize_for_features(targets)) if self.perceptual is not None else {}
            )
            self.colours = self._colours() if options.colour_weight else None
            self.tones = people.tones if options.skin == "source" else None
            self.gains = None if self.tones is None else tone_gains(targets, self.points, self.tones)
        # Without gradients there is no landmark term.
        self.follows = bool(options.landmarks_weight) and passes_gradients(self.landmarks, targets[:1])

    def shown(self, images: Tensor) -> Tensor:
        """Return rendered images ``(N, 3, R, R)`` as shown: with the background of the target, where it is kept."""
        return self.targets + self.region * (images - self.targets) if self.options.background else images

    def finished(self, images: Tensor) -> Tensor:
        """Return rendered images ``(N, 3, R, R)`` as ``shown``, in the skin tone that the options choose."""
        shown = self.shown(images).clamp(-1, 1)
        if self.tones is None:
            return shown
        return apply_gains(shown, tone_gains(shown, self.landmarks(shown), self.tones))

    def terms(self, images: Tensor) -> dict[str, Tensor]:
        """Return the weighted terms of the loss by name, each ``(N,)``.

        * ``identity``: 1 - the cosine similarity to the source, of the shown face in its tone, aligned by landmarks.
        * ``rec``, ``lpips``: mean squared difference of pixels and perceptual distance to the target. Changes inside
          the face are scaled by the option ``inside``.
        * ``landmarks``: mean squared displacement of the landmarks, in eye distances.
        * ``colour``: mean squared difference to the target, cell by cell of the face: an identity network also
          recognises people in unnatural colours and light.
        """
        options, terms = self.options, {}
        change = self.weight_map * (images - self.targets)
        if options.rec_weight:
            terms["rec"] = options.rec_weight * change.square().mean(dim=(1, 2, 3))
        if self.perceptual is not None:
            features = self.perceptual.features(resize_for_features(self.targets + change))
            terms["lpips"] = options.lpips_weight * self.perceptual.compare(features, self.features)
        shown = self.shown(images)
        points = self.landmarks(shown) if self.follows else self.points
        if self.follows:
            terms["landmarks"] = options.landmarks_weight * self.displacements(points).square().mean(dim=1)
        if self.colours is not None:
            colours, weights = self.colours
            squares = (F.adaptive_avg_pool2d(shown, CELLS) - colours).square().mean(dim=1, keepdim=True)
            terms["colour"] = options.colour_weight * (weights * squares).sum(dim=(1, 2, 3))
        toned = shown if self.gains is None else apply_gains(shown, self.gains)
        terms["identity"] = options.arcface_weight * (1 - self.similarities(toned, points.detach()))
        return terms

    def similarities(self, images: Tensor, points: Tensor) -> Tensor:
        """Return cosines ``(N,)`` of faces to their sources; images ``(N, 3, R, R)``, landmarks ``(N, 68, 2)``."""
        vectors = self.identity(self.identity.align(images, points))
        cosines: Tensor = (vectors * self.people.vectors).sum(dim=1)
        return cosines

    def _colours(self) -> tuple[Tensor, Tensor]:
        """Return the target colours ``(N, 3, CELLS, CELLS)`` and the weight of each cell ``(N, 1, CELLS, CELLS)``."""
        weights = F.adaptive_avg_pool2d(skin_region(self.points, self.targets.shape[3]), CELLS)
        return F.adaptive_avg_pool2d(self.targets, CELLS), weights / weights.sum(dim=(2, 3), keepdim=True).clamp_min(
            1e-6
        )

    def displacements(self, points: Tensor) -> Tensor:
        """Return distances of landmarks ``(N, 68, 2)`` to those of the target, in eye distances: ``(N, 68)``."""
        # The constant keeps the gradient of the root finite where nothing has moved.
        squares = (points - self.points).square().sum(dim=2) + 1e-12
        return squares.sqrt() / self.eyes[:, None]
