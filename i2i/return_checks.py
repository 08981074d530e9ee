"""What the contract methods of plugins must return: a check for each kind and method, and for each role of extractors.

``guards`` runs them; a check raises ``UnexpectedReturn``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from .api.contracts import contract_class

Check = Callable[[Any, Any, Sequence[Any]], None]
"""``check(instance, returned, arguments)`` raises ``UnexpectedReturn``."""


class UnexpectedReturn(Exception):
    """A return value breaks the contract: what was expected, and what came where that is not the value as a whole."""

    def __init__(self, expected: str, came: str | None = None) -> None:
        self.expected, self.came = expected, came


def describe_value(value: Any) -> str:
    """Describe a value in a few words: ``None``, ``int``, ``a float32 tensor of shape (1, 3, 8, 8)``, ``nan``."""
    if value is None or isinstance(value, (bool, float)):
        return repr(value)
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape is not None and dtype is not None:
        noun = "tensor" if hasattr(value, "is_floating_point") else "array"
        article = "an" if str(dtype).removeprefix("torch.")[:1] in "aeiou" and noun else "a"
        return f"{article} {str(dtype).removeprefix('torch.')} {noun} of shape {tuple(shape)}"
    return type(value).__name__


def _check_tensor(value: Any, shape: Sequence[int | None], expected: str, what: str = "") -> None:
    """Require a floating-point tensor; None in ``shape`` takes any size but 0."""
    import torch

    if (
        not isinstance(value, torch.Tensor)
        or not value.is_floating_point()
        or value.ndim != len(shape)
        or any(size == 0 if wanted is None else size != wanted for size, wanted in zip(value.shape, shape, strict=True))
    ):
        raise UnexpectedReturn(expected, f"{what}{describe_value(value)}" if what else None)


def _count(args: Sequence[Any]) -> int | None:
    """Samples in the first argument: a batch, as a tensor or by field."""
    first = args[0] if args else None
    if isinstance(first, Mapping):
        first = next(iter(first.values()), None)
    return len(first) if first is not None and hasattr(first, "ndim") and first.ndim else None


def _check_networks(trainer: Any, _: Any, __: Sequence[Any]) -> None:
    from torch import nn

    networks = getattr(trainer, "networks", None)
    expected = "'networks', a non-empty dict of torch.nn.Module by name"
    if not isinstance(networks, Mapping) or not networks:
        raise UnexpectedReturn(
            expected, "an empty 'networks'" if networks == {} else f"'networks' = {describe_value(networks)}"
        )
    for name, network in networks.items():
        if not isinstance(name, str) or not isinstance(network, nn.Module):
            raise UnexpectedReturn(expected, f"the network {name!r} = {describe_value(network)}")

    averaged = getattr(trainer, "averaged", ())
    if not isinstance(averaged, tuple) or (unknown := [name for name in averaged if name not in networks]):
        raise UnexpectedReturn(
            f"'averaged', a tuple of names of networks ({', '.join(networks)})",
            f"'averaged' = {averaged!r}" if not isinstance(averaged, tuple) else f"no network {unknown[0]!r}",
        )
    _check_optimizers(trainer)


def _check_optimizers(trainer: Any) -> None:
    from torch.optim import Optimizer

    optimizers = getattr(trainer, "optimizers", {})
    if not isinstance(optimizers, Mapping) or not all(isinstance(each, Optimizer) for each in optimizers.values()):
        raise UnexpectedReturn(
            "'optimizers', a dict of torch.optim.Optimizer by name", f"'optimizers' = {describe_value(optimizers)}"
        )


def _check_sizes(generator: Any, _: Any, __: Sequence[Any]) -> None:
    """Require the numbers that say what a generator takes and makes."""
    for name in ("z_dim", "w_dim", "num_ws", "resolution", "channels"):
        value = getattr(generator, name, None)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise UnexpectedReturn(f"{name!r}, a whole number of at least 1", f"{name!r} = {describe_value(value)}")


def _check_losses(_: Any, losses: Any, __: Sequence[Any]) -> None:
    import torch

    expected = "a dict of 0-dimensional tensors"
    if not isinstance(losses, Mapping) or not losses:
        raise UnexpectedReturn(expected, "an empty dict" if losses == {} else None)
    for name, loss in losses.items():
        if not isinstance(name, str) or not isinstance(loss, torch.Tensor) or loss.ndim:
            raise UnexpectedReturn(expected, f"{name!r}: {describe_value(loss)}")
        if loss.requires_grad:
            raise UnexpectedReturn("detached losses (loss.detach())", f"{name!r} with its graph")


def _check_samples(trainer: Any, images: Any, args: Sequence[Any]) -> None:
    panels = images if isinstance(images, Mapping) and images else {"": images}
    for name, panel in panels.items():
        if _is_class_numbers(panel, _count(args)):
            continue
        what = f"{name!r}: " if name else ""
        _check_tensor(
            panel, (_count(args), None, None, None), "a floating-point tensor (N, C, H, W), N as in the batch", what
        )
        if panel.shape[1] not in (1, 3):
            raise UnexpectedReturn("1 or 3 channels", f"{what}{describe_value(panel)}")


def _is_class_numbers(panel: Any, count: int | None) -> bool:
    """Whether a panel is class numbers ``(N, H, W)``, which sample grids paint."""
    import torch

    whole = isinstance(panel, torch.Tensor) and not (panel.is_floating_point() or panel.is_complex())
    return whole and panel.ndim == 3 and (count is None or len(panel) == count)


def _check_validation(_: Any, metrics: Any, __: Sequence[Any]) -> None:
    if not isinstance(metrics, Mapping):
        raise UnexpectedReturn("a dict of numbers by name")
    for name, value in metrics.items():
        if not isinstance(name, str) or not (_is_number(value) or getattr(value, "ndim", None) == 0):
            raise UnexpectedReturn("a dict of numbers by name", f"{name!r}: {describe_value(value)}")


def _check_state(_: Any, state: Any, __: Sequence[Any]) -> None:
    if not isinstance(state, dict):
        raise UnexpectedReturn("a dict")


def _check_generator(_: Any, made: Any, __: Sequence[Any]) -> None:
    if not isinstance(made, contract_class("generator")):
        raise UnexpectedReturn("an i2i.Generator")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _check_finite(_: Any, value: Any, __: Sequence[Any]) -> None:
    if not _is_number(value) or not math.isfinite(value):
        raise UnexpectedReturn("a finite float")


def _check_numbers(_: Any, values: Any, __: Sequence[Any]) -> None:
    if not isinstance(values, (list, tuple)) or not all(map(_is_number, values)):
        raise UnexpectedReturn("a list of floats, one for each image")


def _sample_list_check(noun: str) -> Check:
    """A check for a list of samples, or None for the default layout."""

    def check(_: Any, samples: Any, __: Sequence[Any]) -> None:
        expected = f"a list of i2i.{noun}, or None for the default layout"
        if samples is None:
            return
        if not isinstance(samples, (list, tuple)):
            raise UnexpectedReturn(expected)
        for sample in samples:
            if not hasattr(sample, "name") or not hasattr(sample, "files"):
                raise UnexpectedReturn(expected, f"a list with {describe_value(sample)}")

    return check


def _check_unpaired(_: Any, sides: Any, __: Sequence[Any]) -> None:
    expected = "a dict with a list of paths for each of the two sides, or None for the default layouts"
    if sides is None:
        return
    if not isinstance(sides, Mapping):
        raise UnexpectedReturn(expected)
    for name, paths in sides.items():
        if not isinstance(paths, (list, tuple)) or not all(isinstance(path, PurePath) for path in paths):
            raise UnexpectedReturn(expected, f"{name!r}: {describe_value(paths)}")


def _check_drawn(dataset: Any, drawn: Any, args: Sequence[Any]) -> None:
    """Refuse what is neither two RGB images nor an array for each field; ``SyntheticSource`` checks each field."""
    import numpy as np

    size = args[1] if len(args) > 1 else None
    fields = getattr(dataset, "fields", ())
    if isinstance(drawn, Mapping):
        names = [field.name for field in fields]
        if missing := [name for name in names if name not in drawn]:
            raise UnexpectedReturn(f"an entry for each field: {', '.join(names)}", f"a dict without {missing[0]!r}")
        return
    expected = f"two uint8 arrays ({size}, {size}, 3)"
    if not isinstance(drawn, (tuple, list)) or len(drawn) != 2:
        raise UnexpectedReturn(expected)
    for field, side in zip((field for field in fields if field.kind != "value"), drawn, strict=False):
        if field.kind != "image" or (field.channels, field.bits) != (3, 8):
            continue
        if not isinstance(side, np.ndarray) or side.dtype != np.uint8 or side.shape != (size, size, 3):
            raise UnexpectedReturn(expected, describe_value(side))


def _check_weights(_: Any, weights: Any, __: Sequence[Any]) -> None:
    from .api.generator import Weights

    if weights is not None and not isinstance(weights, Weights):
        raise UnexpectedReturn("i2i.Weights or None")


def _check_latents(generator: Any, w: Any, args: Sequence[Any]) -> None:
    rows, width = generator.num_ws, generator.w_dim
    _check_tensor(w, (_count(args), rows, width), f"a floating-point tensor (N, {rows}, {width}), N as in z")


def _check_own_layers(generator: Any, w: Any, args: Sequence[Any]) -> None:
    if w is not None:
        _check_latents(generator, w, args)


def _check_published_layers(generator: Any, w: Any, args: Sequence[Any]) -> None:
    width = generator.w_dim
    _check_tensor(w, (_count(args), None, width), f"a floating-point tensor (N, rows, {width}), N as in w")


def _check_rendered(generator: Any, images: Any, args: Sequence[Any]) -> None:
    channels, side = generator.channels, generator.resolution
    expected = f"a floating-point tensor (N, {channels}, {side}, {side}), N as in w"
    _check_tensor(images, (_count(args), channels, side, side), expected)


def _check_features(_: Any, features: Any, args: Sequence[Any]) -> None:
    side = args[1] if len(args) > 1 else None
    _check_tensor(
        features, (_count(args), None, side, side), f"a floating-point tensor (N, C, {side}, {side}), N as in w"
    )


def _check_features_and_images(generator: Any, both: Any, args: Sequence[Any]) -> None:
    if not isinstance(both, (tuple, list)) or len(both) != 2:
        raise UnexpectedReturn("two tensors, feature maps and images")
    _check_features(generator, both[0], args)
    _check_rendered(generator, both[1], args)


def _check_styles(_: Any, styles: Any, __: Sequence[Any]) -> None:
    import torch

    if not isinstance(styles, (tuple, list)) or not all(isinstance(each, torch.Tensor) for each in styles):
        raise UnexpectedReturn("a list of tensors (C, w_dim)")


def _check_w_mean(generator: Any, mean: Any, __: Sequence[Any]) -> None:
    _check_tensor(mean, (generator.w_dim,), f"a floating-point tensor ({generator.w_dim},)")


def _check_tensors(_: Any, tensors: Any, __: Sequence[Any]) -> None:
    import torch

    if not isinstance(tensors, Mapping) or not all(isinstance(each, torch.Tensor) for each in tensors.values()):
        raise UnexpectedReturn("a dict of tensors by name")


def _check_converted(_: Any, tensors: Any, __: Sequence[Any]) -> None:
    """Require what a safetensors file can hold: dense, finite tensors on the CPU by name."""
    import torch

    expected = "a dict of tensors by name"
    if not isinstance(tensors, Mapping) or not tensors:
        raise UnexpectedReturn(expected, "an empty dict" if tensors == {} else None)
    for name, tensor in tensors.items():
        if not isinstance(name, str) or not name or not isinstance(tensor, torch.Tensor):
            raise UnexpectedReturn(expected, f"{name!r}: {describe_value(tensor)}")
        if tensor.device.type != "cpu" or tensor.layout != torch.strided:
            where = f"on {tensor.device}" if tensor.device.type != "cpu" else "that is not dense"
            raise UnexpectedReturn("dense tensors on the CPU", f"{name!r}: {describe_value(tensor)} {where}")
        if (tensor.is_floating_point() or tensor.is_complex()) and not tensor.isfinite().all():
            raise UnexpectedReturn("finite numbers", f"{name!r} with numbers that are not finite (nan or inf)")


def _shape_check(*sizes: int | None, expected: str) -> Check:
    """A check for a tensor ``(N, *sizes)``, N as in the first argument."""

    def check(_: Any, returned: Any, args: Sequence[Any]) -> None:
        _check_tensor(returned, (_count(args), *sizes), f"a floating-point tensor {expected}")

    return check


def _check_feature_maps(_: Any, features: Any, args: Sequence[Any]) -> None:
    expected = "a dict of tensors (N, ...) by layer, N as in the images"
    if not isinstance(features, Mapping) or not features:
        raise UnexpectedReturn(expected)
    for name, maps in features.items():
        if not isinstance(name, str) or not (getattr(maps, "ndim", 0) and len(maps) == _count(args)):
            raise UnexpectedReturn(expected, f"{name!r}: {describe_value(maps)}")


def _check_faces(_: Any, faces: Any, __: Sequence[Any]) -> None:
    from .api.extractor import Face

    if not isinstance(faces, (list, tuple)) or not all(isinstance(face, Face) for face in faces):
        raise UnexpectedReturn("a list of i2i.Face")


def _check_words(_: Any, words: Any, __: Sequence[Any]) -> None:
    if isinstance(words, str) or not isinstance(words, Iterable) or not all(isinstance(word, str) for word in words):
        raise UnexpectedReturn("a list of strings")


def _check_texts(_: Any, vectors: Any, args: Sequence[Any]) -> None:
    sentences = args[0] if args else None
    count = len(sentences) if isinstance(sentences, (list, tuple)) else None
    _check_tensor(vectors, (count, None), "a floating-point tensor (N, F), a row for each sentence")


def _check_result(_: Any, result: Any, __: Sequence[Any]) -> None:
    """Refuse what the files of an edit and the page could not show."""
    from .api.editor import Result

    if not isinstance(result, Result):
        raise UnexpectedReturn("i2i.Result")
    if not isinstance(result.others, (list, tuple)) or not all(isinstance(each, Result) for each in result.others):
        raise UnexpectedReturn("a list of i2i.Result", f"the others {describe_value(result.others)}")
    for each in (result, *result.others):
        _check_image(each.image, "an image")
        _check_frames(each.frames)
        _check_scalars(each.scalars)
        _check_latent(each.latent)
        _check_plots(each.plots)
    if result.table is not None:
        _check_table(result.table)


def _check_outlines(_: Any, outlines: Any, __: Sequence[Any]) -> None:
    from .api.editor import EditOutline

    expected = "a list of i2i.EditOutline"
    if not isinstance(outlines, list | tuple) or not all(isinstance(each, EditOutline) for each in outlines):
        raise UnexpectedReturn(expected)
    for each in outlines:
        count = None if each.points is None else len(each.points)
        positions = {"points": each.points, "targets": each.targets, "landmarks": each.landmarks}
        for name, value in positions.items():
            if value is not None:
                rows = 68 if name == "landmarks" else count
                _check_tensor(value, (rows, 2), f"{expected} with {name} (P, 2)", f"{name}: ")
        if each.mask is not None:
            _check_tensor(each.mask, (1, 1, None, None), f"{expected} with a mask (1, 1, R, R)", "mask: ")
        if (each.points is None) != (each.targets is None) or (each.names and len(each.names) != count):
            raise UnexpectedReturn(f"{expected} with a target and a name for each point")


def _check_latent(latent: Any) -> None:
    import torch

    from .api.scene import Latent

    if latent is None:
        return
    w = latent.w if isinstance(latent, Latent) else latent
    if not isinstance(w, torch.Tensor) or not w.is_floating_point() or w.ndim != 3 or len(w) != 1:
        raise UnexpectedReturn("a tensor (1, num_ws, w_dim) or i2i.Latent", f"the latent {describe_value(w)}")
    if not w.isfinite().all():
        raise UnexpectedReturn("finite numbers; try other options", "a latent with numbers that are not finite")


def _check_plots(plots: Any) -> None:
    from .api.editor import Plot

    if not isinstance(plots, Mapping) or not all(isinstance(plot, Plot) for plot in plots.values()):
        raise UnexpectedReturn("a dict of i2i.Plot by file name", f"the plots {describe_value(plots)}")
    for name, plot in plots.items():
        if not isinstance(name, str) or not name or PurePath(name).name != name:
            raise UnexpectedReturn("a file name without folders", f"a plot of the name {name!r}")
        for line, points in (*plot.lines.items(), *plot.right_lines.items()):
            if not all(isinstance(point, (tuple, list)) and len(point) == 2 for point in points):
                raise UnexpectedReturn("points (x, y)", f"the plot {name!r} with the line {line!r}")


def _check_table(table: Any) -> None:
    from .api.editor import Table

    if not isinstance(table, Table):
        raise UnexpectedReturn("i2i.Table or None", f"the table {describe_value(table)}")
    for row in table.cells:
        for cell in row:
            if cell is not None:
                _check_image(cell, "an image in the table")
    across = {len(row) for row in table.cells}
    if len(across) != 1 or (table.columns and {len(table.columns)} != across):
        raise UnexpectedReturn("rows of one length, a name for each column", "a table whose rows and columns differ")
    if table.labels and len(table.labels) != len(table.cells):
        raise UnexpectedReturn("a name for each row", f"a table with {len(table.labels)} names of rows")


def _check_image(image: Any, what: str) -> None:
    import torch

    if not isinstance(image, torch.Tensor):
        raise UnexpectedReturn("a tensor (1, 3, H, W)", f"{what} that is {describe_value(image)}")
    if image.ndim != 4 or image.shape[:2] != (1, 3) or 0 in image.shape:
        raise UnexpectedReturn("shape (1, 3, H, W)", f"{what} of shape {tuple(image.shape)}")
    if not image.is_floating_point():
        raise UnexpectedReturn("floating point in [-1, 1]", f"{what} of {image.dtype}")
    if not image.isfinite().all():
        raise UnexpectedReturn(
            "finite numbers; try other options", f"{what} with numbers that are not finite (nan or inf)"
        )


def _check_frames(frames: Any) -> None:
    from .toolkit.images.frames import LazyFrames

    if isinstance(frames, LazyFrames):  # reading them computes them
        return
    if not isinstance(frames, (list, tuple)):
        raise UnexpectedReturn("a list of tensors (1, 3, H, W)", f"the frames {describe_value(frames)}")
    for number, frame in enumerate(frames):
        _check_image(frame, f"frame {number}")
        if frame.shape != frames[0].shape:
            raise UnexpectedReturn("frames of one size", f"frames that differ in size (frame {number})")


def _check_scalars(scalars: Any) -> None:
    if not isinstance(scalars, Mapping):
        raise UnexpectedReturn("a dict of numbers by name", f"the scalars {describe_value(scalars)}")
    for key, value in scalars.items():
        if not isinstance(value, (int, float)) or not math.isfinite(value):
            raise UnexpectedReturn("finite numbers", f"the scalar {key!r} = {value!r}")


def _check_facts(_: Any, facts: Any, args: Sequence[Any]) -> None:
    """Require a mapping that JSON has."""
    try:
        json.dumps(dict(facts), sort_keys=True, allow_nan=False)
    except (TypeError, ValueError):
        raise UnexpectedReturn("a mapping of values that JSON has") from None


def _check_inversions(_: Any, inversions: Any, args: Sequence[Any]) -> None:
    """Require an ``Inversion`` for each image, whose latent fits the generator of the scene."""
    from .api.inverter import Inversion
    from .api.scene import Latent

    generator, count = args[0].generator, len(args[1])
    if not isinstance(inversions, (list, tuple)) or not all(isinstance(each, Inversion) for each in inversions):
        raise UnexpectedReturn("a list of i2i.Inversion")
    if len(inversions) != count:
        raise UnexpectedReturn("one for each image", f"{len(inversions)} inversions for {count} images")
    shape = (1, generator.num_ws, generator.w_dim)
    for each in inversions:
        if not isinstance(each.latent, Latent):
            raise UnexpectedReturn("an i2i.Latent", f"an inversion with the latent {describe_value(each.latent)}")
        _check_tensor(
            each.latent.w, shape, f"a floating-point tensor {shape} as the latent's w", "an inversion with w = "
        )
        if not each.latent.w.isfinite().all():
            raise UnexpectedReturn("finite numbers; try other options", "a latent with numbers that are not finite")
        if each.image is not None:
            _check_image(each.image, "an image")
        _check_frames(each.frames)
        _check_scalars(each.scalars)


INSTANCE_CHECKS: Mapping[str, Check] = {"trainer": _check_networks, "generator": _check_sizes}
"""By kind, what is checked of a new instance."""
METHOD_CHECKS: Mapping[str, Mapping[str, Check]] = {
    "trainer": {
        "step": _check_losses,
        "sample": _check_samples,
        "validate": _check_validation,
        "state_dict": _check_state,
        "generator": _check_generator,
    },
    "dataset": {
        "samples": _sample_list_check("Sample"),
        "pairs": _sample_list_check("Pair"),
        "unpaired": _check_unpaired,
        "draw": _check_drawn,
    },
    "metric": {"compute": _check_finite, "per_picture": _check_numbers},
    "generator": {
        "read": _check_weights,
        "map": _check_latents,
        "render": _check_rendered,
        "features": _check_features,
        "noise_maps": _check_tensors,
        "weights": _check_tensors,
        "style_space": _check_tensors,
        "features_and_pictures": _check_features_and_images,
        "styles": _check_styles,
        "w_mean": _check_w_mean,
        "w_std": _check_finite,
        "tuned": _check_generator,
        "from_published_layers": _check_own_layers,
        "to_published_layers": _check_published_layers,
    },
    "editor": {"edit": _check_result, "outline": _check_outlines, "presets": _check_words},
    "inverter": {"invert": _check_inversions, "cache_facts": _check_facts},
    "model": {"convert": _check_converted},
}
"""By kind and method, the check of what the method returns; the other methods of a contract are guarded without."""
_CHECK_VECTORS = _shape_check(None, expected="(N, F)")
_CHECK_NUMBERS = _shape_check(expected="(N,)")
ROLE_CHECKS: Mapping[str, Mapping[str, Check]] = {
    "landmarks": {"__call__": _shape_check(68, 2, expected="(N, 68, 2)"), "find": _check_faces},
    "identity": {"__call__": _CHECK_VECTORS, "align": _shape_check(None, None, None, expected="(N, C, H, W)")},
    "text": {"images": _CHECK_VECTORS, "texts": _check_texts, "unknown": _check_words},
    "perceptual": {"features": _check_feature_maps, "distance": _CHECK_NUMBERS, "compare": _CHECK_NUMBERS},
    "encoder": {"__call__": _shape_check(None, None, expected="(N, num_ws, w_dim)")},
    "segmentation": {"__call__": _shape_check(None, None, None, expected="(N, classes, H, W)")},
    "domain": {"__call__": _CHECK_NUMBERS},
}
"""By role of an extractor and method, the check of what the method returns."""
