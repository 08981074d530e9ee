"""What turns pictures into numbers: extractors, each with a role, and metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ..api.device import Device

Role = Literal["landmarks", "identity", "perceptual", "text", "encoder"]
"""What an extractor does; ``encoder`` turns pictures into the latents of a generator."""


@dataclass(frozen=True)
class Face:
    """A face that was found in a picture; all numbers are pixels, (0, 0) the centre of the upper left one."""

    box: tuple[float, float, float, float]
    """x0, y0, x1, y1 of its frame; it may reach over the border of the picture."""
    landmarks: Tensor
    """``(68, 2)`` x, y in the iBUG order, float32 on the CPU."""
    score: float
    """How sure the finder is, larger is surer; compare those of one finder only."""

    @property
    def area(self) -> float:
        """Square pixels of its frame."""
        x0, y0, x1, y1 = self.box
        return (x1 - x0) * (y1 - y0)


class Extractor:
    """A frozen network from pictures to numbers, found by its role. ``Extractor(device)`` loads it.

    What it answers to, by role; pictures are ``(N, 3, H, W)`` RGB float32 in [-1, 1], and gradients pass unless a class
    says that it is no network:

    * ``landmarks``: ``extractor(pictures)`` -> ``(N, 68, 2)`` x, y pixels in the iBUG order, of pictures that each are
      the crop of one face; and, where it can search whole photographs, ``find(picture)``, ``(1, 3, H, W)`` -> a list
      of ``Face``, without regard to order, empty where there is none.
    * ``identity``: ``extractor(pictures)`` of aligned faces -> unit vectors ``(N, F)``, whose product is the likeness;
      ``align(pictures, landmarks)`` lays faces out as it expects them.
    * ``text``: ``images(pictures)`` and ``texts(sentences)`` -> unit vectors ``(N, F)`` in one space; and, where it
      knows some words only, ``unknown(sentence)`` -> a list of those that it passes over.
    * ``perceptual``: ``distance(pictures, others)`` -> ``(N,)``, 0 for the same picture; ``features(pictures)`` and
      ``compare(features, others)`` do it in two steps, so that a target is looked at once.
    * ``encoder``: ``extractor(pictures)`` -> latents ``(N, num_ws, w_dim)`` of the generator it was trained for.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    role: ClassVar[Role]
    domain: ClassVar[str] = "any"
    """The pictures it knows, as in ``Model.domain``; of two with one role, that of the pictures' domain is taken."""
    default: ClassVar[bool] = False
    """True for the one that is taken where neither the user nor the domain decides; one of each role."""
    measure: ClassVar[str] = ""
    """Name under which ``Scene.compare`` reports what it measures, such as ``"lpips"``; its role unless given."""
    kinds: ClassVar[Mapping[str, Callable[[dict[str, Tensor]], nn.Module]]] = {}
    """Foreign networks it can read, for ``i2i.load_network``: kind -> function from a state dict to a module."""

    def __init__(self, device: Device) -> None:
        raise TypeError(f"{type(self).__name__} must define __init__(self, device)")
