"""The presets of ``mix`` as plain data: operation, published settings and source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Name = Literal[
    "style",
    "expression",
    "expression-delta",
    "crossover",
    "morph",
    "average",
    "sefa",
    "ganspace",
    "interfacegan",
    "direction",
]


@dataclass(frozen=True)
class MixPreset:
    """One operation on latent codes with its published settings."""

    summary: str
    """What the preset does."""
    source: str
    """The paper that describes it or publishes its settings."""
    uses: frozenset[str]
    """The options that have an effect with it."""
    rows: str = "0-17"
    """Layers that are changed, of a generator of 18 layers, both ends included."""
    psi: float = 0.0
    """Weight of the photo's own latent code in the changed layers, from 0 to 1."""
    strength: float = 1.0
    """Fraction of the path to the other latent code; for directions, a number of standard deviations."""
    frames: int = 0
    """Number of frames of the animation; 0 for none."""
    kind: Literal["transfer", "average", "direction"] = "transfer"
    """``transfer`` moves a photo towards those called ``other``, ``average`` averages all photos, and ``direction``
    moves a photo in a direction that is found in the generator or read from a file."""


_TRANSFER_OPTIONS = frozenset({"rows", "strength", "strengths", "frames"})
_COMPONENT_OPTIONS = _TRANSFER_OPTIONS | {"component", "samples"}

PRESETS: Mapping[Name, MixPreset] = {
    "style": MixPreset(
        "colours and textures of another image on the shapes of this one",
        'Karras et al., "A Style-Based Generator Architecture for GANs", 2019, section 3.1; layers 8-18, end excluded',
        _TRANSFER_OPTIONS | {"psi"},
        rows="8-17",
    ),
    "expression": MixPreset(
        "middle layers interpolated halfway to another image",
        "as style; layers 3-10, end excluded",
        _TRANSFER_OPTIONS | {"psi"},
        rows="3-9",
        psi=0.5,
    ),
    "expression-delta": MixPreset(
        "difference between two images of one person, added to this image",
        'Abdal et al., "Image2StyleGAN", 2019, section 4.3',
        _TRANSFER_OPTIONS | {"threshold"},
        rows="0-7",
    ),
    "crossover": MixPreset(
        "first layers of this image, last layers of another",
        'Abdal et al., "Image2StyleGAN", 2019, section 4.2',
        _TRANSFER_OPTIONS | {"psi"},
        rows="9-17",
    ),
    "morph": MixPreset(
        "linear interpolation to another image",
        'Abdal et al., "Image2StyleGAN", 2019, section 4.1',
        _TRANSFER_OPTIONS,
        strength=0.5,
        frames=24,
    ),
    "average": MixPreset(
        "mean of all images",
        'Karras et al., "A Style-Based Generator Architecture for GANs", 2019, appendix B: means of w are faces',
        frozenset({"weights"}),
        kind="average",
    ),
    "sefa": MixPreset(
        "direction to which the generator's layers respond most",
        'Shen and Zhou, "Closed-Form Factorization of Latent Semantics in GANs", 2021',
        _COMPONENT_OPTIONS,
        strength=2.0,
        frames=24,
        kind="direction",
    ),
    "ganspace": MixPreset(
        "principal component of the latents, set to a value",
        'Härkönen et al., "GANSpace: Discovering Interpretable GAN Controls", 2020',
        _COMPONENT_OPTIONS | {"direction"},
        strength=2.0,
        frames=24,
        kind="direction",
    ),
    "interfacegan": MixPreset(
        "direction across the boundary between labelled samples",
        'Shen et al., "Interpreting the Latent Space of GANs for Semantic Face Editing", 2020',
        _TRANSFER_OPTIONS | {"samples", "attribute", "against", "labels", "condition", "direction"},
        strength=2.0,
        frames=24,
        kind="direction",
    ),
    "direction": MixPreset(
        "published direction from a file or record",
        'Tov et al., "Designing an Encoder for StyleGAN Image Manipulation", 2021: w + strength x direction',
        _TRANSFER_OPTIONS | {"direction", "component"},
        strength=3.0,
        frames=24,
        kind="direction",
    ),
}
