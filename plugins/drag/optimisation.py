"""The latent optimisation of a drag: the objective, when handles have converged, and the run over a batch of images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

import i2i
from i2i.toolkit.latents.optimizer import Evaluation, LatentOptimizer, Objective, Patience, Trajectory
from i2i.toolkit.latents.statistics import PrincipalComponents

from .batched import Batched
from .handles import HandleBatch, Handles, batch_handles
from .losses import Guidance, mask_loss
from .preview import Preview
from .settings import SMALL, DragSettings
from .tracking import disc, motion_supervision, sample_features, track

if TYPE_CHECKING:
    from torch import Tensor

MAX_FRACTION = 0.25
"""Fraction of the initial distance below which a handle counts as converged; the smaller of this and ``tolerance``
applies: a lid that is to move by a single pixel has not converged before the first step."""
MIN_FRACTION = 0.05
"""Fraction of ``tolerance`` below which no difference is visible; a smaller threshold is raised to it."""
INITIAL_PATIENCE = 3
"""Early stopping: factor of ``patience`` for handles that have not moved yet."""
LIVE_STEPS = 10
"""Steps between renderings to which previews are fitted where only a viewer looks at them."""
REFIT_STEPS = 5
"""Steps between renderings to which previews are fitted, and in which landmarks are found."""
MIN_IMPROVEMENT = 0.03
"""Early stopping: fraction of the initial distance by which the distance must decrease within ``patience`` steps."""


@dataclass
class DragTrajectory(Trajectory):
    """The drag of one image: distances and positions of its handles, step by step."""

    thresholds: Sequence[float] = ()
    """For each handle, the distance from its target at which it has converged, pixels."""
    keeps_last: bool = False
    """Whether the result is the last latent, as published, not the one with the smallest distances."""
    converged: list[bool] = field(default_factory=list)
    """Which handles of the best latent have converged."""
    w: Tensor | None = None
    """The best latent, ``(1, num_ws, w_dim)``; set when the drag ends."""

    @property
    def distances(self) -> list[list[float]]:
        """At the initial latent and after each step: distance of each handle to its target, pixels."""
        return self.metrics["distances"]

    @property
    def points(self) -> list[Tensor]:
        """At the initial latent and after each step: positions of the handles ``(H, 2)``, pixels."""
        return [torch.tensor(row).reshape(-1, 2) for row in self.metrics["points"]]

    @property
    def monitored(self) -> float:
        """The mean distance of the handles to their targets, pixels."""
        return sum(self.distances[-1]) / len(self.distances[-1])

    def handles(self) -> Tensor:
        """Return the current positions of the handles, ``(H, 2)`` pixels."""
        return self.points[-1]

    def record(self, loss: float, metrics: Mapping[str, list[float]], comparable: bool = True) -> bool:
        """Record an evaluation without the padding of the batch; see ``Trajectory.record``."""
        count = len(self.thresholds)
        own = {"distances": metrics["distances"][:count], "points": metrics["points"][: 2 * count]}
        return super().record(loss, own, comparable)

    def improves(self, loss: float, lowest: float) -> bool:
        """Tell whether all handles have converged, or the sum of their distances is less than before."""
        distances = self.distances[-1]
        converged = [distance <= threshold for distance, threshold in zip(distances, self.thresholds, strict=True)]
        previous = sum(self.distances[self.best_step]) if len(self.distances) > 1 else float("inf")
        if not (self.keeps_last or all(converged) or sum(distances) < previous):
            return False
        self.converged = converged
        return True

    def has_converged(self) -> bool:
        """Tell whether all handles have reached their targets."""
        return all(self.converged)

    def _sums(self) -> list[float]:
        """Return the sum of the distances at the initial latent and after each step."""
        return [sum(distances) for distances in self.distances]

    def has_moved(self) -> bool:
        """Tell whether the handles have come nearer to their targets than at the initial latent."""
        sums = self._sums()
        return min(sums) <= (1 - self.patience.relative) * sums[0]

    def has_stalled(self) -> bool:
        """Tell whether the distances have not decreased within the steps of patience.

        A drag that has not moved yet gets ``INITIAL_PATIENCE`` times as many: its first steps may be small.
        """
        patience = self.patience.steps if self.has_moved() else INITIAL_PATIENCE * self.patience.steps
        if not patience or self.steps < patience:
            return False
        sums = self._sums()
        return min(sums[:-patience]) - min(sums[-patience:]) < self.patience.relative * sums[0]


@dataclass(frozen=True)
class InitialState(Batched):
    """The constants of the optimisation of a batch."""

    w: Tensor
    """Initial latents ``(N, num_ws, w_dim)``."""
    handles: HandleBatch
    thresholds: Tensor
    """Distance from its target at which a handle has converged, ``(N, H)`` pixels."""
    reference: Tensor
    """What the mask keeps: initial feature maps ``(N, C, r, r)``, or the initial images ``(N, 3, R, R)``."""
    templates: Tensor | None
    """Initial features of the handles ``(N, H, C)``, where any is tracked by them."""
    kept: Tensor | None
    """``(N, 1, r, r)``, 1 where the image is to stay; None for nowhere."""
    guidance: Guidance | None
    """For images of the generator's resolution."""
    preview_guidance: Guidance | None
    """For previews; None where images are rendered, or there is no guidance."""


class DragObjective(Objective):
    """The losses of a drag of N images.

    Feature maps are computed no further than the layer, at its own resolution. Handles are tracked by features; those
    of landmarks are detected in the image instead where there is guidance. For large images that is a preview, which
    the feature maps give; then a handle converges only where the image itself has been rendered and measured.

    Attributes:
        points: Current positions of the handles, ``(N, H, 2)`` pixels.
    """

    def __init__(
        self,
        generator: i2i.StyleGenerator,
        settings: DragSettings,
        w: Tensor,
        handles: Sequence[Handles],
        mask: Tensor | None = None,
        guidance: Guidance | None = None,
        features: bool = True,
    ) -> None:
        """Compute the initial state.

        Args:
            generator: Renders all of the images.
            w: Initial latents ``(N, num_ws, w_dim)``.
            handles: Of each image, at least one.
            mask: ``(N, 1, R, R)``, 1 where the images may change; None for everywhere.
            guidance: Losses on landmarks, identity and colours; None for none.
            features: Whether feature maps supervise the motion. Without them there must be ``guidance`` and no handle
                but landmarks, and the mask keeps the pixels of the images.
        """
        self.generator, self.settings, self.features = generator, settings, features
        self.size = generator.resolution
        self.offsets = disc(settings.r1, w.device)
        self.components = PrincipalComponents.estimate(generator) if settings.principal else None
        self.initial = self._initial_state(w.detach(), self._batch(handles), mask, guidance)
        self.points = self.initial.handles.starts.clone()
        self.preview: Preview | None = None
        self._fitted = 0
        self.shown: tuple[Tensor, int] | None = None  # current feature maps, and the step
        self.correction: Tensor | None = None

    def _batch(self, handles: Sequence[Handles]) -> HandleBatch:
        """Pad the handles of the images; the published method has whole pixels."""
        batch = batch_handles(handles)
        if not self.settings.published:
            return batch
        return replace(batch, starts=batch.starts.round(), targets=batch.targets.round())

    def _initial_state(
        self, w: Tensor, handles: HandleBatch, mask: Tensor | None, guidance: Guidance | None
    ) -> InitialState:
        tolerance = self.settings.tolerance
        distances = handles.distances(handles.starts)
        thresholds = (MAX_FRACTION * distances).clamp(MIN_FRACTION * tolerance, tolerance)
        if self.settings.published:
            thresholds = torch.full_like(distances, tolerance)
        tracked = self.features and (guidance is None or bool((handles.valid & ~handles.is_landmark).any()))
        previewed = guidance is not None and self.settings.preview
        with torch.no_grad():
            reference = self._feature_maps(w) if self.features or previewed else self._images(w)
            templates = sample_features(reference, handles.starts, self.size) if tracked else None
        kept = None
        if mask is not None and self.settings.mask_weight:
            kept = 1 - F.interpolate(mask, reference.shape[2:], mode="area")
        small = guidance.downsampled(reference.shape[-1]) if guidance is not None and previewed else None
        return InitialState(w, handles, thresholds, reference, templates, kept, guidance, small)

    def offset(self) -> Tensor:
        """Return the initial variable: zeros ``(N, layers, w_dim)``, or ``(N, 1, w_dim)`` for one shared vector.

        In the principal components of w, where these are optimised.
        """
        layers = self.initial.w[:, : self.settings.layers]
        return torch.zeros_like(layers[:, :1] if self.settings.shared_vector else layers)

    def assemble(self, offset: Tensor, initial: Tensor | None = None) -> Tensor:
        """Add ``offset`` to the first layers of the initial latents, by default of all: ``(N, num_ws, w_dim)``."""
        w, count = self.initial.w if initial is None else initial, self.settings.layers
        if self.components is not None:
            offset = self.components.to_difference(offset)
        return torch.cat([w[:, :count] + offset, w[:, count:]], dim=1)

    def evaluate(self, variables: Mapping[str, Tensor], step: int) -> Evaluation:
        """Track the handles and compute the losses ``(N,)``; see ``Objective.evaluate``."""
        initial, settings, w = self.initial, self.settings, self.assemble(variables["offset"])
        losses = w.new_zeros(len(w))
        with i2i.gradients_for(range(settings.layers)):
            maps, images = self._render(w)
        self.shown = None if maps is None else (maps.detach(), step)
        if maps is not None and initial.templates is not None:
            with torch.no_grad():
                self.points = track(maps, self.points, initial.templates, settings.r2, self.size, settings.published)
        if initial.guidance is not None:
            landmarks, guided = self._guide(w, maps, images, step)
            self.points = initial.handles.replace_landmarks(landmarks, self.points)
            losses = losses + guided
        distances = initial.handles.distances(self.points)
        if maps is not None and self.features:
            # The published method stops when all are within the tolerance, and until then moves those beyond a pixel.
            moving = (distances > (1 if settings.published else initial.thresholds)).float()
            losses = losses + motion_supervision(
                maps, self.points, initial.handles.targets, moving, self.offsets, self.size
            )
        if initial.kept is not None:
            current = images if maps is None else maps
            assert current is not None
            losses = losses + settings.mask_weight * mask_loss(current, initial.reference, initial.kept)
        if settings.start_weight:
            losses = losses + settings.start_weight * (w - initial.w).abs().mean(dim=(1, 2))
        metrics = {"distances": distances, "points": self.points}
        return Evaluation(losses, metrics=metrics, images=None if images is None else images.detach())

    def _guide(self, w: Tensor, maps: Tensor | None, images: Tensor | None, step: int) -> tuple[Tensor, Tensor]:
        """Return the landmarks ``(N, 68, 2)``, without gradients, and the losses of the guidance ``(N,)``."""
        initial = self.initial
        assert initial.guidance is not None
        if initial.preview_guidance is None or maps is None:
            assert images is not None
            landmarks, losses = initial.guidance(images)
            return landmarks.detach(), losses
        if step % REFIT_STEPS == 0:
            measured = self._fit_preview(w, maps)
        assert self.preview is not None
        landmarks, losses = initial.preview_guidance(self.preview(maps), self.correction)
        landmarks = landmarks.detach()
        if step % REFIT_STEPS == 0:
            return measured, losses
        points = initial.handles.replace_landmarks(landmarks, self.points)
        if bool((initial.handles.distances(points) <= initial.thresholds).all(dim=1).any()):
            measured = self._fit_preview(w, maps)
            return measured, losses
        return landmarks, losses

    def _fit_preview(self, w: Tensor, maps: Tensor) -> Tensor:
        """Render the images, fit the preview to them, and return their landmarks ``(N, 68, 2)``."""
        guidance, small = self.initial.guidance, self.initial.preview_guidance
        assert guidance is not None and small is not None
        with torch.no_grad():
            images = self._images(w.detach())
            self.preview = Preview.fit(maps, images)
            landmarks = guidance.find(images.float().clamp(-1, 1))  # as the result is shown
            # Previews are not clamped, as in the steps to which the difference is added.
            self.correction = landmarks - small.find(self.preview(maps.detach()))
        return landmarks

    def frames(self, variables: Mapping[str, Tensor], evaluation: Evaluation) -> Tensor:
        """Return the current images, rendered where the losses need none: ``(N, 3, R, R)`` in [-1, 1]."""
        images = evaluation.images
        if images is None:
            images = self._images(self.assemble(variables["offset"]))
        return images.float().clamp(-1, 1)

    def live_images(self, variables: Mapping[str, Tensor], evaluation: Evaluation) -> Tensor:
        """Return the current images, or previews of large ones, ``(N, 3, r, r)``."""
        if self.size < SMALL or self.shown is None or evaluation.images is not None:
            return self.frames(variables, evaluation)
        maps, step = self.shown
        if self.preview is None or (self.initial.preview_guidance is None and step - self._fitted >= LIVE_STEPS):
            images = self.frames(variables, evaluation)
            self.preview, self._fitted = Preview.fit(maps, images), step
            return images
        return self.preview(maps).clamp(-1, 1)

    def select(self, samples: Tensor) -> None:
        """Keep the state of some images only."""
        self.initial, self.points = self.initial.select(samples), self.points[samples]
        if self.preview is not None:
            self.preview = self.preview.select(samples)
        if self.correction is not None:
            self.correction = self.correction[samples]

    def _feature_maps(self, w: Tensor) -> Tensor:
        """Return ``(n, C, r, r)``, computed no further than the layer and at its own resolution."""
        return self.generator.features(w, self.settings.feature_resolution)

    def _images(self, w: Tensor) -> Tensor:
        """Return ``(n, 3, R, R)``, also of a generator with one channel."""
        return self.generator.render(w).expand(-1, 3, -1, -1)

    def _render(self, w: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Return feature maps where they are needed, and images where there is guidance without previews."""
        if self.initial.guidance is None or self.initial.preview_guidance is not None:
            return self._feature_maps(w), None
        if not self.features:
            return None, self._images(w)
        maps, images = self.generator.features_and_pictures(w, self.settings.feature_resolution)
        return maps, images.expand(-1, 3, -1, -1)


class DragOptimisation:
    """The drag of a batch of images, ready to run."""

    def __init__(
        self,
        scene: i2i.Scene,
        generator: i2i.StyleGenerator,
        settings: DragSettings,
        w: Tensor,
        handles: Sequence[Handles],
        mask: Tensor | None = None,
        guidance: Guidance | None = None,
        features: bool = True,
        numbers: Sequence[int] | None = None,
    ) -> None:
        """Compute the initial state; ``numbers`` as for ``LatentOptimizer``, other arguments as ``DragObjective``."""
        self.initial = w.detach()
        self.objective = DragObjective(generator, settings, w, handles, mask, guidance, features)
        thresholds = self.objective.initial.thresholds.tolist()
        self.trajectories = [
            DragTrajectory(
                Patience(settings.patience, MIN_IMPROVEMENT),
                thresholds=row[: len(own.names)],
                keeps_last=settings.published,
            )
            for row, own in zip(thresholds, handles, strict=True)
        ]
        self.optimizer = LatentOptimizer(
            self.objective,
            {"offset": self.objective.offset()},
            self.trajectories,
            steps=settings.steps,
            learning_rate=settings.learning_rate,
            keep_direction=settings.principal,
            frame_interval=settings.frames,
            cancelled=lambda: scene.cancelled,
            live=scene.live,
            numbers=numbers,
        )

    def run(self, on_step: Callable[[int, float], None] | None = None) -> list[DragTrajectory]:
        """Optimise until all handles have converged or stalled; return the trajectory of each image.

        Args:
            on_step: As ``LatentOptimizer.run``; the value is the mean distance of handles to their targets, pixels.
        """
        for row, trajectory in enumerate(self.optimizer.run(on_step)):
            trajectory.w = self.objective.assemble(trajectory.best["offset"], self.initial[row : row + 1])
        return self.trajectories
