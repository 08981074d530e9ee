"""The generator of an edit: the class that is required, the changes of a latent, and rendering."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ..api.errors import I2IError
from ..api.generator import Generator, StyleGenerator

if TYPE_CHECKING:
    from torch import Tensor

    from ..api.scene import Latent


def check_requirement(kind: str, name: str, required: type[Generator], generator: Generator) -> None:
    """Refuse a generator of another class than an editor or inverter requires.

    Args:
        kind: ``"editor"`` or ``"inverter"``.

    Raises:
        I2IError: the generator is of another class.
    """
    if isinstance(generator, required):
        return
    what = "the layers of a StyleGAN" if required is StyleGenerator else f"an i2i.{required.__name__}"
    another = "--invert or --method" if kind == "inverter" else "--plugin"
    raise I2IError(
        f"The {kind} {name!r} needs {what}, and the generator is of the family {generator.name!r}: name another with "
        f"--generator (see 'i2i models list'), or another {kind} with {another}."
    )


def tuned(generator: Generator, latent: Latent) -> Generator:
    """Return the generator with the weight changes and noise maps of a latent.

    Raises:
        I2IError: the generator has no weights or noise maps of these names.
    """
    if not latent.changes and not latent.noise:
        return generator
    if not isinstance(generator, StyleGenerator):
        raise I2IError(
            f"The latent changes weights or noise maps, which generators of the family {generator.name!r} do not have; "
            "name the generator of this latent with --generator."
        )
    return generator.tuned(latent.changes, latent.noise)


def render(generator: Generator, latent: Latent) -> Tensor:
    """Render a latent to ``(1, 3, R, R)`` in [-1, 1]; a grey generator gives three equal channels."""
    with torch.no_grad():
        return tuned(generator, latent).render(latent.w).float().clamp(-1, 1).expand(-1, 3, -1, -1)
