"""MobileStyleGAN at 1024 px: a sample, gradients, a drag step and an inversion step, interleaved in one run.

    python benchmarks/real_faces.py
    python benchmarks/real_faces.py --tasks sample gradient --rounds 8 --json
    python benchmarks/real_faces.py --openvino SynthesisNetwork.xml      # the published graph, for samples

| variant | what it is |
|---|---|
| ours | the family ``mobilestylegan``; weights of ``mobile-ffhq`` where it is downloaded, else random ones |
| plain | the same graph, operation by operation (``plain_mobilestylegan.py``), in the same loops |
| openvino | OpenVINO on the published graph, in float32, on as many threads; samples only, where it is installed |
| stylegan2 | our StyleGAN2 with random weights and the published widths |
| reference | StyleGAN2 as in published code (``plain_stylegan2.py``, ``plain_drag.py``); the inversion step has none |

A drag step has two handles, a mask, features of 128 px and the first half of the layers of w. An inversion step renders
an image, compares it by LPIPS on VGG16 at 256 px, and takes the gradients to w+ and noise maps. Each variant lives in
a process of its own, and they take turns step by step, so that a drift of the machine's speed meets all. Times are
medians; ``times`` is how many times longer a variant takes than ours, where ours is among them.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import tempfile
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from turns import device_of, step_reporter, take_turns

import i2i
from i2i.api.device import Device
from i2i.assets.models import place

VARIANTS = ("ours", "plain", "openvino", "stylegan2", "reference")
SIZE = 1024
Report = Callable[[float], None]


def mobilestylegan(device: Device) -> Any:
    """The published weights, or random ones of the published sizes."""
    from i2i_plugins.mobilestylegan.generator import MobileStyleGAN
    from i2i_plugins.mobilestylegan.model_records import MOBILE_FFHQ
    from i2i_plugins.mobilestylegan.networks.synthesis import MobileSizes
    from i2i_plugins.mobilestylegan.tensors import canonical, create

    file = place(MOBILE_FFHQ)
    if file.is_file():
        return i2i.generator(file, str(device))
    torch.manual_seed(0)
    widths = {4: 512, 8: 512, 16: 512, 32: 512, 64: 512, 128: 256, 256: 128, 512: 64}
    network = create(MobileSizes(w_dim=512, const=512, widths=widths), z_dim=512)
    return MobileStyleGAN(i2i.Weights("mobilestylegan", canonical(network)), device)


def plain_generator(device: Device) -> Any:
    """The same weights behind the plain computation."""
    import plain_mobilestylegan

    from i2i_plugins.mobilestylegan.generator import MobileStyleGAN
    from i2i_plugins.mobilestylegan.tensors import canonical

    class PlainGenerator(MobileStyleGAN):
        def render(self, w: Tensor, noise: str | Mapping[str, Tensor] = "const") -> Tensor:
            return self._computed(w, noise)[0]

        def features(self, w: Tensor, resolution: int, noise: str | Mapping[str, Tensor] = "const") -> Tensor:
            return self._computed(w, noise)[1][resolution]

        def features_and_pictures(self, w: Tensor, resolution: int) -> tuple[Tensor, Tensor]:
            image, maps = self._computed(w, "const")
            return maps[resolution], image

        def _computed(self, w: Tensor, noise: str | Mapping[str, Tensor]) -> tuple[Tensor, dict[int, Tensor]]:
            maps = {} if isinstance(noise, str) else noise
            layers = self.network.synthesis.noise_layers()
            own = {f"synthesis.{name}.noise": layers[name].noise_strength * maps[name][0, 0] for name in maps}
            tensors = canonical(self.network) | own
            return plain_mobilestylegan.synthesis(tensors, self.to_published_layers(w), noise != "none")

    ours = mobilestylegan(device)
    return PlainGenerator(i2i.Weights("mobilestylegan", canonical(ours.network)), device)


def stylegan2(device: Device) -> Any:
    from drag import network

    return network(SIZE, device)


def renderer(variant: str, generator: Any) -> Callable[[Tensor], Tensor]:
    """Return the function of a variant from w to images."""
    if variant != "reference":
        render: Callable[[Tensor], Tensor] = generator.render
        return render
    from plain_stylegan2 import PlainSynthesis

    synthesis = PlainSynthesis(generator.network.synthesis)
    return lambda w: synthesis(w)[0]


def sample(variant: str, device: Device, generator: Any, report: Report) -> None:
    render, w = renderer(variant, generator), latent(generator)
    while True:
        with torch.no_grad():
            image = render(w)
        report(float(image[0, 0, 0, 0]))


def gradient(variant: str, device: Device, generator: Any, report: Report) -> None:
    render, w = renderer(variant, generator), latent(generator)
    while True:
        leaf = w.clone().requires_grad_()
        loss = render(leaf).square().mean()
        loss.backward()
        report(float(loss.detach()))


def drag(variant: str, device: Device, generator: Any, report: Report) -> None:
    import drag as loops

    run = loops.plain if variant == "reference" else loops.ours
    run(generator, latent(generator), device, report, generator.num_ws // 2)


def inversion(variant: str, device: Device, generator: Any, report: Report) -> None:
    from invert import ours, photos, random_vgg16

    from i2i_plugins.perceptual.lpips_extractor import LpipsVgg
    from i2i_plugins.perceptual.model_records import VGG16

    with tempfile.TemporaryDirectory() as folder:
        known = place(VGG16)
        perceptual = LpipsVgg(device, known if known.is_file() else random_vgg16(Path(folder)))
        ours(device, generator, perceptual, photos(SIZE, 1, device), report)


TASKS = {"sample": sample, "gradient": gradient, "drag": drag, "inversion": inversion}


def latent(generator: Any) -> Tensor:
    z = torch.randn(1, generator.z_dim, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        w: Tensor = generator.map(z)
    return w


def openvino(graph: str, threads: int, pipe: Connection) -> None:
    """Samples by OpenVINO."""
    import openvino as runtime

    core = runtime.Core()
    settings = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
    request = core.compile_model(core.read_model(graph), "CPU", settings).create_infer_request()
    device = device_of(False, "cpu")
    report = step_reporter(device, pipe, f"OpenVINO {runtime.__version__}")
    w = np.random.RandomState(1).randn(1, 512).astype(np.float32)
    while True:
        report(float(next(iter(request.infer({0: w}).values()))[0, 0, 0, 0]))


def serve(variant: str, task: str, given: argparse.Namespace, threads: int, pipe: Connection) -> None:
    """A variant in its own process: takes a step on request, and answers with seconds and memory."""
    if variant == "openvino":
        openvino(given.openvino, threads, pipe)
    device = device_of(variant in ("plain", "reference"), given.device)
    make = {"ours": mobilestylegan, "plain": plain_generator}.get(variant, stylegan2)
    generator = make(device)
    report = step_reporter(device, pipe, device.describe())
    TASKS[task](variant, device, generator, report)


def variants_of(task: str, given: argparse.Namespace) -> list[str]:
    """The variants that have this task; OpenVINO where a graph is named."""
    chosen = [variant for variant in given.variants if variant != "openvino"]
    if task == "inversion":
        chosen = [variant for variant in chosen if variant != "reference"]
    with_openvino = task == "sample" and given.openvino and "openvino" in given.variants
    return [*chosen, "openvino"] if with_openvino else chosen


def measure(task: str, given: argparse.Namespace) -> list[dict[str, Any]]:
    """All variants of a task in turn; the first two rounds warm up."""
    chosen = variants_of(task, given)
    threads = torch.get_num_threads()
    about, seen = take_turns(serve, [(variant, task, given, threads) for variant in chosen], given.rounds + 2)
    medians = [statistics.median(step.seconds for step in steps[2:]) for steps in seen]
    ours = medians[chosen.index("ours")] if "ours" in chosen else None
    return [
        {
            "task": task,
            "variant": variant,
            "seconds": round(median, 4),
            "times": None if ours is None else round(median / ours, 2),
            "memory_mb": round(steps[-1].used),
            "peak_mb": round(steps[-1].peak),
            "device": device,
        }
        for variant, median, steps, device in zip(chosen, medians, seen, about, strict=True)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", choices=list(TASKS), default=list(TASKS))
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=VARIANTS)
    parser.add_argument("--openvino", metavar="FILE", help="SynthesisNetwork.xml of the package, for OpenVINO")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.openvino and importlib.util.find_spec("openvino") is None:
        parser.error("--openvino needs OpenVINO, which is not installed: type 'pip install openvino'.")
    rows: list[dict[str, Any]] = []
    for task in given.tasks:
        found = measure(task, given)
        rows += found
        for row in found if not given.json else ():
            if row is rows[0]:
                print(f"{row['device']}, torch {torch.__version__}, {torch.get_num_threads()} threads")
                print(f"{'task':10} {'variant':10} {'s':>8} {'times':>6} {'MB':>6} {'peak MB':>8}")
            print(
                f"{row['task']:10} {row['variant']:10} {row['seconds']:8.3f} {row['times'] or '-':>6}"
                f" {row['memory_mb']:6} {row['peak_mb']:8}",
                flush=True,
            )
    if given.json:
        print(json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads(), "results": rows}, indent=2))


if __name__ == "__main__":
    main()
