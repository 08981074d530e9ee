"""What each kind of plugin must do with small data: one function for each kind, which fails by ``AssertionError``.

Everything is called through the engine's guards, which check types and shapes of what is returned. The functions check
what guards cannot see: reproducibility, independence of samples, ranges, and that state and files survive.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ..api.contracts import contract_class
from ..api.dataset import Dataset
from ..api.errors import I2IError, PluginError, UsageError
from ..api.field import Field
from ..api.generator import StyleGenerator, Weights
from ..api.model import Model
from ..api.options import Options, build_options
from ..api.sample import Sample
from ..api.trainer import DataInfo
from ..data.layouts import find_samples, find_sides
from ..data.sources import open_source
from ..editing.pipeline import edit
from ..guards import OPTIONS_LAST, build_plugin
from ..inference.generators import generator as open_generator
from ..inference.generators import open_weights
from ..inference.prediction import predict
from ..registry import Registry
from ..runtime.device import choose_device
from ..toolkit.images import save_image, to_tensor
from ..training.runs import Run
from ..training.session import train
from .registries import registry_of
from .scenes import STAND_INS, build_scene
from .stand_ins import TinyGenerator, TinyPairs, draw_photo

if TYPE_CHECKING:
    from ..api.device import Device
    from ..api.editor import Editor
    from ..api.scene import Scene
    from ..api.trainer import Trainer

SIZE = 64
"""Height and width of photos, pixels."""
TRAINING_SIZE = 32
"""Height and width of the images of trainings where the trainer does not need larger ones, pixels."""


class RequirementMissing(Exception):
    """The thing needs something that is not there, such as weights that are not downloaded."""


@dataclass(frozen=True)
class ContractRun:
    """One thing to test, and what its author gives for it."""

    registry: Registry
    """With the stand-ins."""
    kind: str
    name: str
    """As registered; a preset is ``EDITOR/NAME``."""
    folder: Path
    """An empty directory for the files of the test."""
    options: Mapping[str, Any] = field(default_factory=dict)
    weights: str | Path | Weights | None = None
    generator: str | None = None
    extractors: Mapping[str, str] = field(default_factory=dict)
    images: Sequence[str] = ()
    root: Path | None = None

    @property
    def thing(self) -> Any:
        """The class or record."""
        return self.registry.get(self.kind, self.name)

    @property
    def device(self) -> Device:
        """The CPU, with full precision."""
        return choose_device("cpu", "fp32")

    def build(self, *arguments: Any) -> Any:
        """Construct the class, guarded.

        Raises:
            RequirementMissing: the plugin says that something it needs is missing.
        """
        values = self.options or None if self.kind in OPTIONS_LAST else None
        with self.requirements():
            return build_plugin(self.registry, self.kind, self.name, *arguments, values=values)

    @contextmanager
    def requirements(self) -> Iterator[None]:
        """Turn an error that is neither the plugin's fault nor a wrong option into ``RequirementMissing``."""
        try:
            yield
        except (UsageError, PluginError):
            raise
        except I2IError as error:
            raise RequirementMissing(f"{self.kind} {self.name!r} needs something that is missing: {error}") from None

    def values(self) -> dict[str, Any]:
        """The author's options, and few steps."""
        fields = getattr(self.thing, "Options", Options).model_fields
        steps = [name for name, field in fields.items() if name.endswith("_steps") and field.default is not None]
        return dict.fromkeys(["steps"] if "steps" in fields else [], 2) | dict.fromkeys(steps, 2) | dict(self.options)

    def tiny_extractors(self, usable: Sequence[str]) -> dict[str, str]:
        """Names of extractors for the roles that are usable.

        Raises:
            RequirementMissing: no plugin provides one of the roles.
        """
        for role in usable:
            if role not in STAND_INS and not self.registry.where("extractor", role=role):
                raise RequirementMissing(f"{self.kind} {self.name!r} needs an extractor of {role}; install one")
        return {role: name for role, name in (STAND_INS | dict(self.extractors)).items() if role in usable}

    def generator_name(self) -> str:
        """The generator for an editor or inverter.

        Raises:
            RequirementMissing: it does not work with the tiny generator, and its author names no other.
        """
        needed = getattr(self.thing, "requires", contract_class("generator"))
        if self.generator is None and not issubclass(TinyGenerator, needed):
            raise RequirementMissing(
                f"{self.kind} {self.name!r} needs a generator of class {needed.__name__}: name one in `generators`"
            )
        return self.generator or TinyGenerator.name


def photos(count: int, size: int = SIZE) -> Tensor:
    """Return synthetic photos ``(count, 3, size, size)`` in [-1, 1]."""
    return torch.cat([to_tensor(draw_photo(np.random.default_rng(seed), size)) for seed in range(count)])


def check_trainer(run: ContractRun) -> None:
    """Train, resume and predict; a resumed training must equal one that was never stopped."""
    trainer: type[Trainer] = run.thing
    training = _Training(run)
    trained = training.train(3)
    whole = _weights(trained)
    stopped = Run(Path(shutil.copytree(trained.folder, run.folder / "stopped")), trained.options)
    for path in stopped.checkpoint(3).parent.glob(f"{stopped.checkpoint(3).stem}.*"):
        path.unlink()
    assert stopped.find("last") == 2, "there is no checkpoint of step 2"
    resumed = train(run.name, resume=stopped.folder, registry=training.registry, quiet=True)
    _assert_equal(_weights(resumed), whole)
    if trainer.learns_from() == "images":
        _check_trained_generator(run, trainer, trained, training.registry)
    elif not isinstance(trainer.wants, tuple) or trainer.wants[0].kind in ("image", "labels", "mask"):
        _check_prediction(run, trainer, trained, training)


class _Training:
    """Trains a trainer on synthetic data that suits it."""

    def __init__(self, run: ContractRun) -> None:
        self.run, self.trainer = run, run.thing
        self.dataset = _dataset_for(self.trainer)
        self.registry = run.registry
        if self.dataset is not None:
            (plugin,) = registry_of(self.dataset).plugins.values()
            self.registry = run.registry.extended(plugin)
        self.size = int(run.options.get("size", TRAINING_SIZE))
        multiple = self._build().multiple
        self.size = -(-self.size // multiple) * multiple

    def _build(self) -> Trainer:
        """Construct the trainer alone, so that what it needs and has not is told apart from faults of training."""
        declared = self.trainer.Options.model_fields
        shared = {"size": self.size, "batch": 2, "seed": 0}
        own = {name: value for name, value in self.run.options.items() if name in declared}
        own |= {name: value for name, value in shared.items() if name in declared}
        options = build_options(self.trainer.Options, own, f"the options of trainer {self.run.name!r}")
        dataset = self.dataset or TinyPairs
        info = DataInfo(size=self.size, classes=dataset.classes, palette=dataset.palette)
        if self.trainer.learns_from() == "fields":
            info = replace(info, fields=self.trainer.wants)
        built: Trainer = self.run.build(options, self.run.device, info)
        return built

    def train(self, steps: int) -> Run:
        """Train from scratch; raises what ``i2i.train`` raises."""
        settings = {"size": self.size, "device": "cpu", "precision": "fp32", "workers": 0, "batch": 2}
        settings |= {"checkpoint_every": 1, "callbacks": "none", "source": "synthetic"}
        name = "tiny-pairs" if self.dataset is None else self.dataset.name
        return train(
            self.run.name,
            out=self.run.folder / "run",
            registry=self.registry,
            quiet=True,
            **{**settings, "dataset": name, **self.run.options, "size": self.size, "steps": steps},
        )


def _dataset_for(trainer: type[Trainer]) -> type[Dataset] | None:
    """Return a dataset with the fields that a trainer wants; None for one that takes the stand-in's pairs."""
    return _dataset_of(trainer.wants) if isinstance(trainer.wants, tuple) else None


def _dataset_of(wanted: tuple[Field, ...]) -> type[Dataset]:
    """Return a dataset of random samples with these fields."""

    class TinyFields(Dataset):
        name = "tiny-fields"
        summary = "Random samples with the fields of a trainer."
        fields = wanted
        classes = tuple(f"class {number}" for number in range(max(map(_classes, wanted))))
        palette = tuple((40 * number % 256, 90, 200) for number in range(len(classes)))
        drawn = {"train": 4, "val": 2}

        def draw(self, rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
            return {each.name: _random_field(each, rng, size) for each in wanted}

    return TinyFields


def _classes(field: Field) -> int:
    return (field.classes or 2) if field.kind == "labels" else 0


def _random_field(field: Field, rng: np.random.Generator, size: int) -> np.ndarray:
    if field.kind == "value":
        return rng.random(1).astype(np.float32)
    if field.kind == "labels":
        return rng.integers(0, _classes(field), (size, size)).astype(np.uint8)
    if field.kind == "mask":
        return (rng.random((size, size)) > 0.5).astype(np.uint8)
    photo = draw_photo(rng, size)[..., : field.channels]
    return photo.astype(np.uint16) * 257 if field.bits == 16 else photo


def _write_field(path: Path, array: np.ndarray) -> None:
    """Write an image, label map or mask as a PNG file of its own channels and bits."""
    from PIL import Image

    Image.fromarray(array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array).save(path)


def _weights(trained: Run) -> Mapping[str, Tensor]:
    """Return all tensors of the last checkpoint by name: weights as trained, and averaged."""
    return trained.read_tensors(trained.find("last"))


def _assert_equal(resumed: Mapping[str, Tensor], whole: Mapping[str, Tensor]) -> None:
    assert resumed.keys() == whole.keys()
    for name, tensor in whole.items():
        assert torch.equal(resumed[name], tensor), (
            f"{name} differs between a training that was resumed and one that was never stopped: save in state_dict() "
            "whatever a step depends on"
        )


def _check_trained_generator(run: ContractRun, trainer: type[Trainer], trained: Run, registry: Registry) -> None:
    if not hasattr(trainer, "generator"):
        return
    opened = open_generator(trained.folder, "cpu", registry=registry)
    with torch.no_grad():
        images = opened.render(opened.map(torch.zeros(1, opened.z_dim)))
    assert images.isfinite().all(), "the trained generator renders numbers that are not finite"


def _check_prediction(run: ContractRun, trainer: type[Trainer], trained: Run, training: _Training) -> None:
    first = trainer.wants[0] if isinstance(trainer.wants, tuple) else Field("input")
    source = run.folder / "inputs" / "image.png"
    source.parent.mkdir()
    _write_field(source, _random_field(first, np.random.default_rng(0), training.size))
    results = [
        predict(trained.folder, [source], run.folder / out, device="cpu", registry=training.registry)
        for out in ("predicted", "again")
    ]
    (one,), (other,) = results
    assert one.read_bytes() == other.read_bytes(), "two predictions of one image differ"


def check_dataset(run: ContractRun) -> None:
    """Draw synthetic samples and find real ones."""
    dataset: Dataset = run.build()
    assert dataset.licence, "state the licence"
    for split in dataset.drawn:
        _check_synthetic(dataset, split)
    root = run.root or _write_layout(run, dataset)
    samples = _found_samples(run, dataset, root)
    assert len({sample.name for sample in samples}) == len(samples), "two samples have one name"
    opened = open_source(dataset, root, "train", "real")
    sample = opened.read(0, TRAINING_SIZE)
    assert sample.keys() == {each.name for each in dataset.fields}
    absent = run.folder / "nothing"
    assert not find_samples(dataset, absent, "train"), "samples are found in a directory that does not exist"


def _found_samples(run: ContractRun, dataset: Dataset, root: Path) -> Sequence[Sample]:
    """Return the samples of the split ``train``, after the two sides of unpaired images were found.

    Raises:
        RequirementMissing: the dataset has a layout of its own, and its author gives no directory.
    """
    try:
        samples = find_samples(dataset, root, "train")
        sides = find_sides(dataset, root, "train")
    except I2IError as error:
        if run.root is not None or isinstance(error, PluginError):
            raise
        samples, sides = (), ((), ())
    if not samples and run.root is None:
        raise RequirementMissing(f"dataset {run.name!r} has a layout of its own: give a directory in `roots`")
    assert samples and all(sides), f"no sample was found in {root}"
    return samples


def _check_synthetic(dataset: Dataset, split: str) -> None:
    assert dataset.drawn[split] > 0, f"the split {split} has no synthetic sample"
    source = open_source(dataset, None, split, "drawn")
    first, again, second = (source.read(number, TRAINING_SIZE) for number in (0, 0, len(source) - 1))
    for name, array in first.items():
        assert np.array_equal(array, again[name]), f"{name} differs between two draws with the same random numbers"
    if len(source) > 1:
        assert any(not np.array_equal(array, second[name]) for name, array in first.items()), "all samples are equal"


def _write_layout(run: ContractRun, dataset: Dataset) -> Path:
    """Write two samples in the default layout: a directory for each field."""
    rng = np.random.default_rng(0)
    for number in range(2):
        for each in dataset.fields:
            if each.kind != "value":
                path = run.folder / "real" / "train" / each.name / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                _write_field(path, _random_field(each, rng, TRAINING_SIZE))
    return run.folder / "real"


def check_metric(run: ContractRun) -> None:
    """Measure equal and different images, in one batch and in two."""
    images = photos(4)
    noisy = (images + 0.5 * torch.randn(images.shape, generator=torch.Generator().manual_seed(0))).clamp(-1, 1)
    equal, whole, parts = run.build(run.device), run.build(run.device), run.build(run.device)
    equal.update(images, images.clone())
    whole.update(noisy, images)
    for part in (slice(0, 1), slice(1, 4)):
        parts.update(noisy[part], images[part])
    best, value, value_of_parts = equal.compute(), whole.compute(), parts.compute()
    better = best < value if whole.better == "lower" else best > value
    assert better, f"equal images measure {best} and different ones {value}, although {whole.better} is better"
    assert abs(value - value_of_parts) <= 1e-3 * max(1.0, abs(value)), "the measure depends on the batches"
    per_image = parts.per_picture
    assert len(per_image) in (0, 4), f"per_picture has {len(per_image)} values for 4 images"


def check_extractor(run: ContractRun) -> None:
    """Call what the role asks for."""
    extractor = run.build(run.device)
    if run.generator is None:
        images = photos(2)
    else:
        made = open_generator(run.generator, "cpu", registry=run.registry)
        with torch.no_grad():
            z = torch.randn(2, made.z_dim, generator=torch.Generator().manual_seed(0))
            images = made.render(made.map(z, truncation=0.7)).clamp(-1, 1)
    check = _ROLES.get(extractor.role)
    with torch.no_grad():
        if check is not None:
            check(extractor, images)
        elif callable(extractor):
            extractor(images)


def _finite(tensor: Tensor, what: str) -> None:
    assert tensor.isfinite().all(), f"{what} holds numbers that are not finite"


def _unit(vectors: Tensor, what: str) -> None:
    assert torch.allclose(vectors.norm(dim=1), torch.ones(len(vectors)), atol=1e-3), f"{what} are no unit vectors"


def _landmarks(extractor: Any, images: Tensor) -> None:
    if callable(extractor):
        points = extractor(images)
        _finite(points, "landmarks")
        assert torch.allclose(extractor(images[1:]), points[1:], atol=1e-2), "landmarks depend on the batch"
    if hasattr(extractor, "find"):
        for face in extractor.find(images[:1]):
            assert face.landmarks.shape == (68, 2)
            _finite(face.landmarks, "landmarks")


def _identity(extractor: Any, images: Tensor) -> None:
    from .stand_ins import face_points

    faces = extractor.align(images, (face_points() * images.shape[-1]).expand(len(images), -1, -1))
    vectors = extractor(faces)
    _unit(vectors, "embeddings")
    assert torch.allclose(extractor(faces[1:]), vectors[1:], atol=1e-3), "embeddings depend on the batch"


def _perceptual(extractor: Any, images: Tensor) -> None:
    others = images.flip(0)
    zero, distance = extractor.distance(images, images), extractor.distance(images, others)
    assert torch.allclose(zero, torch.zeros_like(zero), atol=1e-4), "the distance of equal images is not 0"
    assert (distance > 0).all(), "the distance of different images is not greater than 0"
    compared = extractor.compare(extractor.features(images), extractor.features(others))
    assert torch.allclose(compared, distance, atol=1e-4), "compare(features, features) is not distance(images, images)"


def _text(extractor: Any, images: Tensor) -> None:
    pictures, sentences = extractor.images(images), extractor.texts(["a face", "a smiling face"])
    _unit(pictures, "vectors of images")
    _unit(sentences, "vectors of sentences")
    assert pictures.shape[1] == sentences.shape[1], "images and sentences have vectors of different lengths"
    if hasattr(extractor, "unknown"):
        extractor.unknown("a face")


def _encoder(extractor: Any, images: Tensor) -> None:
    _finite(extractor(images), "latent codes")


def _segmentation(extractor: Any, images: Tensor) -> None:
    scores = extractor(images)
    assert scores.shape[1] == len(extractor.classes), "there is not one score for each of `classes`"
    assert scores.shape[2:] == images.shape[2:], "scores do not have the size of the images"


_ROLES: Mapping[str, Callable[[Any, Tensor], None]] = {
    "landmarks": _landmarks,
    "identity": _identity,
    "perceptual": _perceptual,
    "text": _text,
    "encoder": _encoder,
    "segmentation": _segmentation,
}


def check_generator(run: ContractRun) -> None:
    """Render images of random numbers, each on its own; of a ``StyleGenerator`` call the rest as well."""
    generator = run.build(_generator_weights(run), run.device)
    z = torch.randn(2, generator.z_dim, generator=torch.Generator().manual_seed(0))
    c = torch.eye(generator.c_dim)[:1].expand(2, -1) if generator.c_dim else None
    w = generator.map(z, c)
    average = generator.map(z, c, truncation=0.0)
    if not generator.c_dim:
        expected = generator.w_mean.expand_as(average)
        assert torch.allclose(average, expected, atol=1e-4), "truncation 0 does not give w_mean"
    assert generator.w_mean.shape == (generator.w_dim,) and generator.w_std > 0
    w = w.detach().requires_grad_()
    images = generator.render(w)
    _finite(images, "an image")
    (gradient,) = torch.autograd.grad(images.square().sum(), w)
    assert gradient.abs().sum() > 0, "no gradient reaches the latent code"
    with torch.no_grad():
        assert torch.equal(generator.render(w), images), "two calls with the same latent code give different images"
        alone = generator.render(w[1:])
        scale = max(1.0, float(images.abs().max()))
        assert torch.allclose(alone, images[1:], atol=1e-3 * scale), "an image depends on the rest of its batch"
        if isinstance(generator, StyleGenerator):
            _check_style_generator(generator, w.detach(), images.detach())


def _generator_weights(run: ContractRun) -> Weights | None:
    if isinstance(run.weights, Weights):
        return run.weights
    if run.weights is not None:
        from ..inference.generators import find

        path = find(run.weights, run.registry)
        assert path is not None, f"{run.weights} is no file"
        family, weights, _ = open_weights(path, run.registry)
        assert family.name == run.name, f"{path} was read by {family.name!r}"
        return weights
    if run.thing.read.__func__ is not contract_class("generator").read.__func__:
        raise RequirementMissing(f"generator {run.name!r} reads a file: name one in `weights`")
    return None


def _check_style_generator(generator: Any, w: Tensor, images: Tensor) -> None:
    weights, noise = generator.weights(), generator.noise_maps
    if weights:
        name = next(iter(weights))
        same = generator.tuned({name: torch.zeros_like(weights[name])})
        assert torch.allclose(same.render(w), images, atol=1e-4), "tuned() with a change of 0 changes the image"
        assert torch.equal(generator.render(w), images), "tuned() changes the generator itself"
    if noise:
        name = next(iter(noise))
        own = generator.render(w, noise={name: noise[name]})
        assert torch.allclose(own, images, atol=1e-4), "a stored noise map that is passed changes the image"
    for style in generator.styles():
        assert style.shape[1] == generator.w_dim, "styles() are not (C, w_dim)"
    space = generator.style_space(w)
    assert not weights or space.keys() <= weights.keys(), "a name of style_space() is not among weights()"


def check_editor(run: ContractRun) -> None:
    """Edit a tiny scene twice, from the request to the files: results must be equal."""
    editor: type[Editor] = run.thing
    usable = [*editor.extractors, *editor.may_use]
    landmarks = ["landmarks"] if editor.wants != "pixels" and "landmarks" not in usable else []
    chosen = run.tiny_extractors(usable) | ({"landmarks": STAND_INS["landmarks"]} if landmarks else {})
    pixels = editor.wants == "pixels"
    images = _inputs(run, editor)
    generator = None if pixels else run.generator_name()

    def edited(out: str) -> Tensor:
        with run.requirements():
            result = edit(
                run.name,
                images,
                generator=generator,
                extractors=chosen,
                device="cpu",
                registry=run.registry,
                out=run.folder / out,
                keep=False,
                **run.values(),
            )
        return result.image

    first, second = edited("first"), edited("second")
    assert torch.equal(first, second), "two edits with the same options and seed give different images"
    assert float(first.abs().max()) <= 1 + 1e-4, "the image is not in [-1, 1]: clamp it"
    for name in ("result.png", "recipe.json"):
        assert (run.folder / "first" / name).is_file(), f"{name} was not written"


def _inputs(run: ContractRun, editor: type[Editor]) -> list[str]:
    """Return a photo, or for editors of latents a seed, for each image that the editor needs."""
    from ..editing.inputs import InputSlot

    if run.images:
        return list(run.images)
    needed = [slot for slot in map(InputSlot.of, editor.photos) if slot.least]
    if editor.wants == "latent":
        return [f"{slot.name}=seed:{number}" for number, slot in enumerate(needed)]
    paths = []
    for number, slot in enumerate(needed):
        path = run.folder / f"{slot.name}.png"
        save_image(path, draw_photo(np.random.default_rng(number), SIZE))
        paths.append(f"{slot.name}={path}")
    return paths


def check_inverter(run: ContractRun) -> None:
    """Invert two images together and one of them alone: the result of an image depends on it alone."""
    scene = _scene_of_inverter(run)
    images = torch.cat([_own_image(scene.generator, seed) for seed in (0, 1)])
    values = run.values()
    with run.requirements():
        both = scene.invert(images, run.name, values, cache=False)
    alone = scene.invert(images[:1], run.name, values, cache=False)
    assert torch.allclose(both[0].latent.w, alone[0].latent.w, atol=1e-2), "a latent depends on the rest of its batch"
    for inversion in both:
        assert inversion.image is not None and inversion.image.shape == images[:1].shape


def _scene_of_inverter(run: ContractRun) -> Scene:
    from ..api.editor import Editor as EditorContract
    from ..api.editor import Result

    inverter = run.thing
    usable = (*inverter.extractors, *inverter.may_use)

    class Crops(EditorContract):
        name = "crops"
        summary = "Wants crops."
        wants = "crops"
        photos = ()
        may_use = usable

        def edit(self, scene: Scene, options: Any) -> Result:
            raise NotImplementedError

    generator = open_generator(run.generator_name(), "cpu", registry=run.registry)
    return build_scene(Crops, generator=generator, extractors=run.tiny_extractors(usable), registry=run.registry)


def _own_image(generator: Any, seed: int) -> Tensor:
    z = torch.randn(1, generator.z_dim, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        image: Tensor = generator.render(generator.map(z, truncation=0.7)).clamp(-1, 1)
    return image


def check_callback(run: ContractRun) -> None:
    """Follow a training and an edit."""
    callback = run.build()
    folder = run.folder / "run"
    folder.mkdir()
    image = draw_photo(np.random.default_rng(0), TRAINING_SIZE)
    path = folder / "checkpoints" / "step_000002.safetensors"
    callback.run_begins(folder, {"trainer": "tiny", "run": {"steps": 2}, "options": {}}, 0, 2)
    for step in (1, 2):
        callback.losses(step, step / 4, {"l1": 0.5 / step}, 10.0)
        callback.samples(step, "train", image, folder / "samples" / f"{step}.png")
    callback.validation(2, 0.5, {"l1": 0.25})
    callback.checkpoint(2, path, True)
    callback.run_ends({"steps": 2, "seconds": 1.0})
    follower = run.build()
    follower.edit_begins({"plugin": "tiny", "options": {}})
    follower.edit_ends(image, {"loss": 0.5}, None)


def check_preset(run: ContractRun) -> None:
    """Let the editor check the preset."""
    preset = run.thing
    if preset.editor not in run.registry.entries("editor"):
        raise RequirementMissing(f"preset {preset.name!r} is for the editor {preset.editor!r}: install it")
    build_plugin(run.registry, "editor", preset.editor).check_preset(preset)


def check_model(run: ContractRun) -> None:
    """Check the fields of a record; nothing is downloaded."""
    model = run.thing
    assert isinstance(model, Model)
    assert model.licence, "state the licence"


def check_panel(run: ContractRun) -> None:
    """Check what lists show of a panel."""
    assert run.thing.name and run.thing.summary


BEHAVIOUR: Mapping[str, Callable[[ContractRun], None]] = {
    "trainer": check_trainer,
    "dataset": check_dataset,
    "generator": check_generator,
    "model": check_model,
    "extractor": check_extractor,
    "editor": check_editor,
    "inverter": check_inverter,
    "preset": check_preset,
    "metric": check_metric,
    "callback": check_callback,
    "panel": check_panel,
}
"""By kind, the function that checks a thing."""
