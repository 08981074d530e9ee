"""Quality of inversion and mixing in the embedded world, where the truth is known.

    python benchmarks/edits.py                                   # about a quarter of an hour
    python benchmarks/edits.py --count 4 --methods encoder hybrid --json

Inversion: synthetic faces that no network has seen, and samples of ``demo-faces`` (psi 0.7), by each method. Mixing:
pairs of samples; ``landmarks`` is how far they move, in eye distances, ``colour``, ``mouth`` and ``eyes`` which share
of the way to the other image is gone, ``identity`` the likeness to the image that was edited. All run by ``i2i.edit``.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

import i2i
from i2i.toolkit.images import save_image
from i2i_plugins.demo.synthetic_faces import SIZE, UNSEEN, faces
from research.demo.measures.face_measurements import Watcher, followed

METHODS = ("encoder", "lpips", "hybrid", "hybrid-pti", "projector", "image2stylegan")
"""The last two take 1,000 steps and more an image and are measured when asked for."""
FIGURES = ("psnr", "ssim", "lpips", "identity", "seconds")


def unseen(count: int, folder: Path) -> list[str]:
    """Files of synthetic faces."""
    world, files = faces(), [folder / f"face{number}.png" for number in range(count)]
    for number, file in enumerate(files):
        save_image(file, world.render(world.values(UNSEEN + number), SIZE).image)
    return [str(file) for file in files]


def inverted(method: str, images: Sequence[str]) -> dict[str, Any]:
    """The means of a method's figures, or what it lacks."""
    try:
        made = i2i.edit("invert", images, method=method, device="cpu", keep=False)
    except i2i.I2IError as error:
        return {"lacks": str(error)}
    each = [result.scalars for result in (made, *made.others)]
    return {name: sum(scalars[name] for scalars in each) / len(each) for name in FIGURES}


def mixed(preset: str, count: int, watcher: Watcher) -> dict[str, float]:
    """How a preset changes ``count`` samples."""
    own, others = ([f"seed:{number}" for number in range(first, first + count)] for first in (0, count))
    given = [*own, *(f"other={image}" for image in others)]
    made = i2i.edit("mix", given, preset=preset, device="cpu")
    looks = [watcher.look(torch.cat([each.image for each in (made, *made.others)]))]
    for images in (own, others):
        plain = i2i.edit("align", images, device="cpu")
        looks.append(watcher.look(torch.cat([each.image for each in (plain, *plain.others)])))
    after, before, goal = looks
    return {
        "landmarks": float(after.moved(before).mean()),
        "colour": followed(before.colour, after.colour, goal.colour),
        "mouth": followed(before.mouth, after.mouth, goal.mouth),
        "eyes": followed(before.eyelids, after.eyelids, goal.eyelids),
        "identity": float(after.alike(before).mean()),
    }


def show(found: dict[str, Any]) -> None:
    """Print tables."""
    for title in ("synthetic faces", "samples"):
        print(f"\n{title:16}" + "".join(f"{name:>10}" for name in FIGURES))
        for method, figures in found["inversion"][title].items():
            cells = figures.get("lacks") or "".join(f"{figures[name]:10.4g}" for name in FIGURES)
            print(f"{method:16}{cells}")
    names = list(next(iter(found["mixing"].values())))
    print(f"\n{'mixing':16}" + "".join(f"{name:>10}" for name in names))
    for preset, figures in found["mixing"].items():
        print(f"{preset:16}" + "".join(f"{figures[name]:10.3f}" for name in names))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=16, help="images of each kind")
    parser.add_argument("--methods", nargs="*", choices=METHODS, default=METHODS[:4])
    parser.add_argument("--pairs", type=int, default=32, help="pairs that are mixed")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    found: dict[str, Any] = {"inversion": {"synthetic faces": {}, "samples": {}}, "mixing": {}}
    with tempfile.TemporaryDirectory() as folder:
        groups = {"synthetic faces": unseen(given.count, Path(folder))}
        groups["samples"] = [f"seed:{UNSEEN + number}" for number in range(given.count)]
        for method in given.methods:
            for title, images in groups.items():
                print(f"{method}: {len(images)} {title}", file=sys.stderr)
                found["inversion"][title][method] = inverted(method, images)
    watcher = Watcher()
    for preset in ("style", "expression"):
        found["mixing"][preset] = mixed(preset, given.pairs, watcher)
    if given.json:
        print(json.dumps(found))
    else:
        show(found)


if __name__ == "__main__":
    main()
