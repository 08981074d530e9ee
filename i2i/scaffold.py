"""A small working plugin to start from: what ``i2i plugins new`` writes."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from string import Template

from .api.errors import UsageError
from .registry import KINDS

NEW_KINDS = tuple(kind for kind in KINDS if kind != "model")
"""Kinds that ``write_plugin`` has a template for; a model is one record and needs no package of its own."""
_USAGE = {
    "editor": "i2i edit --plugin {name} --image photo.jpg --out edited",
    "trainer": "i2i train {name} --dataset facades --steps 20 --size 64",
    "dataset": "i2i datasets preview {name} --out grid.png",
    "metric": "i2i evaluate RUN --metrics {name}",
    "extractor": "i2i edit --extractor identity={name} --image photo.jpg",
    "generator": "i2i sample --generator {name} --out samples.png",
    "preset": "i2i edit --plugin drag --preset {name} --image photo.jpg",
    "panel": "i2i ui",
    "inverter": "i2i edit --image photo.jpg --invert {name}",
    "callback": "i2i train pix2pix --dataset facades --callbacks {name}",
}


def write_plugin(name: str, kind: str, out: Path | None = None) -> Path:
    """Write a plugin package that installs and passes its own test.

    Args:
        name: Name of the plugin and of what it provides: small letters, digits, ``-``.
        kind: One of ``NEW_KINDS``.
        out: The folder to make; None for ``i2i-NAME`` here.

    Returns:
        The folder.

    Raises:
        UsageError: the name cannot be used, or the folder is there already and not empty.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise UsageError(f"{name!r} cannot name a plugin: use small letters, digits and '-', such as 'warm-light'.")
    folder = out or Path(f"i2i-{name}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is there already and is not empty; choose another folder with --out DIR.")
    words = {
        "name": name,
        "kind": kind,
        "article": "An" if kind[0] in "aeiou" else "A",
        "module": f"i2i_{name.replace('-', '_')}",
        "Class": "".join(part.capitalize() for part in name.split("-")),
        "imports": "import numpy as np" if kind == "dataset" else "import torch",
        "usage": _USAGE[kind].format(name=name),
    }
    files = {
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        f"{words['module']}.py": f"{kind}.py",
        f"tests/test_{words['module']}.py": f"{kind}_test.py",
    }
    templates = resources.files(__package__) / "templates"
    for path, template in files.items():
        text = (templates / f"{template}.txt").read_text(encoding="utf-8")
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(Template(text).substitute(words), encoding="utf-8")
    return folder
