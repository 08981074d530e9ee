"""Inputs of an edit: parse ``--image`` and assign each image to a slot of the editor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..api.editor import Editor
from ..api.errors import I2IError, UsageError
from ..toolkit.files import hash_unchanged
from ..toolkit.latents.files import SUFFIXES
from .recipes import RECIPE

SEED = "seed:"
_LAST_SEED = 2**32 - 1
_MARKS = "?+*"


@dataclass(frozen=True)
class InputSlot:
    """A named input of an editor: how many images it takes."""

    name: str
    least: int
    """Minimum number of images: 0 or 1."""
    many: bool
    """Whether it takes more than one image."""

    @classmethod
    def of(cls, declared: str) -> InputSlot:
        """Parse an entry of ``Editor.photos``: a name and its mark."""
        mark = declared[-1:] if declared[-1:] in _MARKS else ""
        return cls(declared.rstrip(_MARKS), 0 if mark in ("?", "*") and mark else 1, mark in ("+", "*") and bool(mark))


@dataclass(frozen=True)
class InputImage:
    """One image as the user names it."""

    slot: str
    """Name of the editor's slot."""
    kind: Literal["photo", "latent", "seed"]
    path: Path | None = None
    seed: int | None = None

    @property
    def label(self) -> str:
        """Caption: the file name without its suffix, or ``seed:N``."""
        return f"{SEED}{self.seed}" if self.path is None else self.path.stem

    def plain(self) -> dict[str, str]:
        """Return the entry of the recipe: the seed, or the path with its SHA-256."""
        if self.path is None:
            return {"name": self.slot, "seed": str(self.seed)}
        return {"name": self.slot, "path": str(self.path.resolve()), "sha256": hash_unchanged(self.path)}


def is_rendered(text: str) -> bool:
    """Return whether an image is rendered by a generator: ``seed:N`` or the file of a latent."""
    return text.startswith(SEED) or Path(text).suffix.lower() in SUFFIXES


def assign_inputs(kind: type[Editor], images: Sequence[str | Path]) -> list[InputImage]:
    """Assign images to the slots of an editor; returns them in the order of the slots.

    Images without a name fill the slots in order, and the last slot that takes any number of images gets the rest. If
    other images have names and the first slot takes any number, it gets all images without a name. Without images,
    editors of crops and latents get ``seed:0``, ``seed:1`` and so on.

    Args:
        images: Each a file or ``seed:N``, with or without ``NAME=`` before it.

    Raises:
        UsageError: the editor takes fewer or more images, or a seed is not a number.
        I2IError: a file does not exist, or is a recipe.
    """
    places = [InputSlot.of(declared) for declared in kind.photos]
    named: dict[str, list[str]] = {place.name: [] for place in places}
    free: list[str] = []
    for text in map(str, images):
        name, sign, rest = text.partition("=")
        (named[name] if sign and name in named else free).append(rest if sign and name in named else text)
    if not images and kind.wants != "pixels":
        free = [f"{SEED}{number}" for number in range(sum(place.least for place in places))]
    _fill(places, named, free)
    for place in places:
        _check(kind, place, len(named[place.name]), len(images))
    if free:
        _check_count(kind, len(images))
    return [_parse_image(kind, place.name, text) for place in places for text in named[place.name]]


def _fill(places: Sequence[InputSlot], named: Mapping[str, list[str]], free: list[str]) -> None:
    """Assign the images without a name to slots; assigned ones are removed from ``free``."""
    if places and any(named.values()) and places[0].many and not named[places[0].name]:
        named[places[0].name].extend(free)
        free.clear()
    for place in places:
        if free and not named[place.name]:
            named[place.name].append(free.pop(0))
    for place in reversed(places):
        if place.many:
            named[place.name].extend(free)
            free.clear()


def _check(kind: type[Editor], place: InputSlot, count: int, given: int) -> None:
    if count < place.least or (count > 1 and not place.many):
        _check_count(kind, given, place)


def _check_count(kind: type[Editor], given: int, short: InputSlot | None = None) -> None:
    places = [InputSlot.of(declared) for declared in kind.photos]
    asked = ", ".join(place.name + ("..." if place.many else "") for place in places) or "none"
    what = "photo(s)" if kind.wants == "pixels" else "image(s)"
    least = sum(place.least for place in places)
    more = "at least " if any(place.many or not place.least for place in places) else ""
    lacking = f", and none is left for {short.name!r}" if short is not None and given >= least else ""
    raise UsageError(
        f"Editor {kind.name!r} takes {more}{least} {what} ({asked}), but {given} "
        f"{'was' if given == 1 else 'were'} given{lacking}: use --image PATH."
    )


def _parse_image(kind: type[Editor], place: str, text: str) -> InputImage:
    image = _classify_image(place, text)
    if image.kind != "photo" and kind.wants == "pixels":
        raise UsageError(f"--image {text}: editor {kind.name!r} works on the pixels of photos; name an image file.")
    if image.path is not None:
        _check_file(kind, text, image.path)
    return image


def _classify_image(place: str, text: str) -> InputImage:
    """Tell seeds, latents and photos apart; files are not looked at."""
    if not text.strip():
        raise UsageError('--image "": name a photo, seed:N or the latent.safetensors of an edit.')
    if text.startswith(SEED):
        number = text.removeprefix(SEED)
        if not (number.isascii() and number.isdecimal()) or int(number) > _LAST_SEED:
            raise UsageError(f"--image {text}: write a seed as a whole number from 0 to {_LAST_SEED}, such as seed:7.")
        return InputImage(place, "seed", seed=int(number))
    return InputImage(place, "latent" if Path(text).suffix.lower() in SUFFIXES else "photo", Path(text))


def parse_rendered(text: str) -> InputImage:
    """Parse an image that a generator renders: ``seed:N`` or the file of a latent.

    Raises:
        UsageError: it is something else, or the seed is not a number.
        I2IError: the file does not exist.
    """
    image = _classify_image("image", text)
    if image.kind == "photo":
        raise UsageError(f"{text} is no seed:N and no latent; name seed:N or the latent.safetensors of an edit.")
    if image.path is not None and not image.path.is_file():
        raise I2IError(f"{text}: there is no such file; name seed:N or the latent.safetensors of an edit.")
    return image


def _check_file(kind: type[Editor], text: str, path: Path) -> None:
    """Refuse a missing file or a recipe, and suggest what the user may have meant.

    Raises:
        UsageError: the text starts with ``NAME=``, and the editor has no slot of this name.
        I2IError: the file does not exist, or is a recipe.
    """
    name, sign, rest = text.partition("=")
    if path.is_file():
        if path.name == RECIPE:
            latent = path.with_name("latent.safetensors")
            then = f", or edit its result with --image {latent}" if latent.is_file() else ""
            raise I2IError(f"--image {text}: that is the recipe of an edit; repeat it with --recipe {text}{then}.")
    elif sign and name.isidentifier():
        places = [InputSlot.of(declared).name for declared in kind.photos]
        raise UsageError(
            f"--image {text}: editor {kind.name!r} has no image named {name!r}; write "
            f"{' or '.join(f'--image {place}={rest}' for place in places)}."
        )
    else:
        reason = "it is a folder" if path.is_dir() else "there is no such file"
        raise I2IError(f"--image {text}: {reason}; name a photo, seed:N or the latent.safetensors of an edit.")


def recorded_inputs(
    kind: type[Editor], known: Sequence[Mapping[str, Any]], images: Sequence[str | Path], where: Path
) -> list[InputImage]:
    """Return the inputs of a recipe, after comparing the SHA-256 of each file.

    Args:
        known: ``Recipe.photos``.
        images: New paths of the recipe's files, in order; empty if they have not moved.
        where: Path of the recipe, for messages.

    Raises:
        UsageError: the number of ``images`` differs from the number of files in the recipe.
        I2IError: a file is missing, or differs from the one that was edited.
    """
    files = [entry for entry in known if "path" in entry]
    if images and len(images) != len(files):
        raise UsageError(f"{where} names {len(files)} photos, but --image is given {len(images)} times.")
    moved = iter([Path(image) for image in images] or [Path(entry["path"]) for entry in files])
    return [
        InputImage(str(entry["name"]), "seed", seed=int(entry["seed"]))
        if "path" not in entry
        else _verify_photo(kind, str(entry["name"]), next(moved), str(entry["sha256"]), where)
        for entry in known
    ]


def _verify_photo(kind: type[Editor], name: str, path: Path, sha256: str, where: Path) -> InputImage:
    if not path.is_file():
        raise I2IError(f"The photo {path} of {where} is missing; name its new path with --image PATH.")
    if hash_unchanged(path) != sha256:
        raise I2IError(f"{path} is not the photo that {where} edited; name the original with --image PATH.")
    return _parse_image(kind, name, str(path))
