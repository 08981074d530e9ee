"""``--image``: the images of an edit, and which of the editor's names each one is for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..api.editor import Editor
from ..api.errors import I2IError, UsageError
from ..toolkit.files import hash_file
from ..toolkit.latents.files import SUFFIXES
from .recipes import RECIPE

SEED = "seed:"
_LAST_SEED = 2**32 - 1
_MARKS = "?+*"


@dataclass(frozen=True)
class InputSlot:
    """One of the names by which an editor asks for images."""

    name: str
    least: int
    many: bool

    @classmethod
    def of(cls, declared: str) -> InputSlot:
        """Read a name and its mark, as ``Editor.photos`` has them."""
        mark = declared[-1:] if declared[-1:] in _MARKS else ""
        return cls(declared.rstrip(_MARKS), 0 if mark in ("?", "*") and mark else 1, mark in ("+", "*") and bool(mark))


@dataclass(frozen=True)
class InputImage:
    """One image as the user names it."""

    slot: str
    """The editor's name for it."""
    kind: Literal["photo", "latent", "seed"]
    path: Path | None = None
    seed: int | None = None

    @property
    def label(self) -> str:
        """For captions."""
        return f"{SEED}{self.seed}" if self.path is None else self.path.stem

    def plain(self) -> dict[str, str]:
        """As it stands in a recipe: where it is, and what proves that it is the same."""
        if self.path is None:
            return {"name": self.slot, "seed": str(self.seed)}
        return {"name": self.slot, "path": str(self.path.resolve()), "sha256": hash_file(self.path)}


def assign_inputs(kind: type[Editor], images: Sequence[str | Path]) -> list[InputImage]:
    """The pictures in the order of the editor's names.

    Each of ``images`` is a file, ``seed:N`` or one of those after ``NAME=``. Those without a name fill the editor's
    names in order, the last that takes any number gets the rest; where others bear names, all without one go to the
    first. Editors of latents that are given nothing get ``seed:0`` and so on.

    Raises:
        UsageError: too few or too many for the editor, or a seed that is no number.
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
    return [_given(kind, place.name, text) for place in places for text in named[place.name]]


def _fill(places: Sequence[InputSlot], named: Mapping[str, list[str]], free: list[str]) -> None:
    """Give each picture without a name its place; takes from ``free`` what finds one."""
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
    what = "photo(s)" if kind.wants == "pixels" else "picture(s)"
    least = sum(place.least for place in places)
    more = "at least " if any(place.many or not place.least for place in places) else ""
    lacking = f", and {short.name!r} does not get its own" if short is not None and given >= least else ""
    raise UsageError(
        f"Editor {kind.name!r} takes {more}{least} {what} ({asked}), but {given} "
        f"{'was' if given == 1 else 'were'} given{lacking}: use --image PATH."
    )


def _given(kind: type[Editor], place: str, text: str) -> InputImage:
    if not text.strip():
        raise UsageError('--image "": name a photo, seed:N or the latent.safetensors of an edit.')
    if text.startswith(SEED):
        number = text.removeprefix(SEED)
        if not (number.isascii() and number.isdecimal()) or int(number) > _LAST_SEED:
            raise UsageError(f"--image {text}: write a seed as a whole number from 0 to {_LAST_SEED}, such as seed:7.")
        found = InputImage(place, "seed", seed=int(number))
    elif Path(text).suffix.lower() in SUFFIXES:
        found = InputImage(place, "latent", Path(text))
    else:
        found = InputImage(place, "photo", Path(text))
    if found.kind != "photo" and kind.wants == "pixels":
        raise UsageError(f"--image {text}: editor {kind.name!r} works on the pixels of photos; name a picture's file.")
    if found.path is not None:
        _check_file(kind, text, found.path)
    return found


def _check_file(kind: type[Editor], text: str, path: Path) -> None:
    """Refuse what is no file, or no picture for sure, by what the user may have meant.

    Raises:
        UsageError: it begins with a name that is none of the editor's.
        I2IError: there is no such file, or it is a recipe.
    """
    name, sign, rest = text.partition("=")
    if path.is_file():
        if path.name == RECIPE:
            latent = path.with_name("latent.safetensors")
            then = f", or go on from its result with --image {latent}" if latent.is_file() else ""
            raise I2IError(f"--image {text}: that is the recipe of an edit; do it again with --recipe {text}{then}.")
    elif sign and name.isidentifier():
        places = [InputSlot.of(declared).name for declared in kind.photos]
        raise UsageError(
            f"--image {text}: editor {kind.name!r} has no picture called {name!r}; write "
            f"{' or '.join(f'--image {each}={rest}' for each in places)}."
        )
    else:
        reason = "it is a folder" if path.is_dir() else "there is no such file"
        raise I2IError(f"--image {text}: {reason}; name a photo, seed:N or the latent.safetensors of an edit.")


def inputs_again(
    kind: type[Editor], known: Sequence[Mapping[str, Any]], images: Sequence[str | Path], where: Path
) -> list[InputImage]:
    """The pictures of a recipe, its files at ``images`` where they have moved, and proved to be the same.

    Raises:
        UsageError: the number of ``images`` is not that of the recipe's files.
        I2IError: a file is not there, or is not the one that was edited.
    """
    files = [each for each in known if "path" in each]
    if images and len(images) != len(files):
        raise UsageError(f"{where} names {len(files)} photos, but --image is given {len(images)} times.")
    moved = iter([Path(image) for image in images] or [Path(each["path"]) for each in files])
    return [
        InputImage(str(each["name"]), "seed", seed=int(each["seed"]))
        if "path" not in each
        else _proved(kind, str(each["name"]), next(moved), str(each["sha256"]), where)
        for each in known
    ]


def _proved(kind: type[Editor], name: str, path: Path, sha256: str, where: Path) -> InputImage:
    if not path.is_file():
        raise I2IError(f"The photo {path} of {where} is not there; say where it is now with --image PATH.")
    if hash_file(path) != sha256:
        raise I2IError(f"{path} is not the photo that {where} edited; give that one with --image PATH.")
    return _given(kind, name, str(path))
