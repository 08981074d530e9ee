"""Settings of a drag: the published values scaled to the resolution, and what is common to all images of an edit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

import i2i
from i2i.toolkit.latents.features import passes_gradients
from i2i.toolkit.latents.statistics import component_std

from .options import DragOptions, Guide, read_presets
from .preset_values import PresetValues, read_values

if TYPE_CHECKING:
    from torch import Tensor

DEFAULT_PRESET = "turn_right=1.3"
"""Applied where neither points nor presets are given: large enough to be visible, and small enough to converge."""
FEATURE_RESOLUTION = 128
"""Resolution of the feature maps from 256 px on, as published; smaller images use half of their own."""
R1, R2 = 3 / 512, 12 / 512
"""Radii of motion supervision and of tracking, as fractions of the image (Pan et al. 2023, section 3.2, at 512 px)."""
MIN_R1, MIN_R2 = 2.0, 3.0
"""Smallest radii in small images, pixels. Below 2 a disc is a single pixel."""
LAYERS, PUBLISHED_LAYERS = 6, 18
"""First layers that move as published (section 4), and the layers of the generator on which ``--rows`` is counted."""
TURN_LAYERS = 8
"""Layers that move, of 18, where presets of large images move them by one vector: those that hold the shape."""
PUBLISHED_RATE, LEARNING_RATE, GUIDED_LEARNING_RATE, TURN_LEARNING_RATE, SMALL_LEARNING_RATE = (
    *(0.001, 0.009, 0.0135),
    *(0.002, 0.02),
)
"""Learning rates of Adam: as published, in units of w; the others in standard deviations of a component of w: from
``SMALL`` px on by features and with landmarks, and below, where handles must cover the same fraction of the image with
fewer pixels. For faces at 1024 px the first two are 0.004 and 0.006. ``TURN`` where one vector moves all layers: root
mean square of a step over the principal components of w, in the standard deviation of each."""
PUBLISHED_STEPS, STEPS, SMALL_STEPS = 300, 60, 100
"""Maximum numbers of steps: of the published method, from ``SMALL`` px on, and below."""
PATIENCE, TURN_PATIENCE, SMALL_PATIENCE = 10, 20, 20
"""Early stopping, from ``SMALL`` px on, there where one vector moves all layers, and below. Landmark networks hardly
see the last part of a closing lid: further steps would then take away the eye."""
PUBLISHED_TOLERANCE = 2 / 512
"""Distance at which a handle of the published method has arrived, as a fraction of the image; at least 2 px."""
MASK_WEIGHT, SMALL_MASK_WEIGHT = 20.0, 5.0
"""Weights of the mask: as published, and below ``SMALL`` px, where the kept region is close to the moving one."""
IDENTITY_WEIGHT, TURN_IDENTITY_WEIGHT, SMALL_IDENTITY_WEIGHT = 2.0, 3.0, 0.3
"""Weights of the identity, from ``SMALL`` px on, there where one vector moves all layers, and below. Where heads turn
the whole face moves, and with it what tells people apart."""
COLOUR_WEIGHT, TURN_COLOUR_WEIGHT = 10.0, 2.0
"""Weights of the colours, and from ``SMALL`` px on where one vector moves all layers: a head that turns leaves blocks,
and a large weight would hold it."""
SMALL = 256
"""Resolution below which pixels are coarse for features. Below, networks look at images, and above at previews."""


@dataclass(frozen=True)
class DragSettings:
    """Settings of one optimisation; pixels are those of the generator's image."""

    feature_resolution: int
    """Resolution of the feature maps."""
    r1: float
    """Radius of motion supervision, pixels."""
    r2: float
    """Radius of tracking, pixels."""
    layers: int
    """Number of first layers of w+ that move."""
    shared_vector: bool
    """Whether one vector moves all of these layers."""
    principal: bool
    """Whether the gradient in the principal components of w gives the direction of the steps. So they follow what
    changes together in samples: with a head hair and shoulders turn, and little else changes."""
    learning_rate: float
    """Learning rate of Adam."""
    steps: int
    """Maximum number of steps."""
    tolerance: float
    """Distance from its target at which a handle has converged, pixels."""
    patience: int
    """Early stopping: steps without improvement; 0 for never."""
    mask_weight: float
    """Weight of the mask loss."""
    start_weight: float
    """Weight of the mean distance of w from the initial latent."""
    identity_weight: float
    """Weight of the identity loss, where landmarks guide."""
    colour_weight: float
    """Weight of the colour loss, where landmarks guide."""
    frames: int
    """Steps between frames; 0 for none."""
    preview: bool = False
    """Whether guidance looks at previews instead of images."""
    published: bool = False
    """Whether handles lie on whole pixels and move until all are within ``tolerance``, as published."""


@dataclass(frozen=True)
class DragMethod:
    """How the images of an edit are dragged; the same for all of them."""

    settings: DragSettings
    """Settings of the optimisation."""
    presets: Mapping[str, tuple[PresetValues, float]]
    """Values and strength by name."""
    guide: Guide
    """What guides the handles of presets."""
    features: bool
    """Whether feature maps supervise the motion of any handle."""
    identity: i2i.IdentityExtractor | None
    """The extractor of the identity loss; None without that loss."""


def resolve_settings(
    options: DragOptions, generator: i2i.Generator, presets: Iterable[PresetValues] = (), guide: Guide = "features"
) -> DragSettings:
    """Replace what the options leave open by values for the resolution of the generator, the presets and the guide."""
    size, published = generator.resolution, options.method == "published"
    large, guided = size >= SMALL, guide != "features"
    adapted = list(presets) if large and not published else []
    shared = any(values.space == "w" for values in adapted) if options.space is None else options.space == "w"
    turns = shared and bool(adapted)
    rows = TURN_LAYERS if turns and options.rows is None else options.rows
    weight = MASK_WEIGHT if large or published else SMALL_MASK_WEIGHT
    identity = SMALL_IDENTITY_WEIGHT if not large else TURN_IDENTITY_WEIGHT if turns else IDENTITY_WEIGHT
    colour = TURN_COLOUR_WEIGHT if turns else COLOUR_WEIGHT
    radii = max(MIN_R1, R1 * size), max(MIN_R2, R2 * size)
    num_ws, deviation = generator.num_ws, component_std(generator)
    rate = SMALL_LEARNING_RATE if not large else GUIDED_LEARNING_RATE if guided else LEARNING_RATE
    rate = TURN_LEARNING_RATE if turns else rate
    steps = STEPS if large else SMALL_STEPS
    patience = SMALL_PATIENCE if not large else TURN_PATIENCE if turns else PATIENCE
    if published:
        steps, patience, radii = PUBLISHED_STEPS, 0, (max(1.0, round(R1 * size)), max(1.0, round(R2 * size)))
    tolerance = max(2.0, PUBLISHED_TOLERANCE * size) if published else default_tolerance(size)
    return DragSettings(
        feature_resolution=options.layer or min(FEATURE_RESOLUTION, size // 2),
        r1=options.r1 or radii[0],
        r2=options.r2 or radii[1],
        layers=first_layers(rows, num_ws, guided and large),
        shared_vector=shared,
        principal=turns,
        learning_rate=options.rate or (PUBLISHED_RATE if published else rate if turns else rate * deviation),
        steps=options.steps or steps,
        tolerance=options.tolerance or tolerance,
        patience=patience if options.patience is None else options.patience,
        mask_weight=weight if options.mask_weight is None else options.mask_weight,
        start_weight=options.start_weight,
        identity_weight=identity if options.identity_weight is None else options.identity_weight,
        colour_weight=colour if options.colour_weight is None else options.colour_weight,
        frames=options.frames,
        preview=large and guided,
        published=published,
    )


def default_tolerance(size: int) -> float:
    """Return the tolerance in pixels: 2 from 128 px on, 4 at 1024 px as published, and proportional below 128 px."""
    return min(size / 64, max(2.0, size / 256))


def first_layers(rows: int | None, num_ws: int, half: bool = False) -> int:
    """Return how many first layers of a generator move: ``rows`` of 18 in proportion, or the default.

    Args:
        half: By default half of them, as for presets of large images; else 6, and at most half.
    """
    if rows is None:
        return max(1, num_ws // 2 if half else min(LAYERS, num_ws // 2))
    return max(1, rows * num_ws // PUBLISHED_LAYERS)


def resolve_method(scene: i2i.Scene, options: DragOptions) -> DragMethod:
    """Resolve the options; extractors are tried on the first image.

    Raises:
        UsageError: landmarks guide, and their network passes no gradients.
        I2IError: a preset is invalid, or no landmark network is available.
    """
    requested = requested_presets(options)
    if not options.preset and requested:
        scene.note(f"Neither --point nor --preset is given: applying --preset {DEFAULT_PRESET}.")
    presets = {name: (read_values(scene.presets[name]), strength) for name, strength in requested.items()}
    guide: Guide = "features"
    image = None
    if presets and options.guide != "features" and options.method != "published":
        image = render_image(scene.generator, scene.latent.w)
        guide = _resolve_guide(scene, options, image)
    features = guide != "landmarks" or bool(options.point)
    settings = resolve_settings(options, scene.generator, [values for values, _ in presets.values()], guide)
    identity = None
    if image is not None and guide != "features" and settings.identity_weight:
        identity = _find_identity(scene, image)
    return DragMethod(settings, presets, guide, features, identity)


def requested_presets(options: DragOptions) -> dict[str, float]:
    """Return strengths by name: of the presets given, or of the default where there are no points either."""
    return options.presets if options.preset or options.point else read_presets(DEFAULT_PRESET)


def render_image(generator: i2i.Generator, w: Tensor) -> Tensor:
    """Render ``w (1, num_ws, w_dim)``: ``(1, 3, R, R)`` in [-1, 1], also by a generator with one channel."""
    with torch.no_grad():
        return generator.render(w).float().clamp(-1, 1).expand(-1, 3, -1, -1)


def _resolve_guide(scene: i2i.Scene, options: DragOptions, image: Tensor) -> Guide:
    """Let landmarks guide where their network passes gradients.

    Raises:
        UsageError: landmarks are requested, and it does not.
    """
    landmarks: Any = scene.extractors["landmarks"]
    if passes_gradients(landmarks, image):
        return options.guide or "both"
    if options.guide is None:
        return "features"
    raise i2i.UsageError(
        f"--guide {options.guide}: {landmarks.name} passes no gradients; choose --guide features, or another network "
        "with --landmarks."
    )


def _find_identity(scene: i2i.Scene, image: Tensor) -> i2i.IdentityExtractor | None:
    """Return the identity network, where there is one that passes gradients, else None."""
    try:
        identity: i2i.IdentityExtractor = scene.extractors["identity"]
    except (KeyError, i2i.I2IError):
        return None
    with torch.no_grad():
        points = scene.extractors["landmarks"](image)
    follows = passes_gradients(lambda images: identity(identity.align(images, points)), image)
    return identity if follows else None
