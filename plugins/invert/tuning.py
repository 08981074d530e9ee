"""Pivotal tuning (Roich et al. 2021): the generator's weights learn one photo around the latent that was found."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

import i2i

from .aiming import Aim, draw
from .inversion import Counter, Reconstruction
from .methods import ENDS, Method, Tuning
from .spaces import classes, seeded

if TYPE_CHECKING:
    from torch import Tensor

FARTHEST = 0.7
"""How far from the pivot the neighbours lie that are to keep their pictures, in the spread of all w over all rows: the
30 of the paper for the generator of faces at 1024 px."""
TRUNCATION = 0.5
"""Of the samples towards which those neighbours lie."""


def tune(
    scene: i2i.Scene, method: Method, pivot: Reconstruction, target: Tensor, counter: Counter, every: int = 0
) -> Reconstruction:
    """The inversion with changes of weights, as a file will give them back.

    Args:
        target: ``(1, 3, R, R)`` in [-1, 1].
        every: Steps between the frames that are kept; 0 keeps none.

    Raises:
        I2IError: the generator cannot be tuned.
    """
    assert method.tuning is not None
    begun = time.perf_counter()
    learner = Learner(scene, method, method.tuning, pivot.latent, target)
    frames = list(pivot.frames)
    for step in range(method.tuning.steps + 1):
        last = step == method.tuning.steps or scene.cancelled
        with torch.set_grad_enabled(not last):
            picture = learner.look()
        if every and step and step % every == 0:
            frames.append(picture.detach().clamp(-1, 1).cpu())
        if last or learner.arrived:
            break
        learner.move()
        counter.tell(step + 1, learner.losses[-1])
    latent = learner.latent()
    with torch.no_grad():
        tuned = scene.generator.tuned(latent.changes)
        drawn = draw(tuned, latent.w, latent.noise).clamp(-1, 1)
    return replace(
        pivot,
        latent=latent,
        picture=drawn,
        steps=pivot.steps + len(learner.losses) - 1,
        seconds=pivot.seconds + time.perf_counter() - begun,
        tuned=learner.losses,
        loss=learner.losses[-1],
        frames=tuple(frames),
    )


class Learner:
    """A copy of the generator that learns one picture."""

    def __init__(self, scene: i2i.Scene, method: Method, tuning: Tuning, latent: i2i.Latent, target: Tensor) -> None:
        self.generator, self.method, self.tuning, self.pivot = scene.generator, method, tuning, latent
        self.copy: Any = scene.generator.tuned()
        self.weights: dict[str, Tensor] = self.copy.weights()
        for weight in self.weights.values():
            weight.requires_grad_(True)
        self.adam = torch.optim.Adam(list(self.weights.values()), lr=tuning.rate)
        self.aim, self.random = Aim(scene, method, target), seeded(method.seed)
        self.losses: list[float] = []
        self.end: float | None = None
        self.distance = float("inf")
        self._loss = target.new_zeros(())

    @property
    def arrived(self) -> bool:
        """Whether the picture is near enough."""
        return self.end is not None and self.distance <= self.end

    def look(self) -> Tensor:
        """The picture as it is now, ``(1, 3, R, R)``; takes its loss."""
        picture = draw(self.copy, self.pivot.w, self.pivot.noise)
        squares, distances = self.aim.measures(picture)
        self._loss = self.aim.weighed(squares, distances).sum()
        self.losses.append(self._loss.item())
        if self.aim.perceptual is not None:
            self.distance = distances.item()
            if self.end is None:
                quarter = min(max(self.distance / 4, ENDS[0]), ENDS[1])
                self.end = quarter if self.tuning.until is None else self.tuning.until
        return picture

    def move(self) -> None:
        """One step of Adam."""
        loss = self._loss + (self.tuning.locality * self._strayed() if self.tuning.locality else 0.0)
        self.adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.adam.step()

    def _strayed(self) -> Tensor:
        """How far a neighbour of the pivot has left its picture: squared difference of pixels and LPIPS."""
        z = torch.randn(1, self.generator.z_dim, generator=self.random).to(self.pivot.w)
        with torch.no_grad():
            kind = classes(self.generator, self.method.label, 1)
            way = self.generator.map(z, kind, truncation=TRUNCATION) - self.pivot.w
            length = FARTHEST * self.generator.w_std * self.generator.num_ws**0.5
            there = self.pivot.w + way * (length / way.norm().clamp_min(1e-12))
            before = draw(self.generator, there, "none")
        after = draw(self.copy, there, "none")
        found = (after - before).square().mean()
        if self.aim.perceptual is not None:
            found = found + self.aim.perceptual.distance(after, before).sum()
        return found

    def latent(self) -> i2i.Latent:
        """The pivot with the changes of all weights that changed."""
        from i2i.toolkit.latents.files import as_stored

        before = self.generator.weights()
        changes = {name: weight.detach() - before[name] for name, weight in self.weights.items()}
        return replace(self.pivot, changes=as_stored({name: each for name, each in changes.items() if each.any()}))
