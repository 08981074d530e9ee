"""The recipe of an edit: everything that is needed to repeat it, and the check that its files have not changed."""

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
from ..toolkit.files import hash_unchanged

if TYPE_CHECKING:
    from ..api.editor import Editor
    from ..api.options import Options
    from .settings import EditSettings

RECIPE = "recipe.json"
"""Name of the recipe in the output directory."""
LIBRARIES = ("torch", "numpy", "pillow")


@dataclass(frozen=True)
class Recipe:
    """The content of ``recipe.json``."""

    plugin: str
    options: dict[str, Any]
    seed: int
    photos: tuple[dict[str, str], ...]
    """The images in order: each ``{"name", "path", "sha256"}``, or ``{"name", "seed"}``."""
    path: Path
    extractors: dict[str, str] = field(default_factory=dict)
    """Names of the extractors that were used, by role."""
    extractor_options: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Options of extractors that were set, by extractor name."""
    extractor_files: dict[str, str] = field(default_factory=dict)
    """SHA-256 of the weights that options of extractors name, by their path."""
    generator_options: dict[str, Any] = field(default_factory=dict)
    """Options of the generator that were set."""
    generator: dict[str, Any] = field(default_factory=dict)
    """Its ``source`` and the SHA-256 of its weights; empty for edits of pixels."""
    terms: dict[str, Any] = field(default_factory=dict)
    """Settings of cropping, inversion and blending: keywords of ``EditSettings``."""
    option_files: dict[str, str] = field(default_factory=dict)
    """SHA-256 of each file that an option names, by option."""
    origin: dict[str, str] | None = None
    """Origin of an editor that is not installed, see ``Plugin.origin``; None for an installed one."""
    inverter_origins: dict[str, dict[str, str]] = field(default_factory=dict)
    """The same of the inverters that were used and are not installed, by name."""
    provider: tuple[str, str] = ("", "")
    """Distribution and version that provided the editor; empty if the recipe has none."""

    def version_warning(self, registry: Registry) -> str:
        """Return a warning if another distribution or version provides the editor now; else an empty string."""
        now = registry.provider("editor", self.plugin)
        made = " ".join(self.provider).strip()
        if not made or (now.distribution, now.version) == self.provider:
            return ""
        return (
            f"{self.path} was made with {made}, and {self.plugin} is provided by {now.release} now; "
            "the result may differ."
        )

    def check_options(self) -> None:
        """Check that the files that options name have not changed.

        Raises:
            I2IError: a file is missing, or has changed.
        """
        for name, sha256 in self.option_files.items():
            path = Path(str(self.options.get(name)))
            if not path.is_file() or hash_unchanged(path) != sha256:
                raise I2IError(
                    f"{path}, the {option_flag(name)} of {self.path}, is missing or differs; restore it or edit again."
                )

    def check_generator(self, registry: Registry) -> None:
        """Check that the generator has not changed.

        Raises:
            UsageError, I2IError: the generator is missing, or its weights have changed.
        """
        if not self.generator:
            return
        if generator_identity(self.generator["source"], registry).get("sha256") != self.generator.get("sha256"):
            raise I2IError(
                f"The generator {self.generator['source']} is not the one that {self.path} was made with; "
                "restore that one or edit again."
            )

    def check_extractors(self, registry: Registry) -> None:
        """Check that the files and runs which options of extractors name have not changed.

        Raises:
            UsageError, I2IError: one is missing, or has changed.
        """
        for path, sha256 in self.extractor_files.items():
            if generator_identity(path, registry).get("sha256") != sha256:
                raise I2IError(f"{path} is not as it was when {self.path} was made; restore it or edit again.")


def extractor_files(registry: Registry, options: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return the SHA-256 of each file, or of the last checkpoint of each run, that options of extractors name, by path.

    Args:
        options: Options of extractors by name; the one that ``Extractor.reads`` names counts.

    Raises:
        UsageError, I2IError: there is no such file or run, or the run has no checkpoint.
    """
    found = {}
    for name, values in options.items():
        if path := values.get(registry.entry("extractor", name).get("reads") or ""):
            found[str(path)] = str(generator_identity(path, registry)["sha256"])
    return found


def make_recipe(
    registry: Registry,
    kind: type[Editor],
    options: Options,
    settings: EditSettings,
    photos: Sequence[Mapping[str, str]],
) -> dict[str, Any]:
    """Build the part of a recipe that is known before the edit, as plain values.

    Args:
        options: All options of the editor, resolved.
        photos: The images, as in ``Recipe.photos``.
    """
    provider = registry.provider("editor", kind.name)
    files = {name: path.resolve() for name, path in options if isinstance(path, Path) and path.is_file()}
    recipe: dict[str, Any] = {
        "plugin": kind.name,
        "distribution": provider.distribution,
        "version": provider.version,
        "options": options.model_dump(mode="json") | {name: str(path) for name, path in files.items()},
        "option_files": {name: hash_unchanged(path) for name, path in files.items()},
        "seed": settings.seed,
        "photos": [dict(photo) for photo in photos],
    }
    if provider.origin:
        recipe["origin"] = provider.origin
    if kind.wants != "pixels":
        known = generator_identity(settings.generator, registry)
        recipe["generator"] = {"source": settings.generator, "name": known.pop("generator"), **known}
        recipe["terms"] = settings.plain()
    for name in ("extractor_options", "generator_options"):
        recipe |= {name: dict(given)} if (given := getattr(settings, name)) else {}
    if files_of_extractors := extractor_files(registry, settings.extractor_options):
        recipe["extractor_files"] = files_of_extractors
    return recipe | {"versions": installed_versions(LIBRARIES)}


def recipe_text(recipe: Mapping[str, Any]) -> str:
    """Return the recipe as JSON for the metadata of an image, without the folders of its user."""
    public = {**recipe, "photos": [_without_folder(photo, "path") for photo in recipe["photos"]]}
    for name in recipe["option_files"]:
        public["options"] = _without_folder(public["options"], name)
    if "origin" in recipe:
        public["origin"] = _without_folder(recipe["origin"], "path")
        public["distribution"] = Path(recipe["distribution"]).name
    if "inverter_origins" in recipe:
        origins = recipe["inverter_origins"].items()
        public["inverter_origins"] = {name: _without_folder(origin, "path") for name, origin in origins}
    if "extractor_files" in recipe:
        public["extractor_files"] = {Path(path).name: own for path, own in recipe["extractor_files"].items()}
        public["extractor_options"] = {
            # As text, because values of other options may be lists and dictionaries, which no set can look up.
            name: {
                key: Path(value).name if str(value) in recipe["extractor_files"] else value
                for key, value in own.items()
            }
            for name, own in recipe["extractor_options"].items()
        }
    if "generator" in recipe:
        public["generator"] = _without_folder(recipe["generator"], "source")
    return json.dumps(public, ensure_ascii=False)


def _without_folder(about: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Replace the path under ``key`` by its file name."""
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
            extractor_files={str(path): str(sha256) for path, sha256 in values.get("extractor_files", {}).items()},
            generator_options=dict(values.get("generator_options", {})),
            generator=generator,
            terms=terms,
            option_files=dict(values.get("option_files", {})),
            origin=dict(values["origin"]) if values.get("origin") else None,
            inverter_origins={name: dict(origin) for name, origin in values.get("inverter_origins", {}).items()},
            provider=(str(values.get("distribution", "")), str(values.get("version", ""))),
        )
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"--recipe {path} cannot be read ({reason}); name the recipe.json of an edit.") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UsageError(f"--recipe {path} is not a recipe; name the recipe.json of an edit.") from None


def _photo(entry: Mapping[str, Any]) -> dict[str, str]:
    keys = ("name", "seed") if "seed" in entry else ("name", "path", "sha256")
    return {key: str(entry[key]) for key in keys}
