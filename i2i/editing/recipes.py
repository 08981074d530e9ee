"""The recipe of an edit: all that it takes to do the edit again, and the check that the photos are the same."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..api.errors import I2IError, UsageError
from ..api.options import option_flag
from ..inference.generators import generator_identity
from ..registry import Registry
from ..runtime.versions import installed_versions
from ..toolkit.files import hash_file

if TYPE_CHECKING:
    from ..api.editor import Editor
    from ..api.options import Options
    from .settings import EditSettings

RECIPE = "recipe.json"
"""Name of the recipe in the output directory."""
LIBRARIES = ("torch", "numpy", "pillow")


@dataclass(frozen=True)
class Recipe:
    """What ``recipe.json`` says."""

    plugin: str
    options: dict[str, Any]
    seed: int
    photos: tuple[dict[str, str], ...]
    """In the order in which they were used: each ``{"name", "path", "sha256"}``, or ``{"name", "seed"}``."""
    path: Path
    extractors: dict[str, str] = field(default_factory=dict)
    """By role, the names of those that were used."""
    extractor_options: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By the names of extractors, options that were given."""
    generator_options: dict[str, Any] = field(default_factory=dict)
    """Options of the generator that were given."""
    generator: dict[str, Any] = field(default_factory=dict)
    """Its ``source`` and what proves it the same; empty for edits of pixels."""
    terms: dict[str, Any] = field(default_factory=dict)
    """How photos became latents and went back: keywords of ``EditSettings``."""
    option_files: dict[str, str] = field(default_factory=dict)
    """By the name of an option that is a file, the file's ``sha256``."""
    origin: dict[str, str] | None = None
    """Where an editor that is not installed came from, see ``Plugin.origin``; None for installed ones."""
    provider: tuple[str, str] = ("", "")
    """Distribution and version that provided the editor; empty in recipes that do not say."""

    def version_warning(self, registry: Registry) -> str:
        """Return a sentence if the editor is provided by another distribution or version now; else an empty text."""
        now = registry.giver("editor", self.plugin)
        made = " ".join(self.provider).strip()
        if not made or (now.distribution, now.version) == self.provider:
            return ""
        return (
            f"{self.path} was made with {made}, and {self.plugin} is provided by {now.distribution} {now.version} now; "
            "the result may differ."
        )

    def check_options(self) -> None:
        """Refuse other files under the same names.

        Raises:
            I2IError: a file that an option names is not there, or is another.
        """
        for name, sha256 in self.option_files.items():
            path = Path(str(self.options.get(name)))
            if not path.is_file() or hash_file(path) != sha256:
                raise I2IError(
                    f"{path}, the {option_flag(name)} of {self.path}, is missing or differs; put it back, or edit anew."
                )

    def check_generator(self, registry: Registry) -> None:
        """Refuse another generator under the same name.

        Raises:
            UsageError, I2IError: it is not there, or its weights are others.
        """
        if not self.generator:
            return
        if generator_identity(self.generator["source"], registry).get("sha256") != self.generator.get("sha256"):
            raise I2IError(
                f"The generator {self.generator['source']} is not the one that {self.path} was made with; "
                "put that one in its place, or edit anew."
            )


def make_recipe(
    registry: Registry,
    kind: type[Editor],
    options: Options,
    settings: EditSettings,
    photos: Sequence[Mapping[str, str]],
) -> dict[str, Any]:
    """The part of a recipe that is known before the edit, as plain values.

    Args:
        options: All of the editor's options, resolved.
        photos: The pictures, as ``Recipe.photos`` has them.
    """
    giver = registry.giver("editor", kind.name)
    files = {name: path.resolve() for name, path in options if isinstance(path, Path) and path.is_file()}
    recipe: dict[str, Any] = {
        "plugin": kind.name,
        "distribution": giver.distribution,
        "version": giver.version,
        "options": options.model_dump(mode="json") | {name: str(path) for name, path in files.items()},
        "option_files": {name: hash_file(path) for name, path in files.items()},
        "seed": settings.seed,
        "photos": [dict(photo) for photo in photos],
    }
    if giver.origin:
        recipe["origin"] = giver.origin
    if kind.wants != "pixels":
        known = generator_identity(settings.generator, registry)
        recipe["generator"] = {"source": settings.generator, "name": known.pop("generator"), **known}
        recipe["terms"] = settings.plain()
    for name in ("extractor_options", "generator_options"):
        recipe |= {name: dict(given)} if (given := getattr(settings, name)) else {}
    return recipe | {"versions": installed_versions(LIBRARIES)}


def for_picture(recipe: Mapping[str, Any]) -> str:
    """The recipe as it travels inside a picture: without the folders of the person who made it."""
    told = {**recipe, "photos": [_bare(photo, "path") for photo in recipe["photos"]]}
    for name in recipe["option_files"]:
        told["options"] = _bare(told["options"], name)
    if "origin" in recipe:
        told["origin"] = _bare(recipe["origin"], "path")
        told["distribution"] = Path(recipe["distribution"]).name
    if "generator" in recipe:
        told["generator"] = _bare(recipe["generator"], "source")
    return json.dumps(told, ensure_ascii=False)


def _bare(about: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Of a file its name alone."""
    return {**about, key: Path(about[key]).name} if key in about else dict(about)


def read_recipe(path: str | Path) -> Recipe:
    """Read ``recipe.json``.

    Raises:
        UsageError: the file cannot be read or is not a recipe.
    """
    path = Path(path)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        photos = tuple(_photo(photo) for photo in values["photos"])
        generator, terms = dict(values.get("generator", {})), dict(values.get("terms", {}))
        if generator:
            terms["generator"] = str(generator["source"])
        return Recipe(
            *(str(values["plugin"]), dict(values["options"]), int(values["seed"]), photos, path),
            extractors=dict(values.get("extractors", {})),
            extractor_options={name: dict(own) for name, own in values.get("extractor_options", {}).items()},
            generator_options=dict(values.get("generator_options", {})),
            generator=generator,
            terms=terms,
            option_files=dict(values.get("option_files", {})),
            origin=dict(values["origin"]) if values.get("origin") else None,
            provider=(str(values.get("distribution", "")), str(values.get("version", ""))),
        )
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"--recipe {path} cannot be read ({reason}); name the recipe.json of an edit.") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UsageError(f"--recipe {path} is not a recipe; name the recipe.json that an edit left.") from None


def _photo(told: Mapping[str, Any]) -> dict[str, str]:
    keys = ("name", "seed") if "seed" in told else ("name", "path", "sha256")
    return {key: str(told[key]) for key in keys}
