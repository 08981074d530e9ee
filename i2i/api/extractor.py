"""Extractors: frozen networks from images to numbers, each with a role, and a protocol for each standard role."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from .options import Options

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ..api.device import Device
    from .generator import Generator

Role = str
"""What an extractor does: a standard role (``STANDARD_ROLES``), or one that a plugin introduces, such as ``depth``."""


@dataclass(frozen=True)
class Face:
    """A face that was found in an image; all numbers are pixels, (0, 0) the centre of the upper left one."""

    box: tuple[float, float, float, float]
    """x0, y0, x1, y1 of its frame; it may reach over the border of the image."""
    landmarks: Tensor
    """``(68, 2)`` x, y in the iBUG order, float32 on the CPU."""
    score: float
    """How sure the finder is, larger is surer; compare those of one finder only."""

    @property
    def area(self) -> float:
        """Square pixels of its frame."""
        x0, y0, x1, y1 = self.box
        return (x1 - x0) * (y1 - y0)


class LandmarkExtractor(Protocol):
    """An extractor with the role ``landmarks``: 68 landmarks of faces."""

    def __call__(self, images: Tensor, /) -> Tensor:
        """Return the landmarks ``(N, 68, 2)``, x and y in pixels in the iBUG order.

        Args:
            images: ``(N, 3, H, W)``, each the crop of one face.
        """


class FaceFinder(LandmarkExtractor, Protocol):
    """A ``LandmarkExtractor`` that can also find the faces of whole photos."""

    def find(self, image: Tensor, /) -> list[Face]:
        """Return the faces in ``image``, ``(1, 3, H, W)``, in any order; an empty list if there is none."""


class IdentityExtractor(Protocol):
    """An extractor with the role ``identity``: embeddings of faces."""

    def __call__(self, images: Tensor, /) -> Tensor:
        """Return unit vectors ``(N, F)`` of aligned faces; the product of two is their cosine similarity."""

    def align(self, images: Tensor, landmarks: Tensor, /) -> Tensor:
        """Return the faces as the network expects them, ``(N, 3, h, w)``.

        Args:
            images: ``(N, 3, H, W)``.
            landmarks: ``(N, 68, 2)`` in pixels of ``images``.
        """


class PerceptualExtractor(Protocol):
    """An extractor with the role ``perceptual``: how different two images look."""

    def distance(self, images: Tensor, others: Tensor, /) -> Tensor:
        """Return the distances ``(N,)``, 0 for equal images."""

    def features(self, images: Tensor, /) -> Mapping[str, Tensor]:
        """Return feature maps by layer, each ``(N, ...)``, so that the features of a target are computed once.

        Callers slice and concatenate the tensors along N, so the features of an image must not depend on the others.
        """

    def compare(self, features: Mapping[str, Tensor], others: Mapping[str, Tensor], /) -> Tensor:
        """Return the distances ``(N,)`` of two results of ``features``, of the same layers."""


class TextExtractor(Protocol):
    """An extractor with the role ``text``: images and sentences in one space.

    One that knows only some words may also have ``unknown(sentence) -> list[str]``, the words that it ignores.
    """

    def images(self, images: Tensor, /) -> Tensor:
        """Return unit vectors ``(N, F)`` of images."""

    def texts(self, sentences: Sequence[str], /) -> Tensor:
        """Return unit vectors ``(N, F)`` of sentences."""


class EncoderExtractor(Protocol):
    """An extractor with the role ``encoder``: latent codes of the generator that it was trained for."""

    def __call__(self, images: Tensor, /) -> Tensor:
        """Return the latent codes ``(N, num_ws, w_dim)`` of aligned images."""


class SegmentationExtractor(Protocol):
    """An extractor with the role ``segmentation``: a class for each pixel."""

    classes: Sequence[str]
    """Names of the classes, in the order of the scores."""

    def __call__(self, images: Tensor, /) -> Tensor:
        """Return class scores ``(N, classes, H, W)``, before softmax, at the resolution of ``images``."""


class DomainExtractor(Protocol):
    """An extractor with the role ``domain``: whether images are of its ``domain``.

    An edit that names no generator takes one for the domain of its photos, and a crop that is foreign to a generator's
    domain is not pasted back into its photo.
    """

    def __call__(self, images: Tensor, /) -> Tensor:
        """Return by image how sure it is, ``(N,)`` in [0, 1]; from 0.5 on an image counts as of the domain.

        Args:
            images: ``(N, 3, S, S)``, the largest centred square of a photo, or a crop of it.
        """


STANDARD_ROLES: Mapping[Role, type] = {
    "landmarks": LandmarkExtractor,
    "identity": IdentityExtractor,
    "perceptual": PerceptualExtractor,
    "text": TextExtractor,
    "encoder": EncoderExtractor,
    "segmentation": SegmentationExtractor,
    "domain": DomainExtractor,
}
"""The protocol of each standard role."""


class Extractor(ABC):
    """A frozen network from images to numbers, found by its role. ``Extractor(device)`` loads it.

    What it must define follows from its role: a standard role has a protocol, see ``STANDARD_ROLES``; for another role
    the plugin that introduces it says so. Images are ``(N, 3, H, W)`` RGB float32 in [-1, 1], and gradients pass unless
    a class says that it is no network.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    role: ClassVar[Role]
    domain: ClassVar[str] = "any"
    """The images it knows, as in ``Model.domain``; of two with one role, that of the images' domain is taken."""
    default: ClassVar[bool] = False
    """True for the one that is taken where neither the user nor the domain decides; one of each role."""
    models: ClassVar[tuple[str, ...]] = ()
    """Names of the model records whose files it needs. Of two with one role and domain, one whose files are all here is
    taken before one whose files must be downloaded first."""
    packages: ClassVar[tuple[str, ...]] = ()
    """Import names of the packages that it needs and i2i does not require, such as ``dlib``; likewise."""
    generator_layers: ClassVar[int | None] = None
    """Number of layers of w of the generators that an encoder is for; None for any, or where its file decides. Another
    generator does without this encoder, unless the user names it."""
    automatic: ClassVar[bool] = True
    """False for one that is taken where the user names it, such as a judge of edits, or where there is no other."""
    differentiable: ClassVar[bool] = True
    """False for one without gradients, which is taken after the others."""
    Options: ClassVar[type[Options]] = Options
    """Its options; where there are any, it is constructed as ``Extractor(device, options)``."""
    measure: ClassVar[str] = ""
    """Name under which ``Scene.compare`` reports what it measures, such as ``"lpips"``; its role unless given."""
    kinds: ClassVar[Mapping[str, Callable[[dict[str, Tensor]], nn.Module]]] = {}
    """External networks it can read, for ``i2i.load_network``: kind -> function from a state dict to a module."""
    reads: ClassVar[str] = ""
    """Name of its option that takes a weight file or the folder of a run. ``--extractor ROLE=PATH`` then means this
    extractor with this option."""

    @abstractmethod
    def __init__(self, device: Device) -> None:
        """Load the network onto ``device``."""

    def check(self, generator: Generator) -> None:
        """Refuse a generator that it does not fit, such as one for which an encoder was not trained.

        It is called before any slow work where the user named the extractor for an edit; inverters call it for others.

        Raises:
            I2IError: it does not fit; says what it was made for.
        """
