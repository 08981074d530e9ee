"""What a swapped face is held against: the source for who it is, the target for everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F

import i2i
from i2i.toolkit.faces.landmarks import eye_distance
from i2i.toolkit.latents.features import fitting, passes_gradients

from .options import Options
from .people import People, skin, tone
from .region import face_region

if TYPE_CHECKING:
    from torch import Tensor


CELLS = 16
"""Colours are compared as means over so many cells down and across a picture: 64 x 64 pixels at 1024."""


class SwapLoss:
    """N targets, and whom each is to show.

    Attributes:
        targets: ``(N, 3, R, R)`` in [-1, 1].
        points: Their landmarks ``(N, 68, 2)``, pixels.
        region: Where their faces are, ``(N, 1, R, R)``, 1 within and 0 outside.
    """

    def __init__(self, scene: i2i.Scene, options: Options, targets: Tensor, people: People) -> None:
        """Look at the targets; ``people`` are N whom they are to show.

        Raises:
            I2IError: an extractor cannot be opened.
        """
        self.options, self.targets, self.people = options, targets, people
        self.identity, self.landmarks = scene.extractors["identity"], scene.extractors["landmarks"]
        with torch.no_grad():
            self.points: Tensor = self.landmarks(targets)
            self.eyes = eye_distance(self.points)
            self.region = face_region(self.points, targets.shape[3], options.grow, options.feather)
            self.seen = 1 - (1 - options.inside) * self.region
            self.perceptual: Any = scene.extractors["perceptual"] if options.lpips_weight else None
            self.features = self.perceptual.features(fitting(targets)) if self.perceptual is not None else {}
            self.colours = self._colours() if options.colour_weight else None
        # Where it is no network it cannot hold landmarks in place.
        self.follows = bool(options.landmarks_weight) and passes_gradients(self.landmarks, targets[:1])

    def shown(self, pictures: Tensor) -> Tensor:
        """What the generator made, ``(N, 3, R, R)``, with what lies outside the face as in the target."""
        return self.targets + self.region * (pictures - self.targets) if self.options.background else pictures

    def terms(self, pictures: Tensor) -> dict[str, Tensor]:
        """Each term of the loss, weighed: ``(N,)`` by its name.

        * ``identity``: 1 - cosine to the source, of the face as it is shown, cut out along its landmarks.
        * ``rec``, ``lpips``: mean squared difference of pixels and perceptual distance to the target. Of a change
          within the face they see the share ``inside``.
        * ``landmarks``: the mean squared way of the landmarks, in eye distances.
        * ``colour``: the mean squared difference, cell by cell of the face, to the target's colours in the tone of the
          source's skin: an identity network sees people in colours that no skin has.
        """
        options, found = self.options, {}
        change = self.seen * (pictures - self.targets)
        if options.rec_weight:
            found["rec"] = options.rec_weight * change.square().mean(dim=(1, 2, 3))
        if self.perceptual is not None:
            features = self.perceptual.features(fitting(self.targets + change))
            found["lpips"] = options.lpips_weight * self.perceptual.compare(features, self.features)
        shown = self.shown(pictures)
        points = self.landmarks(shown) if self.follows else self.points
        if self.follows:
            found["landmarks"] = options.landmarks_weight * self.away(points).square().mean(dim=1)
        if self.colours is not None:
            wanted, weights = self.colours
            apart = (F.adaptive_avg_pool2d(shown, CELLS) - wanted).square().mean(dim=1, keepdim=True)
            found["colour"] = options.colour_weight * (weights * apart).sum(dim=(1, 2, 3))
        vectors = self.identity(self.identity.align(shown, points.detach()))
        found["identity"] = options.arcface_weight * (1 - (vectors * self.people.vectors).sum(dim=1))
        return found

    def _colours(self) -> tuple[Tensor, Tensor]:
        """The colours that are wanted, ``(N, 3, CELLS, CELLS)``, and the weight of each cell, ``(N, 1, CELLS, CELLS)``.

        The skin gets the source's mean colour, and what differs from the mean in the target goes on to: its light.
        """
        side = self.targets.shape[3]
        shift = self.people.tones - tone(self.targets, skin(self.points, side))
        faded = skin(self.points, side, self.options.feather)
        wanted = (self.targets + faded * shift[:, :, None, None]).clamp(-1, 1)
        weights = F.adaptive_avg_pool2d(skin(self.points, side), CELLS)
        return F.adaptive_avg_pool2d(wanted, CELLS), weights / weights.sum(dim=(2, 3), keepdim=True).clamp_min(1e-6)

    def away(self, points: Tensor) -> Tensor:
        """How far landmarks ``(N, 68, 2)`` lie from the target's, in eye distances: ``(N, 68)``."""
        # Added within the root: where nothing has moved its slope would be infinite.
        squares = (points - self.points).square().sum(dim=2) + 1e-12
        return squares.sqrt() / self.eyes[:, None]
