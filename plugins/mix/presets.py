"""The presets as plain data: what each takes, its published numbers, and where they come from."""

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
]


@dataclass(frozen=True)
class Preset:
    """One way of making a new latent."""

    summary: str
    source: str
    """Where it is described, or who publishes its numbers."""
    uses: frozenset[str]
    """The options that mean something to it."""
    rows: str = "0-17"
    """For a generator of 18 rows, both ends counted."""
    psi: float = 0.0
    """The own picture's share in the mixed rows."""
    strength: float = 1.0
    """How far to go; 1 is the whole way, but for directions it is a number of standard deviations."""
    frames: int = 0
    kind: Literal["towards", "all", "direction"] = "towards"
    """Towards pictures called ``other``; of all pictures at once; or along a direction found in the generator."""


_WAY = frozenset({"rows", "strength", "frames"})
_FOUND = _WAY | {"component", "samples"}

PRESETS: Mapping[Name, Preset] = {
    "style": Preset(
        "colours and texture of another picture on the shapes of this one",
        'Karras et al., "A Style-Based Generator Architecture for GANs", 2019, section 3.1; rows 8-18, end not counted',
        _WAY | {"psi"},
        rows="8-17",
    ),
    "expression": Preset(
        "half the way to the features of another picture, in the middle rows",
        "as style; rows 3-10, end not counted",
        _WAY | {"psi"},
        rows="3-9",
        psi=0.5,
    ),
    "expression-delta": Preset(
        "what changed between two pictures of one person, added to this one",
        'Abdal et al., "Image2StyleGAN", 2019, section 4.3',
        _WAY | {"threshold"},
        rows="0-7",
    ),
    "crossover": Preset(
        "the first rows of this picture, the last of another",
        'Abdal et al., "Image2StyleGAN", 2019, section 4.2',
        _WAY | {"psi"},
        rows="9-17",
    ),
    "morph": Preset(
        "a straight way to another picture",
        'Abdal et al., "Image2StyleGAN", 2019, section 4.1',
        _WAY,
        strength=0.5,
        frames=24,
    ),
    "average": Preset(
        "the mean of all pictures",
        'Karras et al., "A Style-Based Generator Architecture for GANs", 2019, appendix B: means of w are faces',
        frozenset({"weights"}),
        kind="all",
    ),
    "sefa": Preset(
        "a direction that the generator's own layers answer to most",
        'Shen and Zhou, "Closed-Form Factorization of Latent Semantics in GANs", 2021',
        _FOUND,
        strength=2.0,
        frames=24,
        kind="direction",
    ),
    "ganspace": Preset(
        "a principal component of the latents, set to a value",
        'Härkönen et al., "GANSpace: Discovering Interpretable GAN Controls", 2020',
        _FOUND,
        strength=2.0,
        frames=24,
        kind="direction",
    ),
    "interfacegan": Preset(
        "from one side to the other of the boundary between labelled samples",
        'Shen et al., "Interpreting the Latent Space of GANs for Semantic Face Editing", 2020',
        _WAY | {"samples", "attribute", "against", "labels", "condition"},
        strength=2.0,
        frames=24,
        kind="direction",
    ),
}
