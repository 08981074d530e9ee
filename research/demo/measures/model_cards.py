"""The cards of the demo networks: what each network is, its training data and its figures; one JSON file each.

``train.py`` writes a card anew, without figures; measuring adds these.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import i2i
from i2i.toolkit.files import hash_file, write_json
from i2i_plugins.demo import synthetic_faces
from i2i_plugins.demo.model_records import BY_NAME, CARDS
from i2i_plugins.mobilestylegan.model_records import MOBILE_FFHQ

from .. import pools
from .figures import Measured

FACES = "faces"
"""The dataset, which has a card beside those of the networks."""
NAMES = (FACES, *BY_NAME)
"""All that is measured."""
_UPPER_BOUND = (
    "Its figures are upper bounds of what such a network reaches on photos: training and test faces come from one "
    "renderer, with known parameters and no other variation."
)
MADE = {
    "demo-faces": "Not trained as other GANs are: a StyleGAN2 was regressed on rendered faces, one for each latent, "
    "whose numbers are the parameters of the face; a discriminator only sharpened it in the end. So W is as "
    "disentangled as the renderer, every sample is a face, and edits are easier than on a generator of photos. Its "
    f"noise inputs have no effect (their strengths are 0). {_UPPER_BOUND}",
    "demo-landmarks": "Trained with the true landmarks of the renderer, on rendered faces and samples of demo-faces. "
    f"{_UPPER_BOUND}",
    "demo-identity": f"Trained to tell people of the renderer apart, by their true numbers. {_UPPER_BOUND}",
    "demo-encoder": "Trained with the true latents of demo-faces, on rendered faces and samples. An encoder of photos "
    f"has no true latents, and inversions of photos are harder. {_UPPER_BOUND}",
    "demo-text": "Trained with sentences that were composed from the true attributes of rendered faces, of 72 words. "
    f"{_UPPER_BOUND}",
}
"""How each network was made, and what its figures are worth."""


def read(name: str, folder: Path = CARDS) -> dict[str, Any]:
    """Return the card of a name.

    Raises:
        i2i.I2IError: there is none, or it is damaged; says what to type.
    """
    file = folder / f"{name}.json"
    again = "measure it" if name == FACES else f"type 'python -m research.demo.train {name}'"
    try:
        card = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise i2i.I2IError(f"The card {file} cannot be read ({error}): {again} anew.") from None
    if not isinstance(card, dict):
        raise i2i.I2IError(f"The card {file} is no card: {again} anew.")
    return card


def write(name: str, measured: Measured, count: int, folder: Path = CARDS) -> Path:
    """Put figures into a card; those that are not measured now stay if they are of the same weights and count.

    Returns:
        The card's file.

    Raises:
        i2i.I2IError: there is no card to put them into.
    """
    card = _blank() if name == FACES else read(name, folder)
    file = folder / f"{name}.json"
    measured_on = {"count": count, "of": mark(name)}
    previous: dict[str, Any] = {}
    if file.is_file() and read(name, folder).get("measured") == measured_on:
        previous = read(name, folder).get("figures", {})
    figures = previous | {figure.name: figure.as_json() for figure in measured.figures}
    write_json(file, card | {"measured": measured_on, "figures": figures})
    return file


def mark(name: str) -> str:
    """What the figures are of: the sha256 of the weights, or a hash of rendered faces."""
    if name == FACES:
        return pools.version()
    path = BY_NAME[name].path
    assert path is not None
    return hash_file(path)


def _blank() -> dict[str, Any]:
    faces = synthetic_faces.faces()
    return {"name": FACES, "summary": faces.summary, "licence": faces.licence, "parameters": len(faces.names)}


# As a page.


def page(folder: Path = CARDS) -> str:
    """All cards as one Markdown page, those that are there."""
    parts = ["# Model cards", _INTRODUCTION]
    for name in NAMES:
        if (folder / f"{name}.json").is_file():
            parts += _section(read(name, folder))
    parts += _published_section(MOBILE_FFHQ)
    return "\n\n".join(parts) + "\n"


_INTRODUCTION = """The synthetic faces and the networks that are built into i2i: what they are, what they were trained
on, and how accurate they are on unseen faces. Every network was trained on the dataset `faces` alone, without a photo
of a real person, and works on such faces only. Use these networks to try edits, and to write plugins and tests; for
photos see [published weights](../guide/models.md). The last card is that of `mobile-ffhq`, which is downloaded.

The figures are those of

```bash
python -m research.demo.evaluate
```

which takes some minutes, prints each figure with its target, and fails if a target is missed. The unseen faces have
seeds from 10,000,000 up, which no training uses."""


def _section(card: dict[str, Any]) -> list[str]:
    settings = card.get("settings", {})
    facts = [
        ("licence", card["licence"]),
        ("trained on", card.get("trained_on")),
        *((key, value) for key, value in card.get("facts", {}).items() if key not in settings),
        ("settings", ", ".join(f"{key} {_number(value)}" for key, value in settings.items())),
        ("parameters" if card["name"] == FACES else "weights", card.get("parameters")),
        ("training took", _training(card)),
        ("measured on", _measured(card)),
    ]
    table = [f"- {key}: {_number(value)}" for key, value in facts if value not in (None, "")]
    made = [MADE[card["name"]]] if card["name"] in MADE else []
    parts = [f"## {card['name']}", card["summary"], *made, "\n".join(table)]
    if card.get("figures"):
        parts.append(_figures(card["figures"]))
    return parts


def _published_section(model: i2i.Model) -> list[str]:
    """Return the card of published weights, by their record."""
    facts = {
        "licence": model.licence,
        "trained on": model.training_data,
        "homepage": model.homepage,
        "resolution": f"{model.resolution} px",
    }
    return [f"## {model.name}", model.summary, "\n".join(f"- {key}: {value}" for key, value in facts.items())]


def _training(card: dict[str, Any]) -> str:
    if "seconds" not in card:
        return ""
    threads = f"{card['threads']} thread{'s' * (card['threads'] != 1)}"
    return f"{card['seconds'] / 60:.0f} minutes on {threads} of {card['machine']}, PyTorch {card['torch']}"


def _measured(card: dict[str, Any]) -> str:
    return f"up to {card['measured']['count']:,} faces of each kind" if "measured" in card else ""


def _figures(figures: dict[str, Any]) -> str:
    lines = ["| figure | value | target | what it is |", "|---|---|---|---|"]
    for name, figure in figures.items():
        aim = figure.get("aim", "")
        if aim:
            aim += ", met" if figure["holds"] else ", **missed**"
        value = "none" if figure["value"] is None else f"{figure['value']:.4g}"
        lines.append(f"| {name} | {value} | {aim} | {figure['meaning']} |")
    return "\n".join(lines)


def _number(value: Any) -> str:
    """Whole numbers of more than four digits with commas."""
    return f"{value:,}" if isinstance(value, int) and abs(value) >= 10_000 else str(value)
