"""Samples of a generator as files: an image grid, one image per seed, or an animation, by the name of the output."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from i2i import UsageError, __version__, build_options, generator, generator_identity, load_registry
from i2i.toolkit.images import save_image
from i2i.toolkit.images.videos import VIDEO_SUFFIXES, check_video, map_in_order, write_video
from i2i.toolkit.latents.sampling import SamplingOptions, draw

from .grids import interpolate, mixed_layers, mixing_grid, sample_grid

if TYPE_CHECKING:
    import numpy as np

    from i2i import Generator, Precision, Registry

Kind = Literal["grid", "folder", "animation"]

FRAMES = 24
"""Frames from one seed of an animation to the next."""
FPS = 24
"""Frames per second."""

_GRIDS = (".png", ".jpg", ".jpeg")
_ONLY_FOR: dict[str, tuple[Kind, str]] = {
    "columns": ("grid", "an image grid: let --out end in .png or .jpg"),
    "mix": ("grid", "an image grid: let --out end in .png or .jpg"),
    "rows": ("grid", "an image grid: let --out end in .png or .jpg"),
    "frames": ("animation", "an animation: let --out end in .gif or .mp4"),
    "fps": ("animation", "an animation: let --out end in .gif or .mp4"),
}


@dataclass(frozen=True)
class SampleLayout:
    """How samples are arranged; None for the default of the kind of output."""

    columns: int | None = None
    """Images in a row of a grid."""
    mix: Sequence[int] | None = None
    """Seeds of the rows of a style-mixing grid; its columns are the samples' seeds."""
    rows: Sequence[int] | None = None
    """Layers of w that a mixed image takes from its column's seed."""
    frames: int | None = None
    """Frames of an animation from one seed to the next."""
    fps: int | None = None


def sample(
    source: str | Path,
    out: str | Path,
    seeds: Sequence[int] = range(16),
    options: SamplingOptions | None = None,
    layout: SampleLayout | None = None,
    *,
    device: str = "auto",
    precision: Precision = "fp32",
    registry: Registry | None = None,
    generator_options: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Generate samples and write them, completely or not at all; an existing file of the name is replaced.

    Args:
        source: What ``i2i.generator`` takes.
        out: ``.png`` or ``.jpg`` for one grid, ``.gif`` or ``.mp4`` for an animation through the seeds, a folder for
            one PNG per seed (``seed0007.png``). PNG files contain the seeds and the generator, under the key ``i2i``.
        generator_options: Options of the generator, where it declares any.

    Returns:
        ``out``, ``pictures`` (their number), ``seeds``, ``generator``, ``seconds`` and ``pictures_per_second``, without
        the time to open the generator.

    Raises:
        UsageError: an option does not suit the output or the generator, or there is no such generator.
        I2IError: the generator cannot be opened, or its images are not finite.
    """
    if not str(out):
        raise UsageError("--out is empty: name a .png, .jpg, .gif or .mp4 file, or a folder.")
    out, seeds, options, layout = Path(out), list(seeds), options or SamplingOptions(), layout or SampleLayout()
    kind = output_kind(out)
    _check(out, kind, layout)
    opened = generator(
        source, device, precision, registry=(registry := registry or load_registry()), options=generator_options
    )
    about = {**generator_identity(source, registry), **_option_values(options), "precision": precision}
    if generator_options:
        declared = registry.get("generator", opened.name).Options
        values = build_options(declared, generator_options, "--generator-options")
        about["generator_options"] = values.model_dump(mode="json")
    start = time.perf_counter()
    if kind == "grid":
        count = _write_grid(opened, out, seeds, options, layout, about)
    elif kind == "animation":
        frames = interpolate(opened, seeds, layout.frames or FRAMES, options)
        count = write_video(out, frames, layout.fps or FPS)
    else:
        count = _write_folder(opened, out, list(dict.fromkeys(seeds)), options, about)
    seconds = time.perf_counter() - start
    speed = {"seconds": round(seconds, 3), "pictures_per_second": round(count / seconds, 3)}
    return {"out": str(out), "pictures": count, "seeds": seeds, "generator": str(source), **speed}


def output_kind(out: Path) -> Kind:
    """Return the kind of output that a file name means.

    Raises:
        UsageError: the suffix is unknown.
    """
    suffix = out.suffix.lower()
    if suffix in _GRIDS:
        return "grid"
    if suffix in VIDEO_SUFFIXES:
        return "animation"
    if suffix and not out.is_dir():
        raise UsageError(f"--out {out}: use a file name in .png, .jpg, .gif or .mp4, or a folder without a suffix.")
    return "folder"


def _check(out: Path, kind: Kind, layout: SampleLayout) -> None:
    for name, (suited, output) in _ONLY_FOR.items():
        if getattr(layout, name) is not None and kind != suited:
            raise UsageError(f"--{name} is for {output}.")
    if layout.rows is not None and layout.mix is None:
        raise UsageError("--rows has an effect with --mix only; name the seeds of the rows with --mix.")
    if layout.columns is not None and layout.mix is not None:
        raise UsageError("--columns and --mix do not go together: a mixing grid has a column for each of --seeds.")
    if kind == "animation":
        check_video(out, layout.fps or FPS)


def _option_values(options: SamplingOptions) -> dict[str, Any]:
    values = {
        "truncation": options.truncation,
        "cutoff": options.cutoff,
        "class": options.label,
        "noise": options.noise,
    }
    return {name: value for name, value in values.items() if value is not None}


def _write_grid(
    generator: Generator,
    out: Path,
    seeds: list[int],
    options: SamplingOptions,
    layout: SampleLayout,
    about: dict[str, Any],
) -> int:
    if layout.mix is None:
        image, count = sample_grid(generator, seeds, layout.columns, options), len(seeds)
        about = {**about, "seeds": seeds}
    else:
        mix, rows = list(layout.mix), list(layout.rows or mixed_layers(generator.num_ws))
        image = mixing_grid(generator, seeds, mix, rows, options)
        count = (len(seeds) + 1) * (len(mix) + 1) - 1
        about = {**about, "seeds": seeds, "mix": mix, "rows": rows}
    save_image(out, image, _text(about) if out.suffix.lower() == ".png" else None)
    return count


def _write_folder(
    generator: Generator, out: Path, seeds: list[int], options: SamplingOptions, about: dict[str, Any]
) -> int:
    """Write each image while others are rendered; finished files stay when the command is interrupted."""
    out.mkdir(parents=True, exist_ok=True)
    save = partial(_save_seed, out, about)
    return sum(1 for _ in map_in_order(save, zip(seeds, draw(generator, seeds, options), strict=True)))


def _save_seed(out: Path, about: dict[str, Any], rendered: tuple[int, np.ndarray]) -> None:
    seed, image = rendered
    save_image(out / f"seed{seed:04d}.png", image, _text({**about, "seed": seed}))


def _text(about: dict[str, Any]) -> dict[str, str]:
    """Return the metadata of a PNG, under the same keys as in edited images."""
    software = f"i2i {__version__}"
    return {"Software": software, "i2i": json.dumps({**about, "versions": {"i2i": __version__}}, ensure_ascii=False)}
