"""``PluginContract`` passes for sound plugins and fails for each fault that the guards cannot see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import i2i
import i2i.testing
from i2i.testing.checks import CHECKS
from i2i.testing.checks.contract_run import ContractRun, RequirementMissing
from i2i.testing.registries import with_stand_ins
from i2i.testing.stand_ins import EXTRACTORS, TinyPairs, TinyTrainer


class ForgetfulTrainer(TinyTrainer):
    """The optimiser's state is not saved."""

    name = "forgetful"

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore nothing."""


class FieldTrainer(i2i.Trainer):
    """From labels and a value to an image."""

    name = "fields"
    summary = "From labels to an image."
    wants = (i2i.Field("labels", "labels", classes=3), i2i.Field("photo"), i2i.Field("age", "value"))
    multiple = 24
    best_metric = None

    def __init__(self, options: Any, device: i2i.Device) -> None:
        assert len(self.data.classes) == 3
        self.networks = {"generator": nn.Embedding(3, 3)}
        self.optimizers = {"generator": torch.optim.Adam(self.networks["generator"].parameters(), 0.1)}

    def step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        assert batch["photo"].shape[2:] == (48, 48) and batch["age"].shape == (2, 1)
        loss = (self._images(batch) - batch["photo"]).abs().mean()
        self.optimizers["generator"].zero_grad()
        loss.backward()
        self.optimizers["generator"].step()
        return {"l1": loss.detach()}

    def sample(self, batch: dict[str, Tensor]) -> Tensor:
        with torch.no_grad():
            return self._images(batch)

    def _images(self, batch: dict[str, Tensor]) -> Tensor:
        labels = batch["labels"].clamp(max=2)
        images: Tensor = self.networks["generator"](labels).permute(0, 3, 1, 2)
        return images


class NoisyPredictions(TinyTrainer):
    """Two predictions differ whatever the seed."""

    name = "noisy"
    calls = 0

    def sample(self, batch: dict[str, Tensor]) -> Tensor:
        NoisyPredictions.calls += 1
        return super().sample(batch) * 0 + (NoisyPredictions.calls % 7) / 10


class UnseededPairs(TinyPairs):
    name = "unseeded"
    calls = 0

    def draw(self, rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
        self.calls += 1
        return (np.full((size, size, 3), self.calls, np.uint8),) * 2


class ConstantPairs(TinyPairs):
    name = "constant"

    def draw(self, rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
        return (np.zeros((size, size, 3), np.uint8),) * 2


class Brightness(i2i.Editor):
    name = "brightness"
    summary = "Add a constant."

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        return i2i.Result((scene.photos["image"].pixels + 0.1).clamp(-1, 1))


class Unclamped(Brightness):
    name = "unclamped"

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        return i2i.Result(scene.photos["image"].pixels + 2)


class Unrepeatable(Brightness):
    name = "unrepeatable"
    calls = 0

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        Unrepeatable.calls += 1
        return i2i.Result(scene.photos["image"].pixels * 0 + Unrepeatable.calls % 5 / 10)


class NeedsDepth(Brightness):
    name = "needs-depth"
    extractors = ("depth",)


class NeedsFile(Brightness):
    name = "needs-file"

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        raise i2i.I2IError("The model 'far' is not downloaded: type 'i2i models fetch far'.")


class Squared(i2i.Metric):
    name = "squared"
    summary = "The mean squared difference."
    better = "lower"

    def __init__(self, device: i2i.Device) -> None:
        self.total, self.count = 0.0, 0

    def update(self, output: Tensor, target: Tensor) -> None:
        self.total += float((output - target).square().mean(dim=(1, 2, 3)).sum())
        self.count += len(output)

    def compute(self) -> float:
        return self.total / self.count


class Inverse(Squared):
    name = "inverse"
    better = "higher"


class Unweighted(Squared):
    name = "unweighted"

    def update(self, output: Tensor, target: Tensor) -> None:
        self.total += float((output - target).square().mean())
        self.count += 1

    def compute(self) -> float:
        return self.total / self.count


class LongVectors(EXTRACTORS[1]):  # type: ignore[misc,valid-type]
    name = "long"

    def __call__(self, images: Tensor) -> Tensor:
        return 2 * super().__call__(images)


class Shy(EXTRACTORS[1]):  # type: ignore[misc,valid-type]
    name = "shy"

    def __init__(self, device: i2i.Device) -> None:
        raise i2i.I2IError("The model 'far' is not downloaded: type 'i2i models fetch far'.")


class Failing(EXTRACTORS[1]):  # type: ignore[misc,valid-type]
    name = "failing"

    def __init__(self, device: i2i.Device) -> None:
        raise RuntimeError("no reason")


class BatchNormalised(i2i.testing.TinyGenerator):
    name = "normalised"

    def render(self, w: Tensor, noise: Any = "const") -> Tensor:
        images = super().render(w, noise)
        return images - images.mean(dim=0, keepdim=True)


class Detached(i2i.testing.TinyGenerator):
    name = "detached"

    def render(self, w: Tensor, noise: Any = "const") -> Tensor:
        return super().render(w.detach() + 0 * w, noise)


class Mean(i2i.Inverter):
    name = "mean"
    summary = "The mean latent."

    def invert(self, scene: i2i.Scene, images: Tensor, options: Any) -> list[i2i.Inversion]:
        w = scene.generator.w_mean.expand(1, scene.generator.num_ws, -1)
        return [i2i.Inversion(i2i.Latent(w)) for _ in images]


class OfTheBatch(Mean):
    name = "of-the-batch"

    def invert(self, scene: i2i.Scene, images: Tensor, options: Any) -> list[i2i.Inversion]:
        return [
            i2i.Inversion(i2i.Latent(each.latent.w + len(images))) for each in super().invert(scene, images, options)
        ]


class BrokenCallback(i2i.Callback):
    name = "broken"
    summary = "Fails at the end."

    def run_ends(self, summary: Any) -> None:
        raise KeyError("seconds")


def behave(thing: Any, folder: Path, **given: Any) -> None:
    registry = i2i.testing.registry_of(thing)
    (label,) = [f"{kind}:{name}" for kind in CHECKS for name in registry.names(kind)]
    kind, _, name = label.partition(":")
    CHECKS[kind](ContractRun(with_stand_ins(registry), kind, name, folder, **given))


@pytest.mark.parametrize(
    "thing", [FieldTrainer, Brightness, Squared, Mean, i2i.Preset("much", "Much.", "absent-editor", {})], ids=str
)
def test_sound_things_pass(thing: Any, tmp_path: Path) -> None:
    if isinstance(thing, i2i.Preset):
        with pytest.raises(RequirementMissing, match="absent-editor"):
            behave(thing, tmp_path)
    else:
        behave(thing, tmp_path)


def test_stand_ins_pass(tmp_path: Path) -> None:
    registry = with_stand_ins(i2i.testing.registry_of())
    labels = [f"{kind}:{name}" for kind in CHECKS for name in registry.names(kind)]
    assert len(labels) == 10
    for number, label in enumerate(labels):
        kind, _, name = label.partition(":")
        folder = tmp_path / str(number)
        folder.mkdir()
        generator = "tiny" if label == "extractor:tiny-encoder" else None
        CHECKS[kind](ContractRun(registry, kind, name, folder, generator=generator))


@pytest.mark.parametrize(
    ("thing", "reason"),
    [
        (ForgetfulTrainer, "differs between a training that was resumed"),
        (NoisyPredictions, "two predictions of one image differ"),
        (UnseededPairs, "with the same random numbers"),
        (ConstantPairs, "all samples are equal"),
        (Unclamped, "clamp it"),
        (Unrepeatable, "same options and seed"),
        (Inverse, "although higher is better"),
        (Unweighted, "depends on the batches"),
        (LongVectors, "embeddings are no unit vectors"),
        (Failing, "failed in __init__"),
        (BatchNormalised, "depends on the rest of its batch"),
        (Detached, "no gradient"),
        (OfTheBatch, "depends on the rest of its batch"),
        (BrokenCallback, r"failed in run_ends\(\)"),
    ],
)
def test_faults_are_found(thing: Any, reason: str, tmp_path: Path) -> None:
    with pytest.raises((AssertionError, i2i.I2IError), match=reason):
        behave(thing, tmp_path)


@pytest.mark.parametrize(
    ("thing", "reason"),
    [(NeedsDepth, "needs an extractor of depth"), (NeedsFile, "not downloaded"), (Shy, "not downloaded")],
)
def test_missing_requirements_are_told_apart_from_faults(thing: Any, reason: str, tmp_path: Path) -> None:
    with pytest.raises(RequirementMissing, match=reason):
        behave(thing, tmp_path)


class TestOfOnePackage(i2i.testing.PluginContract):
    """As the package of a stranger uses it: one distribution, of which one thing is left out."""

    distribution = "i2i-tests"
    left_out = {"metric:inverse": "it is wrong"}

    @classmethod
    def registry(cls) -> i2i.Registry:
        return i2i.testing.registry_of(Brightness, Squared, Inverse)

    @pytest.fixture(autouse=True)
    def called(self, request: pytest.FixtureRequest) -> Iterator[None]:
        yield
        assert request.node.name in {
            "test_plugin_is_sound[tests]",
            "test_behaviour[metric:squared]",
            "test_behaviour[editor:brightness]",
        }


def test_a_distribution_that_is_not_installed_fails(tmp_path: Path) -> None:
    class OfNothing(i2i.testing.PluginContract):
        distribution = "i2i-absent"

    with pytest.raises(AssertionError, match="install the plugin first"):
        OfNothing().test_plugin_is_sound("(i2i-absent is not installed)", tmp_path)
