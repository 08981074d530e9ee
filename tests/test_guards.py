"""Guards: what a plugin raises or returns is reported in its name, and sound plugins do not notice them."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import i2i
from i2i.guards import build_plugin, guarded_class, guarding
from i2i.registry import Plugin, Registry


def registry_with(kind: str, *things: Any) -> Registry:
    """Things of one kind from the plugin ``p`` of ``dist`` 1.0."""
    module = ModuleType("guarded_module")
    setattr(module, f"register_{kind}s", i2i.hookimpl(lambda register: [register(thing) for thing in things]))
    return Registry([Plugin("p", "dist", "1.0", module)])


def build(kind: str, cls: Any, *args: Any) -> Any:
    return build_plugin(registry_with(kind, cls), kind, cls.name, *args)


class Toy(i2i.Trainer):
    """A trainer whose return values tests replace."""

    name = "toy"
    summary = "Does nothing."

    def __init__(self, options: Any, device: Any) -> None:
        self.networks: Any = options.get("networks", {"generator": nn.Conv2d(3, 3, 1)})
        self.returned = options

    def step(self, batch: Any) -> Any:
        return self.returned["step"]

    def sample(self, batch: Any) -> Any:
        return self.returned["sample"]

    def validate(self, batch: Any) -> Any:
        return self.returned["validate"]

    def generator(self) -> Any:
        return None

    def state_dict(self) -> Any:
        return None


BATCH = {"input": torch.zeros(2, 3, 8, 8)}


@pytest.mark.parametrize(
    ("method", "returned", "message"),
    [
        ("step", None, "returned None from step(); expected a dict of 0-dimensional tensors; tell its author."),
        ("step", {"l1": 0.5}, "returned 'l1': 0.5 from step()"),
        ("step", {"l1": torch.zeros(2)}, "returned 'l1': a float32 tensor of shape (2,) from step()"),
        ("step", {"l1": torch.ones((), requires_grad=True)}, "expected detached losses (loss.detach())"),
        ("sample", torch.zeros(1, 3, 8, 8), "returned a float32 tensor of shape (1, 3, 8, 8) from sample()"),
        ("sample", torch.zeros(2, 3, 8, 8).int(), "returned an int32 tensor of shape (2, 3, 8, 8) from sample()"),
        ("sample", {"a": None}, "returned 'a': None from sample()"),
        ("validate", {"l1": "low"}, "returned 'l1': str from validate()"),
    ],
)
def test_guards_name_wrong_return_values_of_trainers(method: str, returned: Any, message: str) -> None:
    trainer = build("trainer", Toy, {method: returned}, "cpu")
    with pytest.raises(i2i.I2IError) as caught:
        getattr(trainer, method)(BATCH)
    assert str(caught.value).startswith("The trainer 'toy' of dist 1.0 ") and message in str(caught.value)


def test_guards_pass_sound_values_on_unchanged() -> None:
    losses, images = {"l1": torch.zeros(())}, torch.zeros(2, 3, 8, 8)
    trainer = build("trainer", Toy, {"step": losses, "sample": images, "validate": {"l1": 0.5}}, "cpu")
    assert trainer.step(BATCH) is losses and trainer.sample(BATCH) is images and trainer.sample(batch=BATCH) is images
    assert trainer.validate(BATCH) == {"l1": 0.5}
    assert isinstance(trainer, Toy) and type(trainer).__name__ == "Toy" and trainer.summary == "Does nothing."
    for method in ("state_dict", "generator"):
        with pytest.raises(i2i.I2IError, match=rf"returned None from {method}\(\)"):
            getattr(trainer, method)()


@pytest.mark.parametrize("networks", [None, {}, {"generator": 1}, [nn.Identity()]])
def test_guards_check_the_networks_of_a_trainer(networks: Any) -> None:
    with pytest.raises(i2i.I2IError, match=r"in __init__\(\); expected 'networks', a non-empty dict"):
        build("trainer", Toy, {"networks": networks}, "cpu")


class Failing(i2i.Editor):
    name = "failing"
    summary = "Raises what it is told to."
    error: BaseException

    def check(self, generator: Any, options: Any) -> None:
        try:
            self.edit(generator, options)
        except KeyError:
            return

    def edit(self, scene: Any, options: Any) -> Any:
        raise self.error

    def presets(self, options: Any) -> Any:
        yield "one"
        raise self.error


@pytest.mark.parametrize("error", [ValueError("no\n  good"), SystemExit("no good"), AssertionError("no good")])
def test_a_failure_becomes_one_sentence_with_its_cause(error: BaseException) -> None:
    editor = build("editor", Failing)
    Failing.error = error
    for call, method in ((editor.edit, "edit"), (lambda *args: editor.presets(None), "presets")):
        with pytest.raises(i2i.I2IError) as caught:
            call(None, None)
        assert str(caught.value) == (
            f"The editor 'failing' of dist 1.0 failed in {method}(): {type(error).__name__}: no good; "
            "tell its author (--debug shows the traceback)."
        )
        assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [
        i2i.UsageError("Give another."),
        OSError(28, "disk"),
        KeyboardInterrupt(),
        MemoryError(),
        RuntimeError("CUDA out of memory"),
    ],
)
def test_errors_for_the_user_and_of_the_machine_pass(error: BaseException) -> None:
    editor = build("editor", Failing)
    Failing.error = error
    with pytest.raises(type(error)) as caught:
        editor.edit(None, None)
    assert caught.value is error and caught.value.__cause__ is None


@pytest.mark.parametrize("error", [OSError(28, "disk"), MemoryError(), RuntimeError("CUDA out of memory")])
def test_failures_of_the_machine_keep_the_innermost_plugin(error: BaseException) -> None:
    Failing.error = error
    with pytest.raises(type(error)) as caught, guarding("inverter 'outer' of dist 1.0", "invert"):
        build("editor", Failing).edit(None, None)
    assert caught.value.i2i_owner == "edit() of the editor 'failing' of dist 1.0"  # type: ignore[attr-defined]


def test_a_plugin_sees_the_plain_exceptions_of_its_own_methods() -> None:
    Failing.error = KeyError("own")
    build("editor", Failing).check(None, None)  # which catches the KeyError of its own edit()


class Incomplete(i2i.Metric):
    name = "incomplete"
    summary = "Has no compute."

    def __init__(self, device: Any) -> None: ...

    def update(self, output: Any, target: Any) -> None: ...


def test_missing_methods_are_named() -> None:
    with pytest.raises(i2i.I2IError, match=r"^The metric 'incomplete' of dist 1\.0 does not define compute; tell"):
        build("metric", Incomplete, "cpu")
    with pytest.raises(TypeError, match=r"Incomplete .*compute"):
        Incomplete("cpu")  # type: ignore[abstract]


class Constant(Incomplete):
    name = "constant"
    value: Any = 1.0

    def compute(self) -> float:
        return self.value  # type: ignore[no-any-return]

    @property
    def per_picture(self) -> list[float]:
        return self.value  # type: ignore[no-any-return]


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), "1", torch.ones(())])
def test_a_metric_gives_a_finite_float(value: Any) -> None:
    metric = build("metric", Constant, "cpu")
    assert metric.compute() == 1.0
    metric.value = value
    with pytest.raises(i2i.I2IError, match=r"from compute\(\); expected a finite float"):
        metric.compute()
    with pytest.raises(i2i.I2IError, match=r"from per_picture\(\); expected a list of floats"):
        _ = metric.per_picture


class Family(i2i.Generator):
    name = "family"
    summary = "Zeros."
    z_dim, w_dim, num_ws, resolution = 2, 3, 4, 8
    shapes: dict[str, tuple[int, ...]] = {"map": (5, 4, 3), "render": (5, 3, 8, 8), "features": (5, 7, 4, 4)}

    @classmethod
    def read(cls, contents: Any) -> Any:
        assert cls is Family, "class methods get the plugin's own class"
        return contents

    def __init__(self, weights: Any, device: Any) -> None:
        self.device = device

    def map(self, z: Any, c: Any = None, truncation: float = 1.0, cutoff: int | None = None) -> Any:
        return torch.zeros(self.shapes["map"])

    def render(self, w: Any, noise: Any = "const") -> Any:
        return torch.zeros(self.shapes["render"])

    def features(self, w: Any, resolution: int) -> Any:
        return torch.zeros(self.shapes["features"])


@pytest.mark.parametrize("method", ["map", "render", "features"])
def test_generators_give_the_shapes_that_they_declare(method: str) -> None:
    generator = build("generator", Family, None, "cpu")
    given = (torch.zeros(5, 2) if method == "map" else torch.zeros(5, 4, 3), *([4] if method == "features" else []))
    getattr(generator, method)(*given)
    generator.shapes = {method: (4, *Family.shapes[method][1:])}
    with pytest.raises(i2i.I2IError, match=rf"from {method}\(\); expected a floating-point tensor \(N, "):
        getattr(generator, method)(*given)


def test_class_methods_are_guarded() -> None:
    family = guarded_class(registry_with("generator", Family), "generator", "family")
    assert family.read(None) is None
    with pytest.raises(i2i.I2IError, match=r"returned int from read\(\); expected i2i\.Weights or None"):
        family.read(1)


ROLES: dict[str, tuple[str, Any, Any]] = {
    "landmarks": ("__call__", torch.zeros(2, 68, 2), torch.zeros(2, 5, 2)),
    "identity": ("__call__", torch.zeros(2, 9), torch.zeros(9)),
    "perceptual": ("distance", torch.zeros(2), torch.zeros(2, 1)),
    "text": ("images", torch.zeros(2, 9), None),
    "encoder": ("__call__", torch.zeros(2, 4, 3), torch.zeros(2, 3)),
    "segmentation": ("__call__", torch.zeros(2, 5, 8, 8), torch.zeros(2, 8, 8)),
}


@pytest.mark.parametrize("role", ROLES)
def test_extractors_are_checked_by_their_role(role: str) -> None:
    method, good, bad = ROLES[role]

    def answer(self: Any, *args: Any) -> Any:
        return self.value

    cls = type("X", (i2i.Extractor,), {"name": "x", "summary": "X.", "role": role, method: answer})
    cls.__init__ = lambda self, device: None  # type: ignore[misc]
    cls = type("X", (cls,), {"__init__": lambda self, device: None})
    extractor = build("extractor", cls, "cpu")
    extractor.value = good
    assert getattr(extractor, method)(torch.zeros(2, 3, 8, 8), None) is good
    extractor.value = bad
    with pytest.raises(i2i.I2IError, match=rf"The extractor 'x' of dist 1\.0 returned .* from {method}\(\)"):
        getattr(extractor, method)(torch.zeros(2, 3, 8, 8), None)


class Drawing(i2i.Dataset):
    name = "drawing"
    summary = "Draws what it is told to."
    drawn = {"train": 1}
    pair: Any = None

    def draw(self, rng: Any, size: int) -> Any:
        return self.pair

    def pairs(self, root: Any, split: str) -> Any:
        return self.pair


def test_datasets_draw_uint8_arrays_and_list_pairs() -> None:
    dataset = build("dataset", Drawing)
    side = np.zeros((8, 8, 3), np.uint8)
    dataset.pair = side, side
    assert dataset.draw(None, 8) == (side, side)
    for bad in (None, (side,), (side, side[:4]), (side, side / 2)):
        dataset.pair = bad
        with pytest.raises(i2i.I2IError, match=r"from draw\(\); expected two uint8 arrays \(8, 8, 3\)"):
            dataset.draw(None, 8)
    dataset.pair = ["a.png"]
    with pytest.raises(i2i.I2IError, match=r"returned a list with str from pairs\(\); expected a list of i2i\.Pair"):
        dataset.pairs(None, "train")


class Still(i2i.Generator):
    """Renders what it is given: w is the colour of every pixel."""

    name = "still"
    summary = "One colour."

    def __init__(self, weights: Any, device: Any) -> None:
        self.z_dim, self.resolution, self.device = 3, 4, device

    def render(self, w: Any, noise: Any = "const") -> Any:
        return w[:, 0, :, None, None].expand(-1, 3, 4, 4)


class Finds(i2i.Inverter):
    name = "finds"
    summary = "Finds what a test tells it to."
    found: Any = None

    def invert(self, scene: Any, images: Any, options: Any) -> Any:
        return self.found


LATENT = i2i.Latent(torch.zeros(1, 1, 3))


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (None, "returned None from invert(); expected a list of i2i.Inversion; tell its author."),
        ([LATENT], "expected a list of i2i.Inversion"),
        ([], "returned 0 inversions for 1 images from invert(); expected one for each image"),
        ([i2i.Inversion(LATENT.w)], "an inversion with the latent a float32 tensor of shape (1, 1, 3)"),
        ([i2i.Inversion(i2i.Latent(torch.zeros(1, 2, 3)))], "expected a floating-point tensor (1, 1, 3)"),
        ([i2i.Inversion(i2i.Latent(torch.full((1, 1, 3), torch.nan)))], "a latent with numbers that are not finite"),
        ([i2i.Inversion(LATENT, image=torch.zeros(3, 4, 4))], "an image of shape (3, 4, 4)"),
        ([i2i.Inversion(LATENT, {"loss": float("inf")})], "the scalar 'loss' = inf"),
    ],
)
def test_guards_check_what_inverters_return(monkeypatch: pytest.MonkeyPatch, found: Any, message: str) -> None:
    scene, images = i2i.Scene({}, device="cpu", generator=Still(None, "cpu")), torch.zeros(1, 3, 4, 4)
    inverter = build("inverter", Finds)
    monkeypatch.setattr(Finds, "found", [sound := i2i.Inversion(LATENT, {"loss": 0.5})])
    assert inverter.invert(scene, images, None) == [sound]
    monkeypatch.setattr(Finds, "found", found)
    with pytest.raises(i2i.I2IError) as caught:
        inverter.invert(scene, images, None)
    assert str(caught.value).startswith("The inverter 'finds' of dist 1.0 ") and message in str(caught.value)


class Styled(i2i.StyleGenerator, Still):
    name = "styled"
    w_dim = 3

    def features_and_pictures(self, w: Any, resolution: int) -> Any:
        raise ValueError("no layer")


def test_guards_cover_what_style_generators_add() -> None:
    with pytest.raises(i2i.I2IError, match=r"generator 'styled' of dist 1.0 failed in features_and_pictures\(\)"):
        build("generator", Styled, None, "cpu").features_and_pictures(LATENT.w, 4)
