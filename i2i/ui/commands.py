"""An edit as the command or the Python code that repeats it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..api.errors import I2IError
from ..api.options import describe, option_flag
from ..assets.defaults import FACES
from ..assets.extractors import choose
from ..editing.settings import EditSettings
from ..inference.generators import generator_domain

if TYPE_CHECKING:
    from ..api.options import Options
    from ..editing.recipes import Recipe
    from ..registry import Registry


@dataclass(frozen=True)
class EditCall:
    """The arguments of one edit, without those that are defaults."""

    editor: str
    images: Sequence[str]
    """With ``NAME=`` before each, for editors of several inputs."""
    settings: Mapping[str, Any]
    """Keyword arguments of ``i2i.edit`` that are not options of the editor."""
    options: Mapping[str, Any]
    out: str

    model: type[Options] = field(repr=False)
    """The options of the editor."""

    def as_command(self) -> str:
        """Return the ``i2i edit`` command."""
        words = ["i2i", "edit", "--plugin", self.editor]
        for image in self.images:
            words += ["--image", image]
        for name, value in self.settings.items():
            words += _setting_words(name, value)
        words += option_words(self.model, self.options)
        return shlex.join([*words, "--out", self.out])

    def as_python(self) -> str:
        """Return the call of ``i2i.edit``."""
        keywords = {**self.settings, **self.options, "out": self.out}
        # Names of options are identifiers, for they are fields of a model.
        lines = [f"    {name}={value!r}," for name, value in keywords.items()]
        return "\n".join(["i2i.edit(", f"    {self.editor!r},", f"    {list(self.images)!r},", *lines, ")"])


def call_of_recipe(
    recipe: Recipe,
    editor: str,
    photos: Sequence[str],
    model: type[Options],
    registry: Registry,
    out: str,
    rename: Callable[[Path], str] = str,
    extra: Mapping[str, Any] | None = None,
) -> EditCall:
    """Return the call that makes the edit of a recipe again.

    Args:
        recipe: The recipe.
        editor: What the call names the editor: its name, or the file that defines it.
        photos: The inputs that the editor declares.
        model: Its options.
        registry: Where extractors and generators are looked up.
        out: The output directory of the call.
        rename: Returns what a file is called in the call, for images and for options that are files.
        extra: Settings that a recipe does not record, such as ``fps``.
    """
    images = []
    for photo in recipe.photos:
        image = f"seed:{photo['seed']}" if "seed" in photo else rename(Path(photo["path"]))
        images.append(f"{photo['name']}={image}" if len(photos) > 1 else image)
    defaults = EditSettings().plain()
    settings: dict[str, Any] = {
        name: value
        for name, value in recipe.terms.items()
        if name == "generator" or (value is not None and value != defaults.get(name))
    }
    settings |= {"extractors": named} if (named := _named_extractors(recipe, registry)) else {}
    for name in ("extractor_options", "generator_options"):
        settings |= {name: given} if (given := getattr(recipe, name)) else {}
    settings |= {"seed": recipe.seed} if recipe.seed else {}
    options = _changed_options(model, recipe, rename)
    return EditCall(editor, images, settings | dict(extra or {}), options, out, model)


def _changed_options(model: type[Options], recipe: Recipe, rename: Callable[[Path], str]) -> dict[str, Any]:
    """Return the options that differ from their defaults, files under their new names."""
    changed = {}
    for name, declared in model.model_fields.items():
        if name not in recipe.options or name == "seed":  # the seed of the edit sets it
            continue
        value = recipe.options[name]
        if declared.is_required() or value != _plain(declared.get_default(call_default_factory=True)):
            changed[name] = rename(Path(value)) if name in recipe.option_files else value
    return changed


def _named_extractors(recipe: Recipe, registry: Registry) -> dict[str, str]:
    """Return the extractors that would not be chosen without being named."""
    source = recipe.generator.get("source")
    domain = FACES if source is None else generator_domain(str(source), registry)
    named = {}
    for role, name in recipe.extractors.items():
        try:
            default = choose(role, registry, None, domain).name
        except I2IError:
            default = ""
        if name != default:
            named[role] = name
    return named


def _plain(value: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(Any).dump_python(value, mode="json")


def _setting_words(name: str, value: Any) -> list[str]:
    """Return the words of the command line for a setting."""
    flag = option_flag(name)
    match name:
        case "eyes":
            return [flag, ":".join(_point(point) for point in value)]
        case "mouth":
            return [flag, _point(value)]
        case "invert":
            given = dict(value) if isinstance(value, Mapping) else {"method": str(value)}
            method = given.pop("method", "")
            return [flag, ",".join(filter(None, [str(method), *_pairs(given)]))]
        case "extractors":
            return [word for pair in _pairs(value) for word in ("--extractor", pair)]
        case "extractor_options":
            return [word for own, given in value.items() for pair in _pairs(given) for word in (flag, f"{own}.{pair}")]
        case "generator_options":
            return [word for pair in _pairs(value) for word in (flag, pair)]
        case "animation" if not isinstance(value, str):
            return [flag, ",".join(value)]
        case "keep":
            return [] if value else ["--fresh"]
    return [flag, str(value)]


def _point(point: Sequence[float]) -> str:
    return ",".join(f"{number:g}" if number == int(number) else repr(float(number)) for number in point)


def _pairs(values: Mapping[str, Any]) -> list[str]:
    """Return ``KEY=VALUE`` for each value, as the command line reads them."""
    texts = {True: "true", False: "false", None: "null"}
    return [
        f"{key}={texts[value] if value is None or isinstance(value, bool) else value}" for key, value in values.items()
    ]


def option_words(model: type[Options], options: Mapping[str, Any]) -> list[str]:
    """Return the words of the command line for the values of an options model."""
    rows = {row["name"]: row for row in describe(model)}
    words: list[str] = []
    for name, value in options.items():
        flag, row = option_flag(name), rows[name]
        if value is None:  # cannot be typed; it is the default wherever it is allowed
            continue
        if isinstance(value, bool):
            words.append(flag if value else f"--no-{flag.removeprefix('--')}")
        elif isinstance(value, list | tuple):
            if row["count"] == "any":
                words += [word for each in value for word in (flag, str(each))]
            else:
                words += [flag, *map(str, value)]
        else:
            words += [flag, str(value)]
    return words
