"""How the pictures of an edit are dragged, which is the same for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

import i2i
from i2i.toolkit.latents.features import passes_gradients

from .formats import Values, read
from .options import Guide, Options, read_presets
from .settings import SMALL, Settings, settle

if TYPE_CHECKING:
    from torch import Tensor

DEFAULT = "turn_right=1.3"
"""What is done where nothing is asked for: far enough to be seen, and near enough to be reached."""


@dataclass(frozen=True)
class Method:
    """What the options come to with this generator and these extractors."""

    settings: Settings
    presets: Mapping[str, tuple[Values, float]]
    """By name, values and strength."""
    guide: Guide
    """What pulls the handles of presets."""
    features: bool
    """Whether features pull anything."""
    identity: Any
    """The extractor that keeps a face the same person's, or None."""


def decide(scene: i2i.Scene, options: Options) -> Method:
    """Look at the options, and at the first picture for what extractors can do with it.

    Raises:
        UsageError: landmarks are to guide whose network passes no gradients.
        I2IError: a preset is not sound, or no network that sees landmarks is there.
    """
    asked = presets_asked(options)
    if not options.preset and asked:
        scene.note(f"Nothing to drag was named, so --preset {DEFAULT} is taken; or type --point x0,y0:x1,y1.")
    presets = {name: (read(scene.presets[name]), strength) for name, strength in asked.items()}
    guide: Guide = "features"
    identity = None
    small = scene.generator.resolution < SMALL
    if presets and options.guide != "features" and (options.guide is not None or small):
        picture = picture_of(scene.generator, scene.latent.w)
        guide = _guide(scene, options, picture)
        identity = None if guide == "features" else _identity(scene, options, picture)
    features = guide != "landmarks" or bool(options.point)
    return Method(settle(options, scene.generator), presets, guide, features, identity)


def presets_asked(options: Options) -> dict[str, float]:
    """Strengths by name: of those that are named, or where nothing at all is, of the default."""
    return options.presets if options.preset or options.point else read_presets(DEFAULT)


def picture_of(generator: Any, w: Tensor) -> Tensor:
    """What a generator makes of ``w (1, num_ws, w_dim)``: ``(1, 3, R, R)``, also of one that knows grey only."""
    with torch.no_grad():
        picture: Tensor = generator.render(w)
        return picture.float().clamp(-1, 1).expand(-1, 3, -1, -1)


def _guide(scene: i2i.Scene, options: Options, picture: Tensor) -> Guide:
    """Landmarks too, where their network lets them; refused where they are asked for and it does not."""
    reader: Any = scene.extractors["landmarks"]
    if passes_gradients(reader, picture):
        return options.guide or "both"
    if options.guide is None:
        return "features"
    raise i2i.UsageError(
        f"--guide {options.guide}: {reader.name} passes no gradients; choose --guide features, or another network with "
        "--landmarks."
    )


def _identity(scene: i2i.Scene, options: Options, picture: Tensor) -> Any:
    """A network that tells people apart, where it is wanted and there is one to learn from."""
    if not options.identity_weight:
        return None
    try:
        identity: Any = scene.extractors["identity"]
    except (KeyError, i2i.I2IError):
        return None
    with torch.no_grad():
        points = scene.extractors["landmarks"](picture)
    follows = passes_gradients(lambda each: identity(identity.align(each, points)), picture)
    return identity if follows else None
