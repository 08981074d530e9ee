"""Inverters: methods that find the latents from which a generator renders given images."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from .errors import UsageError
from .generator import Generator
from .options import Options

if TYPE_CHECKING:
    from torch import Tensor

    from .editor import Plot
    from .extractor import Role
    from .scene import Latent, Scene


@dataclass(frozen=True)
class Inversion:
    """The latent that an inverter found for one image."""

    latent: Latent
    """The latent code, with noise maps and weight changes where the method optimises them."""
    scalars: Mapping[str, float] = field(default_factory=dict)
    """Finite numbers about the inversion by name, such as ``loss``, ``steps`` and ``seconds``."""
    plots: Mapping[str, Plot] = field(default_factory=dict)
    """Plots by file name, such as ``"loss"``."""
    image: Tensor | None = None
    """``(1, 3, R, R)`` in [-1, 1], what the latent renders to; None lets i2i render it."""
    frames: Sequence[Tensor] = ()
    """Images of the optimisation for an animation, each ``(1, 3, R, R)``; inversions with frames are not cached."""


class Inverter(ABC):
    """A method that finds latents of images. Pure: it writes no files and prints nothing.

    ``i2i edit --invert NAME[,KEY=VALUE]`` chooses an inverter and sets its ``Options``. Results are cached by image,
    generator, inverter (with its distribution and version), options, chosen extractors and ``cache_facts``, so the
    result of an image may depend on nothing else.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    Options: ClassVar[type[Options]] = Options
    default: ClassVar[bool] = False
    """True for the inverter that is used where the user names none."""
    faithful: ClassVar[bool] = False
    """True for the inverter that ``--faithful`` means: slower, with results closer to the photo."""
    requires: ClassVar[type[Generator]] = Generator  # type: ignore[type-abstract]
    """The class of generators it works with; others are refused before it starts."""
    extractors: ClassVar[tuple[Role, ...]] = ()
    """Roles it needs; their extractors are opened before it starts."""
    may_use: ClassVar[tuple[Role, ...]] = ()
    """Roles it needs under some options only; opened when they are looked up in ``scene.extractors``."""

    def check(self, generator: Generator, options: Any) -> None:
        """Refuse options that do not fit the generator, before the slow work.

        Args:
            generator: The ``Generator``, an instance of ``requires``.
            options: An instance of ``Options``.

        Raises:
            I2IError: the options do not fit.
        """

    def cache_facts(self, generator: Generator, options: Any) -> Mapping[str, Any]:
        """Return what the results depend on besides those things, such as which files are downloaded.

        Args:
            generator: The ``Generator``, an instance of ``requires``.
            options: An instance of ``Options``.

        Returns:
            Values that JSON has, by name; they become part of the key of the cache.
        """
        return {}

    @abstractmethod
    def invert(self, scene: Scene, images: Tensor, options: Any) -> Sequence[Inversion]:
        """Find the latent of each image; the result of one image must not depend on the others.

        Args:
            scene: ``generator`` (without the changes of any latent), ``device``, ``extractors``, ``progress``,
                ``cancelled`` (then return the best latents so far) and ``note``; it has no photos. ``scene.invert``
                calls another inverter.
            images: ``(N, 3, R, R)`` float32 in [-1, 1], R the generator's resolution, on the scene's device.
            options: An instance of ``Options``.

        Returns:
            N inversions in the order of the images.

        Raises:
            I2IError: an extractor cannot be opened, or the generator does not fit.
        """


class InvertFunction(Protocol):
    """What ``Scene.invert`` is: calls an inverter by name, with the cache of inversions."""

    def __call__(
        self,
        images: Tensor,
        method: str = "",
        options: Mapping[str, Any] = {},
        *,
        progress: Callable[..., None] | None = None,
        cache: bool = True,
    ) -> Sequence[Inversion]:
        """Find the latents of images in the scene's generator, without the changes of any latent.

        Args:
            images: ``(N, 3, R, R)`` in [-1, 1], R the generator's resolution.
            method: An inverter with options, ``NAME[,KEY=VALUE]``; empty for the default inverter.
            options: Further values of the inverter's ``Options``; those in ``method`` take precedence.
            progress: Called as ``Scene.progress``; None for the scene's own.
            cache: Read and write the cache of inversions in the user's directory.

        Returns:
            N inversions in the order of the images, each with its ``image``.

        Raises:
            UsageError: there is no such inverter or option, or the images have another size.
            I2IError: the inverter cannot work with this generator, or an extractor cannot be opened.
        """


def no_inverters(
    images: Tensor,
    method: str = "",
    options: Mapping[str, Any] = {},
    *,
    progress: Callable[..., None] | None = None,
    cache: bool = True,
) -> Sequence[Inversion]:
    """Refuse to invert: ``Scene.invert`` of a scene that was made without a generator.

    Raises:
        RuntimeError: always.
    """
    raise RuntimeError("this scene has no generator to invert images for")


def split_method(text: str) -> tuple[str, dict[str, str]]:
    """Split ``NAME[,KEY=VALUE...]`` or ``KEY=VALUE...``: the name, empty where it is left out, and the options.

    A name may also be given as ``method=NAME``. Keys may be typed with hyphens, as on the command line.

    Raises:
        UsageError: a part after the first is not ``KEY=VALUE``.
    """
    name, values = "", dict[str, str]()
    for number, part in enumerate(filter(None, (part.strip() for part in text.split(",")))):
        key, sign, value = part.partition("=")
        if sign:
            values[key.strip().replace("-", "_")] = value.strip()
        elif number:
            raise UsageError(
                f"{text!r} names no inverter ({part!r} is not KEY=VALUE): write NAME[,KEY=VALUE], such as "
                "hybrid,steps=50."
            )
        else:
            name = key
    return values.pop("method", name), values
