"""Settings and presets of an edit request, checked before torch is imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from ..api.errors import I2IError, UsageError, did_you_mean
from ..api.generator import Generator, StyleGenerator
from ..api.inverter import split_method as parse_method
from ..guards import build_plugin
from ..toolkit.faces.detection import FaceChoice

if TYPE_CHECKING:
    from ..api.editor import Editor
    from ..api.options import Options
    from ..api.preset import Preset
    from ..registry import Registry

Crop = Literal["auto", "face", "square"]
"""How a photo becomes what a generator knows: the face aligned as FFHQ has them, or the largest centred square."""
Blend = Literal["feather", "poisson", "plain", "none"]
"""How an edited crop goes back into its photo: its edges brought to the photo's colours and faded in, evened out by
Poisson's equation as well, faded in as it is, or not at all."""


@dataclass(frozen=True)
class EditCallbacks:
    """Progress, cancellation and notes of an edit, as functions of whoever asked for it."""

    progress: Callable[..., None] = lambda done, total, **scalars: None
    """As ``Scene.progress``."""
    stop: Callable[[], bool] = lambda: False
    """True once the best so far is enough."""
    note: Callable[[str], None] = lambda text: None
    """Called with a sentence about anything worth knowing."""

    @classmethod
    def of(
        cls,
        progress: Callable[..., None] | None,
        stop: Callable[[], bool] | None,
        note: Callable[[str], None] | None,
    ) -> EditCallbacks:
        """Those that are given; silence for the others."""
        silent = cls()
        return cls(progress or silent.progress, stop or silent.stop, note or silent.note)


@dataclass(frozen=True)
class EditSettings:
    """Editor-independent settings of one edit request."""

    generator: str = ""
    """What ``i2i.generator`` takes; empty for editors of pixels."""
    extractors: Mapping[str, str] = field(default_factory=dict)
    """By role, names of those to take; the others are chosen by what the pictures show."""
    extractor_options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Options of extractors by their names."""
    generator_options: Mapping[str, Any] = field(default_factory=dict)
    """Options of the generator, where its family declares any."""
    crop: Crop = "auto"
    face: FaceChoice = "largest"
    invert: Mapping[str, Any] = field(default_factory=dict)
    """How photos get latents: the options of an inverter, and under ``method`` its name."""
    truncation: float = 0.7
    """Of pictures given by their seed."""
    blend: Blend = "feather"
    device: str = "auto"
    seed: int = 0
    out: Path | None = None
    keep: bool = True
    """Look into the cache of inversions, and keep new ones there."""
    calls: EditCallbacks = EditCallbacks()

    def __post_init__(self) -> None:
        for name, words in (("crop", get_args(Crop)), ("blend", get_args(Blend))):
            if getattr(self, name) not in words:
                raise UsageError(f"--{name} {getattr(self, name)}: use one of {', '.join(words)}.")

    def check(self, kind: type[Editor]) -> None:
        """Refuse what means nothing to an editor, so that nothing that is typed is passed over.

        Raises:
            UsageError: it asks for an inversion or for a face, and the editor has no use for them.
        """
        if self.generator_options and kind.wants == "pixels":
            raise UsageError(f"--generator-options is given, and editor {kind.name!r} uses no generator: leave it out.")
        if self.invert and kind.wants != "latent":
            own = "method" in kind.Options.model_fields and "method" in self.invert
            instead = f"type --method {self.invert['method']} instead" if own else "leave them out"
            raise UsageError(
                f"--invert and --faithful say how photos get latents to edit, and editor {kind.name!r} edits no "
                f"latents: {instead}."
            )
        if self.face != "largest" and kind.wants == "pixels":
            raise UsageError(
                f"--face {self.face} says whose face is cut out, and editor {kind.name!r} works on whole photos: "
                "leave it out."
            )

    def check_images(self, photos: bool, aligned: bool) -> None:
        """Refuse, or where it does no harm tell, what means nothing to the pictures that are given.

        Args:
            photos: Whether a photo is among them.
            aligned: Whether faces are cut out of photos.

        Raises:
            UsageError: a face is asked for, and none is looked for.
        """
        if self.face != "largest" and not photos:
            raise UsageError(
                f"--face {self.face} says whose face of a photo is cut out, and seeds and latents are edited whole: "
                "leave it out."
            )
        if self.face != "largest" and not aligned:
            raise UsageError(
                f"--face {self.face} says whose face is cut out, and here photos are cut to their largest square: "
                "type --crop face as well, or leave it out."
            )
        if self.invert and not photos:
            self.calls.note(
                "--invert and --faithful say how photos get latents; seeds and latents have theirs, so they change "
                "nothing here."
            )

    def plain(self) -> dict[str, Any]:
        """What a recipe needs of them, as plain values."""
        return {
            "crop": self.crop,
            "face": self.face,
            "invert": dict(self.invert),
            "truncation": self.truncation,
            "blend": self.blend,
        }


def faithful_inversion(text: str, registry: Registry) -> dict[str, Any]:
    """Read ``--invert`` beside ``--faithful``, which names the inverter: ``text`` may set its options, or be empty.

    Raises:
        UsageError: it names another inverter, or is written otherwise; or no inverter declares itself the faithful one.
    """
    names = list(registry.where("inverter", faithful=True))
    if not names:
        raise UsageError("No installed inverter is the faithful one: leave out --faithful, or name one with --invert.")
    name, values = split_method(read_inversion(text))
    if name and name not in names:
        raise UsageError(
            f"--faithful is short for --invert {names[0]}, and --invert {text} names another method: "
            "leave one of the two out."
        )
    return {"method": name or names[0], **values}


def read_inversion(text: str | Mapping[str, Any]) -> dict[str, Any]:
    """Read ``--invert``: an inverter, its options, or both, such as ``pti`` or ``lpips,steps=50``.

    Returns:
        The options, and under ``method`` the inverter where it is named.

    Raises:
        UsageError: it is written otherwise.
    """
    if not isinstance(text, str):
        return dict(text)
    try:
        name, values = parse_method(text)
    except ValueError:
        raise UsageError(f"--invert {text}: write METHOD or KEY=VALUE, such as hybrid,steps=50.") from None
    return {"method": name, **values} if name else dict(values)


def split_method(invert: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Split what ``read_inversion`` returns: the inverter's name, empty for the default one, and its options."""
    values = dict(invert)
    return str(values.pop("method", "")), values


def folder_of(out: str | Path) -> Path:
    """``--out`` as a path; an empty text, which as a path would be the current folder, is a mistake.

    Raises:
        UsageError: it is empty.
    """
    if isinstance(out, str) and not out.strip():
        raise UsageError('--out "": name a folder, such as --out edits/mine, or leave it out.')
    return Path(out)


def presets_of(registry: Registry, editor: str) -> dict[str, Preset]:
    """By name those of an editor, with who brings them."""
    own = registry.where("preset", editor=editor).values()
    return {each.name: replace(each.load(), giver=each.provider.distribution) for each in own}


def check_presets(registry: Registry, kind: type[Editor], options: Options) -> None:
    """Refuse what nobody brings, or nobody could use; imports nothing slow.

    Raises:
        UsageError: there is no such preset; names the nearest.
        I2IError: its values are not sound.
    """
    editor = build_plugin(registry, "editor", kind.name)
    known = presets_of(registry, kind.name)
    for name in editor.presets(options):
        if name not in known:
            raise UsageError(f"--preset {name}: there is no such preset.{did_you_mean(name, known)}")
        editor.check_preset(known[name])


def check_requirement(kind: str, name: str, required: type[Generator], generator: Generator) -> None:
    """Refuse a generator of another class than an editor or inverter requires.

    Args:
        kind: ``"editor"`` or ``"inverter"``.

    Raises:
        I2IError: it is of another class.
    """
    if isinstance(generator, required):
        return
    what = "the layers of a StyleGAN" if required is StyleGenerator else f"an i2i.{required.__name__}"
    another = "--invert or --method" if kind == "inverter" else "--plugin"
    raise I2IError(
        f"The {kind} {name!r} needs {what}, and the generator is of the family {generator.name!r}: name another with "
        f"--generator (see 'i2i models list'), or another {kind} with {another}."
    )
