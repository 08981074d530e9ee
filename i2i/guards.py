"""Guards around plugin code: each failure and each unusable return value is reported in the plugin's name.

The engine constructs the classes of plugins with ``build_plugin`` alone. The result is an instance of a subclass whose
contract methods call those of the plugin and check what they return; ``isinstance`` and class attributes work as usual.
"""

from __future__ import annotations

import functools
import inspect
import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from .api.contracts import contract_class, contract_methods
from .api.errors import I2IError, UsageError
from .toolkit.memory import is_out_of_memory

if TYPE_CHECKING:
    from .api.options import Options
    from .registry import Registry

OPTIONS_LAST = frozenset({"dataset", "generator", "extractor", "metric", "callback"})
"""Kinds whose classes get their options as the last argument of the constructor, where they declare any."""

_PASSED = (I2IError, OSError, MemoryError, KeyboardInterrupt, GeneratorExit)
"""What a plugin may raise: errors for the user, and failures of the machine, which the engine reports itself."""
_LONGEST = 300
"""Characters of an exception's text that are quoted."""


def build_plugin(registry: Registry, kind: str, name: str, *args: Any, values: Mapping[str, Any] | None = None) -> Any:
    """Construct the class that plugins registered as ``kind`` under ``name``, guarded.

    Args:
        args: Arguments of the constructor, without options for the kinds in ``OPTIONS_LAST``; for trainers those of
            ``Trainer.create``.
        values: Option values for those kinds, as typed or recorded; None for the defaults.

    Returns:
        An instance of the plugin's class.

    Raises:
        UsageError: nothing has this name, or an option is unknown or has a wrong value.
        I2IError: the plugin failed, or what it built breaks its contract.
    """
    cls = registry.get(kind, name)
    if kind in OPTIONS_LAST:
        args += options_argument(kind, cls, values)
    owner = plugin_owner(registry, kind, name)
    made = guarded(cls, kind, owner)
    missing = sorted(getattr(made, "__abstractmethods__", ()))
    if missing:
        raise I2IError(f"The {owner} does not define {', '.join(missing)}; tell its author.")
    with guarding(owner, "__init__"):
        # A trainer is told its data before its constructor runs.
        instance = made.create(*args) if kind == "trainer" else made(*args)
    if check := _INSTANCES.get(kind):
        _require(owner, "__init__", check, instance, None, ())
    return instance


def guarded_class(registry: Registry, kind: str, name: str) -> Any:
    """The guarded class, to call class methods such as ``Generator.read``; construct it with ``build_plugin`` only."""
    return guarded(registry.get(kind, name), kind, plugin_owner(registry, kind, name))


def plugin_owner(registry: Registry, kind: str, name: str) -> str:
    """What messages call a thing: ``"trainer 'x' of i2i-mine 1.0"``."""
    plugin = registry.giver(kind, name)
    return f"{kind} {name!r} of {plugin.distribution} {plugin.version}"


def options_argument(kind: str, cls: Any, values: Mapping[str, Any] | None) -> tuple[Options, ...]:
    """The options of a class as arguments: one, or none for a class that declares no options.

    Raises:
        UsageError: there are values for a class without options, or one of them is wrong.
    """
    from .api.options import Options, build_options

    model = getattr(cls, "Options", Options)
    if not model.model_fields and not values:
        return ()
    if not model.model_fields:
        raise UsageError(f"The {kind} {cls.name!r} has no options: leave {', '.join(sorted(values or ()))} out.")
    return (build_options(model, values or {}, f"options of {kind} {cls.name!r}"),)


def plain_options(registry: Registry, kind: str, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Check option values and return all options of a class as plain values, as recipes and runs record them.

    Raises:
        UsageError: nothing has this name, or an option is unknown or has a wrong value.
    """
    return {
        key: value
        for options in options_argument(kind, registry.get(kind, name), values)
        for key, value in options.model_dump(mode="json").items()
    }


def plain_named_options(
    registry: Registry, kind: str, values: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """``plain_options`` of several things of a kind by name."""
    return {name: plain_options(registry, kind, name, own) for name, own in values.items()}


@contextmanager
def guarding(owner: str, method: str) -> Iterator[None]:
    """Turn what plugin code raises inside into an ``I2IError`` that names the plugin; see ``_PASSED`` for what is not.

    ``SystemExit`` counts as a failure, since a plugin does not end the program.
    """
    try:
        yield
    except _PASSED:
        raise
    except BaseException as error:
        raise _failure(owner, method, error) from error


def _failure(owner: str, method: str, error: BaseException) -> BaseException:
    """The exception to raise in place of ``error``; running out of memory stays what it is."""
    if isinstance(error, RuntimeError) and is_out_of_memory(error):
        return error
    text = " ".join(str(error).split())
    text = f": {text[:_LONGEST]}" if text else ""
    return I2IError(
        f"The {owner} failed in {method}(): {type(error).__name__}{text}; tell its author "
        "(--debug shows the traceback)."
    )


# The guarded subclass.


class _Active(threading.local):
    """The objects whose guarded methods run in this thread.

    Only the outermost call of an object is guarded: a method that calls another of its own sees the plain exception.
    """

    def __init__(self) -> None:
        self.objects: set[int] = set()


_active = _Active()


@functools.cache
def guarded(cls: Any, kind: str, owner: str) -> Any:
    """A subclass of a plugin's class whose contract methods are guarded; ``cls`` itself for what is no class."""
    if not isinstance(cls, type):
        return cls
    base = contract_class(kind, cls)
    checks = dict(_CHECKS.get(kind, {}))
    if kind == "extractor":
        checks |= _ROLES.get(str(getattr(cls, "role", "")), {})
    members: dict[str, Any] = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
    for name in {*contract_methods(kind, cls), *checks} - {"__init__"}:
        found = inspect.getattr_static(cls, name, None)
        inherited = found is inspect.getattr_static(base, name, None)  # the engine's own default
        if found is None or inherited or getattr(found, "__isabstractmethod__", False):
            continue
        if (member := _member(cls, name, found, owner, checks.get(name))) is not None:
            members[name] = member
    return type(cls)(cls.__name__, (cls,), members)


Check = Callable[[Any, Any, Sequence[Any]], None]
"""``check(instance, returned, arguments)`` raises ``_Unexpected``."""


def _member(cls: Any, name: str, found: Any, owner: str, check: Check | None) -> Any:
    """The guarded counterpart of one attribute of a class; None for what is left as it is."""
    if isinstance(found, property):

        def get(self: Any) -> Any:
            return _call(self, lambda: found.__get__(self, type(self)), owner, name, check, ())

        return property(get, found.fset, found.fdel, found.__doc__)
    if isinstance(found, (classmethod, staticmethod)):  # bound to the plugin's own class, which may compare itself

        def call(*args: Any, **kwargs: Any) -> Any:
            return _call(
                cls, lambda: getattr(cls, name)(*args, **kwargs), owner, name, check, (*args, *kwargs.values())
            )

        return staticmethod(functools.wraps(found.__func__)(call))
    if not inspect.isfunction(found):
        return None

    @functools.wraps(found)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        original = getattr(cls, name)
        if id(self) in _active.objects:
            return original(self, *args, **kwargs)
        return _call(self, lambda: original(self, *args, **kwargs), owner, name, check, (*args, *kwargs.values()))

    return method


def _call(
    instance: Any, call: Callable[[], Any], owner: str, method: str, check: Check | None, args: Sequence[Any]
) -> Any:
    key = id(instance)
    if key in _active.objects:
        return call()
    _active.objects.add(key)
    try:
        returned = call()
        if inspect.isgenerator(returned):  # its code runs only now
            returned = list(returned)
    except _PASSED:
        raise
    except BaseException as error:
        raise _failure(owner, method, error) from error
    finally:
        _active.objects.discard(key)
    if check is not None:
        _require(owner, method, check, instance, returned, args)
    return returned


# What contract methods return.


class _Unexpected(Exception):
    """A return value breaks the contract: what was expected, and what came where that is not the value as a whole."""

    def __init__(self, expected: str, came: str | None = None) -> None:
        self.expected, self.came = expected, came


def _require(owner: str, method: str, check: Check, instance: Any, returned: Any, args: Sequence[Any]) -> None:
    try:
        check(instance, returned, args)
    except _Unexpected as unexpected:
        came = unexpected.came or describe_value(returned)
        did = f"built {came} in" if method == "__init__" else f"returned {came} from"
        raise I2IError(f"The {owner} {did} {method}(); expected {unexpected.expected}; tell its author.") from None


def describe_value(value: Any) -> str:
    """A value in a few words: ``None``, ``int``, ``a float32 tensor of shape (1, 3, 8, 8)``, ``nan``."""
    if value is None or isinstance(value, (bool, float)):
        return repr(value)
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape is not None and dtype is not None:
        noun = "tensor" if hasattr(value, "is_floating_point") else "array"
        article = "an" if str(dtype).removeprefix("torch.")[:1] in "aeiou" and noun else "a"
        return f"{article} {str(dtype).removeprefix('torch.')} {noun} of shape {tuple(shape)}"
    return type(value).__name__


def _tensor(value: Any, shape: Sequence[int | None], expected: str, what: str = "") -> None:
    """Require a floating-point tensor; None in ``shape`` takes any size but 0."""
    import torch

    if (
        not isinstance(value, torch.Tensor)
        or not value.is_floating_point()
        or value.ndim != len(shape)
        or any(size == 0 if wanted is None else size != wanted for size, wanted in zip(value.shape, shape, strict=True))
    ):
        raise _Unexpected(expected, f"{what}{describe_value(value)}" if what else None)


def _count(args: Sequence[Any]) -> int | None:
    """Samples in the first argument: a batch, as a tensor or by field."""
    first = args[0] if args else None
    if isinstance(first, Mapping):
        first = next(iter(first.values()), None)
    return len(first) if first is not None and hasattr(first, "ndim") and first.ndim else None


def _networks(trainer: Any, _: Any, __: Sequence[Any]) -> None:
    from torch import nn

    networks = getattr(trainer, "networks", None)
    expected = "'networks', a non-empty dict of torch.nn.Module by name"
    if not isinstance(networks, Mapping) or not networks:
        raise _Unexpected(
            expected, "an empty 'networks'" if networks == {} else f"'networks' = {describe_value(networks)}"
        )
    for name, network in networks.items():
        if not isinstance(name, str) or not isinstance(network, nn.Module):
            raise _Unexpected(expected, f"the network {name!r} = {describe_value(network)}")


def _losses(_: Any, losses: Any, __: Sequence[Any]) -> None:
    import torch

    expected = "a dict of 0-dimensional tensors"
    if not isinstance(losses, Mapping):
        raise _Unexpected(expected)
    for name, loss in losses.items():
        if not isinstance(name, str) or not isinstance(loss, torch.Tensor) or loss.ndim:
            raise _Unexpected(expected, f"{name!r}: {describe_value(loss)}")
        if loss.requires_grad:
            raise _Unexpected("detached losses (loss.detach())", f"{name!r} with its graph")


def _samples(trainer: Any, images: Any, args: Sequence[Any]) -> None:
    panels = images if isinstance(images, Mapping) and images else {"": images}
    for name, panel in panels.items():
        if _is_class_numbers(panel, _count(args)):
            continue
        what = f"{name!r}: " if name else ""
        _tensor(
            panel, (_count(args), None, None, None), "a floating-point tensor (N, C, H, W), N as in the batch", what
        )


def _is_class_numbers(panel: Any, count: int | None) -> bool:
    """Whether a panel is class numbers ``(N, H, W)``, which sample grids paint."""
    import torch

    whole = isinstance(panel, torch.Tensor) and not (panel.is_floating_point() or panel.is_complex())
    return whole and panel.ndim == 3 and (count is None or len(panel) == count)


def _measured(_: Any, metrics: Any, __: Sequence[Any]) -> None:
    if not isinstance(metrics, Mapping):
        raise _Unexpected("a dict of numbers by name")
    for name, value in metrics.items():
        if not isinstance(name, str) or not (_number(value) or getattr(value, "ndim", None) == 0):
            raise _Unexpected("a dict of numbers by name", f"{name!r}: {describe_value(value)}")


def _state(_: Any, state: Any, __: Sequence[Any]) -> None:
    if not isinstance(state, dict):
        raise _Unexpected("a dict")


def _generator(_: Any, made: Any, __: Sequence[Any]) -> None:
    if not isinstance(made, contract_class("generator")):
        raise _Unexpected("an i2i.Generator")


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _finite(_: Any, value: Any, __: Sequence[Any]) -> None:
    if not _number(value) or not math.isfinite(value):
        raise _Unexpected("a finite float")


def _numbers(_: Any, values: Any, __: Sequence[Any]) -> None:
    if not isinstance(values, (list, tuple)) or not all(map(_number, values)):
        raise _Unexpected("a list of floats, one for each image")


def _listed_samples(noun: str) -> Check:
    """A check for a list of samples, or None for the default layout."""

    def check(_: Any, samples: Any, __: Sequence[Any]) -> None:
        expected = f"a list of i2i.{noun}, or None for the default layout"
        if samples is None:
            return
        if not isinstance(samples, (list, tuple)):
            raise _Unexpected(expected)
        for sample in samples:
            if not hasattr(sample, "name") or not hasattr(sample, "files"):
                raise _Unexpected(expected, f"a list with {describe_value(sample)}")

    return check


def _unpaired(_: Any, sides: Any, __: Sequence[Any]) -> None:
    expected = "a dict with a list of paths for each of the two sides, or None for the default layouts"
    if sides is None:
        return
    if not isinstance(sides, Mapping):
        raise _Unexpected(expected)
    for name, paths in sides.items():
        if not isinstance(paths, (list, tuple)) or not all(isinstance(path, PurePath) for path in paths):
            raise _Unexpected(expected, f"{name!r}: {describe_value(paths)}")


def _drawn(dataset: Any, drawn: Any, args: Sequence[Any]) -> None:
    """Refuse what is neither two RGB images nor an array for each field; ``SyntheticSource`` checks each field."""
    import numpy as np

    size = args[1] if len(args) > 1 else None
    fields = getattr(dataset, "fields", ())
    if isinstance(drawn, Mapping):
        if missing := [field.name for field in fields if field.name not in drawn]:
            raise _Unexpected(
                f"a value for each field: {', '.join(field.name for field in fields)}", f"no {missing[0]!r}"
            )
        return
    expected = f"two uint8 arrays ({size}, {size}, 3)"
    if not isinstance(drawn, (tuple, list)) or len(drawn) != 2:
        raise _Unexpected(expected)
    for field, side in zip((field for field in fields if field.kind != "value"), drawn, strict=False):
        if field.kind != "image" or (field.channels, field.bits) != (3, 8):
            continue
        if not isinstance(side, np.ndarray) or side.dtype != np.uint8 or side.shape != (size, size, 3):
            raise _Unexpected(expected, describe_value(side))


def _weights(_: Any, weights: Any, __: Sequence[Any]) -> None:
    from .api.generator import Weights

    if weights is not None and not isinstance(weights, Weights):
        raise _Unexpected("i2i.Weights or None")


def _latents(generator: Any, w: Any, args: Sequence[Any]) -> None:
    rows, width = generator.num_ws, generator.w_dim
    _tensor(w, (_count(args), rows, width), f"a floating-point tensor (N, {rows}, {width}), N as in z")


def _rendered(generator: Any, images: Any, args: Sequence[Any]) -> None:
    channels, side = generator.channels, generator.resolution
    expected = f"a floating-point tensor (N, {channels}, {side}, {side}), N as in w"
    _tensor(images, (_count(args), channels, side, side), expected)


def _features(_: Any, features: Any, args: Sequence[Any]) -> None:
    side = args[1] if len(args) > 1 else None
    _tensor(features, (_count(args), None, side, side), f"a floating-point tensor (N, C, {side}, {side}), N as in w")


def _tensors(_: Any, tensors: Any, __: Sequence[Any]) -> None:
    import torch

    if not isinstance(tensors, Mapping) or not all(isinstance(each, torch.Tensor) for each in tensors.values()):
        raise _Unexpected("a dict of tensors by name")


def _of_shape(*sizes: int | None, expected: str) -> Check:
    """A check for a tensor ``(N, *sizes)``, N as in the first argument."""

    def check(_: Any, returned: Any, args: Sequence[Any]) -> None:
        _tensor(returned, (_count(args), *sizes), f"a floating-point tensor {expected}")

    return check


def _faces(_: Any, faces: Any, __: Sequence[Any]) -> None:
    from .api.extractor import Face

    if not isinstance(faces, (list, tuple)) or not all(isinstance(face, Face) for face in faces):
        raise _Unexpected("a list of i2i.Face")


def _words(_: Any, words: Any, __: Sequence[Any]) -> None:
    if isinstance(words, str) or not all(isinstance(word, str) for word in words):
        raise _Unexpected("strings")


def _texts(_: Any, vectors: Any, args: Sequence[Any]) -> None:
    sentences = args[0] if args else None
    count = len(sentences) if isinstance(sentences, (list, tuple)) else None
    _tensor(vectors, (count, None), "a floating-point tensor (N, F), a row for each sentence")


def _result(_: Any, result: Any, __: Sequence[Any]) -> None:
    """Refuse what the files of an edit and the page could not show."""
    from .api.editor import Result

    if not isinstance(result, Result):
        raise _Unexpected("i2i.Result")
    for each in (result, *result.others):
        _image(each.image, "an image")
        for number, frame in enumerate(each.frames):
            _image(frame, f"frame {number}")
            if frame.shape != each.frames[0].shape:
                raise _Unexpected("frames of one size", f"frames that differ in size (frame {number})")
        for key, value in each.scalars.items():
            if not isinstance(value, (int, float)) or not math.isfinite(value):
                raise _Unexpected("finite numbers", f"the scalar {key!r} = {value!r}")
    for row in result.table.cells if result.table else ():
        for cell in row:
            if cell is not None:
                _image(cell, "an image in the table")


def _image(image: Any, what: str) -> None:
    import torch

    if not isinstance(image, torch.Tensor):
        raise _Unexpected("a tensor (1, 3, H, W)", f"{what} that is {describe_value(image)}")
    if image.ndim != 4 or image.shape[:2] != (1, 3) or 0 in image.shape:
        raise _Unexpected("shape (1, 3, H, W)", f"{what} of shape {tuple(image.shape)}")
    if not image.is_floating_point():
        raise _Unexpected("floating point in [-1, 1]", f"{what} of {image.dtype}")
    if not image.isfinite().all():
        raise _Unexpected("finite numbers; try other options", f"{what} with numbers that are not finite (nan or inf)")


def _inversions(_: Any, inversions: Any, args: Sequence[Any]) -> None:
    """Require an ``Inversion`` for each image, whose latent fits the generator of the scene."""
    from .api.inverter import Inversion
    from .api.scene import Latent

    generator, count = args[0].generator, len(args[1])
    if not isinstance(inversions, (list, tuple)) or not all(isinstance(each, Inversion) for each in inversions):
        raise _Unexpected("a list of i2i.Inversion")
    if len(inversions) != count:
        raise _Unexpected("one for each image", f"{len(inversions)} inversions for {count} images")
    shape = (1, generator.num_ws, generator.w_dim)
    for each in inversions:
        if not isinstance(each.latent, Latent):
            raise _Unexpected("an i2i.Latent", f"an inversion with the latent {describe_value(each.latent)}")
        _tensor(each.latent.w, shape, f"a floating-point tensor {shape} as the latent's w", "an inversion with w = ")
        if not each.latent.w.isfinite().all():
            raise _Unexpected("finite numbers; try other options", "a latent with numbers that are not finite")
        if each.image is not None:
            _image(each.image, "an image")
        for number, frame in enumerate(each.frames):
            _image(frame, f"frame {number}")
        for key, value in each.scalars.items():
            if not isinstance(value, (int, float)) or not math.isfinite(value):
                raise _Unexpected("finite numbers", f"the scalar {key!r} = {value!r}")


_INSTANCES: Mapping[str, Check] = {"trainer": _networks}
"""By kind, what is checked of a new instance."""
_CHECKS: Mapping[str, Mapping[str, Check]] = {
    "trainer": {
        "step": _losses,
        "sample": _samples,
        "validate": _measured,
        "state_dict": _state,
        "generator": _generator,
    },
    "dataset": {
        "samples": _listed_samples("Sample"),
        "pairs": _listed_samples("Pair"),
        "unpaired": _unpaired,
        "draw": _drawn,
    },
    "metric": {"compute": _finite, "per_picture": _numbers},
    "generator": {
        "read": _weights,
        "map": _latents,
        "render": _rendered,
        "features": _features,
        "noise_maps": _tensors,
        "weights": _tensors,
        "style_space": _tensors,
        "tuned": _generator,
    },
    "editor": {"edit": _result, "presets": _words},
    "inverter": {"invert": _inversions},
}
"""By kind and method, the check of what the method returns; the other methods of a contract are guarded without."""
_VECTORS = _of_shape(None, expected="(N, F)")
_ROLES: Mapping[str, Mapping[str, Check]] = {
    "landmarks": {"__call__": _of_shape(68, 2, expected="(N, 68, 2)"), "find": _faces},
    "identity": {"__call__": _VECTORS, "align": _of_shape(None, None, None, expected="(N, C, H, W)")},
    "text": {"images": _VECTORS, "texts": _texts, "unknown": _words},
    "perceptual": {"distance": _of_shape(expected="(N,)"), "compare": _of_shape(expected="(N,)")},
    "encoder": {"__call__": _of_shape(None, None, expected="(N, num_ws, w_dim)")},
    "segmentation": {"__call__": _of_shape(None, None, None, expected="(N, classes, H, W)")},
}
"""By role of an extractor and method, the check of what the method returns."""
