"""The recipe of an edit: all that it takes to do the edit again, and the check that the photos are the same."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .errors import I2IError, UsageError
from .files import hash_file
from .registry import Registry

LIBRARIES = ("torch", "numpy", "pillow")


@dataclass(frozen=True)
class Recipe:
    """What ``recipe.json`` says."""

    plugin: str
    options: dict[str, Any]
    seed: int
    photos: tuple[dict[str, str], ...]
    """Each ``{"name", "path", "sha256"}``, in the order of ``--image``."""
    path: Path
    extractors: dict[str, str] = field(default_factory=dict)
    """By role, the names of those that were used."""

    def find_photos(self, images: Sequence[str | Path] = ()) -> list[Path]:
        """The recipe's photos, at ``images`` where they have moved, and proved to be the same pictures.

        Raises:
            I2IError: a photo is not there, or is not the one that was edited.
            UsageError: the number of ``images`` is not that of the recipe's photos.
        """
        if images and len(images) != len(self.photos):
            raise UsageError(f"{self.path} names {len(self.photos)} photos, but --image is given {len(images)} times.")
        paths = [Path(image) for image in images] or [Path(photo["path"]) for photo in self.photos]
        for path, photo in zip(paths, self.photos, strict=True):
            if not path.is_file():
                raise I2IError(f"The photo {path} of {self.path} is not there; say where it is now with --image PATH.")
            if hash_file(path) != photo["sha256"]:
                raise I2IError(f"{path} is not the photo that {self.path} edited; give that one with --image PATH.")
        return paths


def make_recipe(
    registry: Registry, name: str, options: Mapping[str, Any], seed: int, photos: Mapping[str, Path]
) -> dict[str, Any]:
    """The part of a recipe that is known before the edit, as plain values.

    Args:
        options: All of the editor's options, resolved.
        photos: By the editor's name for it, the file of each photo.
    """
    from . import __version__

    giver = registry.giver("editor", name)
    return {
        "plugin": name,
        "distribution": giver.distribution,
        "version": giver.version,
        "options": dict(options),
        "seed": seed,
        "photos": [{"name": n, "path": str(path.resolve()), "sha256": hash_file(path)} for n, path in photos.items()],
        "versions": {
            "i2i": __version__,
            "python": platform.python_version(),
            **{library: version(library) for library in LIBRARIES},
        },
    }


def for_picture(recipe: Mapping[str, Any]) -> str:
    """The recipe as it travels inside a picture: without the folders of the person who made it."""
    photos = [{**photo, "path": Path(photo["path"]).name} for photo in recipe["photos"]]
    return json.dumps({**recipe, "photos": photos}, ensure_ascii=False)


def read_recipe(path: str | Path) -> Recipe:
    """Read ``recipe.json``.

    Raises:
        UsageError: the file cannot be read or is not a recipe.
    """
    path = Path(path)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        photos = tuple({key: str(photo[key]) for key in ("name", "path", "sha256")} for photo in values["photos"])
        extractors = dict(values.get("extractors", {}))
        return Recipe(str(values["plugin"]), dict(values["options"]), int(values["seed"]), photos, path, extractors)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"--recipe {path} cannot be read ({reason}); name the recipe.json of an edit.") from None
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"--recipe {path} is not a recipe; name the recipe.json that an edit left.") from None
