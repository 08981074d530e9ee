"""Settings of an edit request, checked before torch is imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from ..api.errors import UsageError
from ..api.inverter import split_method as parse_method
from ..toolkit.faces.detection import FaceChoice
from ..toolkit.faces.points import FacePoints, check_single_photo

if TYPE_CHECKING:
    from ..api.editor import Editor
    from ..api.live import LiveView
    from ..registry import Registry

Crop = Literal["auto", "face", "square"]
"""How a photo is cropped: a face aligned as in FFHQ, the largest centred square, or as the generator needs it."""
Blend = Literal["feather", "poisson", "plain", "none"]
"""How an edited crop is pasted back: with colour correction and feathered edges, also with Poisson blending, with
feathered edges only, or not at all."""
MAX_FPS = 120
"""Highest frame rate of an animation."""
AnimationFile = Literal["gif", "mp4", "png"]
"""A file of the frames of an edit: an animated GIF, a video, or a numbered image for each frame."""


@dataclass(frozen=True)
class Animation:
    """The files in which the frames of an edit are written."""

    files: tuple[AnimationFile, ...] = ("gif",)
    fps: float = 10.0
    """Frames per second of GIF and MP4."""

    @classmethod
    def parse(cls, files: str | Sequence[str], fps: float | None = None) -> Animation:
        """Read a list of files, or a text such as ``gif,mp4``.

        Raises:
            UsageError: an unknown kind of file, or a frame rate out of range.
        """
        given = files.split(",") if isinstance(files, str) else files
        names = tuple(dict.fromkeys(name.strip().lower() for name in given))
        known = get_args(AnimationFile)
        if not names or any(name not in known for name in names):
            text = files if isinstance(files, str) else ",".join(files)
            raise UsageError(f"--animation {text}: write one or several of {', '.join(known)}, such as gif,mp4.")
        if fps is None:
            return cls(tuple(name for name in known if name in names))
        if not 1 <= fps <= MAX_FPS:
            raise UsageError(f"--fps {fps:g}: write a number from 1 to {MAX_FPS}.")
        return cls(tuple(name for name in known if name in names), float(fps))

    def check(self) -> None:
        """Raise the errors of writing that need no frame, before any work starts.

        Raises:
            UsageError: the frame rate is higher than a GIF can show.
            I2IError: MP4 is named, and the extra ``video`` is not installed.
        """
        from ..toolkit.images.videos import GIF_FPS, check_video  # imports Pillow, which the other settings do without

        if "gif" in self.files and self.fps > GIF_FPS:
            raise UsageError(f"--fps {self.fps:g}: a GIF shows at most {GIF_FPS} frames a second; add --animation mp4.")
        for name in self.files:
            if name != "png":
                check_video(Path(f"frames.{name}"), self.fps)


@dataclass(frozen=True)
class EditCallbacks:
    """What the caller follows and cancels an edit by."""

    progress: Callable[..., None] = lambda done, total, **scalars: None
    """See ``Scene.progress``."""
    stop: Callable[[], bool] = lambda: False
    """Returns True once the user cancels: the edit ends with the best result so far."""
    note: Callable[[str], None] = lambda text: None
    """Called with each notice or warning, a sentence."""
    live: LiveView | None = None
    """Who watches the images; None for nobody."""

    @classmethod
    def of(
        cls,
        progress: Callable[..., None] | None,
        stop: Callable[[], bool] | None,
        note: Callable[[str], None] | None,
        live: LiveView | None = None,
    ) -> EditCallbacks:
        """Use the functions that are given, and functions without effect for the others."""
        default = cls()
        return cls(progress or default.progress, stop or default.stop, note or default.note, live)


@dataclass(frozen=True)
class EditSettings:
    """Editor-independent settings of one edit request."""

    generator: str = ""
    """Source of the generator, as for ``i2i.generator``; empty where the images decide, and for editors of pixels."""
    extractors: Mapping[str, str] = field(default_factory=dict)
    """Names of extractors by role; for other roles the domain of the images decides."""
    extractor_options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Options of extractors by extractor name."""
    generator_options: Mapping[str, Any] = field(default_factory=dict)
    """Options of the generator, if its family declares any."""
    crop: Crop = "auto"
    face: FaceChoice = "largest"
    eyes: Sequence[Sequence[float]] | None = None
    """Centres of the eyes of a face that is placed by hand, pixels of the upright photo: left, then right."""
    mouth: Sequence[float] | None = None
    """Centre of its mouth."""
    invert: Mapping[str, Any] = field(default_factory=dict)
    """Options of the inverter, with its name under ``method``."""
    truncation: float = 0.7
    """Truncation psi of images given as ``seed:N``."""
    blend: Blend = "feather"
    animation: Animation = Animation()
    device: str = "auto"
    seed: int = 0
    out: Path | None = None
    keep: bool = True
    """Read and write the inversion cache."""
    calls: EditCallbacks = EditCallbacks()

    def __post_init__(self) -> None:
        for name, words in (("crop", get_args(Crop)), ("blend", get_args(Blend))):
            if getattr(self, name) not in words:
                raise UsageError(f"--{name} {getattr(self, name)}: use one of {', '.join(words)}.")
        if self.points is None:
            return
        for name, default in (("crop", ("auto", "face")), ("face", ("largest",))):
            if getattr(self, name) not in default:
                raise UsageError(
                    f"--{name} {getattr(self, name)} has no effect with --eyes and --mouth, which say where the crop "
                    "lies: leave it out."
                )

    @cached_property
    def points(self) -> FacePoints | None:
        """The face that is placed by hand; None where faces are detected."""
        return FacePoints.of(self.eyes, self.mouth)

    def check(self, kind: type[Editor]) -> None:
        """Refuse settings that have no effect with an editor, so that no setting is silently ignored.

        Raises:
            UsageError: a setting of the generator, inversion or face is given, and the editor does not use it.
        """
        if self.generator_options and kind.wants == "pixels":
            raise UsageError(f"--generator-options is given, and editor {kind.name!r} uses no generator: leave it out.")
        if self.invert and kind.wants != "latent":
            own = "method" in kind.Options.model_fields and "method" in self.invert
            instead = f"type --method {self.invert['method']} instead" if own else "leave them out"
            raise UsageError(
                f"--invert and --faithful choose how photos are inverted, and editor {kind.name!r} edits no "
                f"latents: {instead}."
            )
        if self.points and kind.wants == "pixels":
            raise UsageError(
                f"--eyes and --mouth say where a photo is cropped, and editor {kind.name!r} works on whole photos: "
                "leave them out."
            )
        if self.face != "largest" and kind.wants == "pixels":
            raise UsageError(
                f"--face {self.face} selects the face to crop, and editor {kind.name!r} works on whole photos: "
                "leave it out."
            )

    def check_images(self, photos: int, aligned: bool) -> None:
        """Refuse settings that have no effect with the images, or note those that do no harm.

        Args:
            photos: Number of images that are photos.
            aligned: Whether photos are cropped to an aligned face.

        Raises:
            UsageError: ``face`` is set, and no face is detected; or a face is placed by hand, and there is not just one
                photo.
        """
        if self.points:
            check_single_photo(photos)
        if self.face != "largest" and not photos:
            raise UsageError(
                f"--face {self.face} selects the face to crop from a photo, and seeds and latents are not cropped: "
                "leave it out."
            )
        if self.face != "largest" and not aligned:
            raise UsageError(
                f"--face {self.face} selects the face to crop, and photos are not cropped to a face here: type --crop "
                "face as well, or leave it out."
            )
        if self.invert and not photos:
            self.calls.note(
                "--invert and --faithful have no effect: they choose how photos are inverted, and seeds and latents "
                "need no inversion."
            )

    def plain(self) -> dict[str, Any]:
        """Return the settings that a recipe records, as plain values."""
        return {
            "crop": self.crop,
            "face": self.face,
            **(self.points.to_plain() if self.points else {}),
            "invert": dict(self.invert),
            "truncation": self.truncation,
            "blend": self.blend,
        }


def faithful_inversion(text: str, registry: Registry) -> dict[str, Any]:
    """Parse ``--invert`` together with ``--faithful``, which names the inverter; ``text`` may set its options.

    Raises:
        UsageError: ``text`` names another inverter or cannot be parsed, or no inverter is declared faithful.
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


def read_extractors(
    registry: Registry, names: Mapping[str, str], options: Mapping[str, Mapping[str, Any]]
) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """Replace files and runs among the names of extractors by the extractors that read them.

    Args:
        names: Extractors by role, as ``edit`` takes them.
        options: Options of extractors by name.

    Returns:
        Both, without files among the names and with each file as the option that ``Extractor.reads`` names.

    Raises:
        UsageError: a file is named for a role of which no extractor reads files.
    """
    chosen, given = dict(names), {name: dict(own) for name, own in options.items()}
    for role, source in names.items():
        found = registry.where("extractor", role=role)
        if not found or source in found or not Path(source).exists():
            continue
        reader = next((entry for entry in found.values() if entry.get("reads")), None)
        if reader is None:
            known = ", ".join(found)
            raise UsageError(f"{source} is a file, and no extractor of {role} reads one: name one of {known}.")
        chosen[role] = reader.name
        given.setdefault(reader.name, {})[reader.get("reads")] = source
    return chosen, given


def read_inversion(text: str | Mapping[str, Any]) -> dict[str, Any]:
    """Parse ``--invert``: an inverter, its options, or both, such as ``pti`` or ``lpips,steps=50``.

    Returns:
        The options, with the inverter under ``method`` if it is named.

    Raises:
        UsageError: the text cannot be parsed.
    """
    if not isinstance(text, str):
        return dict(text)
    try:
        name, values = parse_method(text)
    except UsageError:
        raise UsageError(f"--invert {text}: write METHOD or KEY=VALUE, such as hybrid,steps=50.") from None
    return {"method": name, **values} if name else dict(values)


def split_method(invert: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Split what ``read_inversion`` returns: the inverter's name, empty for the default one, and its options."""
    values = dict(invert)
    return str(values.pop("method", "")), values
