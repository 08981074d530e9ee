"""Contract tests of editors and inverters: run them on small images with a small generator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ...editing.pipeline import edit
from ...inference.generators import generator as open_generator
from ...toolkit.images import save_image
from ..scenes import STAND_INS, build_scene
from ..stand_ins import draw_photo
from .contract_run import SIZE, ContractRun, seed_images

if TYPE_CHECKING:
    from ...api.editor import Editor
    from ...api.scene import Scene


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
    from ...editing.inputs import InputSlot

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
    images = seed_images(scene.generator, 2)
    values = run.values()
    with run.requirements():
        both = scene.invert(images, run.name, values, cache=False)
    alone = scene.invert(images[:1], run.name, values, cache=False)
    assert torch.allclose(both[0].latent.w, alone[0].latent.w, atol=1e-2), "a latent depends on the rest of its batch"
    for inversion in both:
        assert inversion.image is not None and inversion.image.shape == images[:1].shape


def _scene_of_inverter(run: ContractRun) -> Scene:
    from ...api.editor import Editor as EditorContract
    from ...api.editor import Result

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
