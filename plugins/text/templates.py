"""The 79 sentences into which global directions insert a text: those of CLIP's evaluation on ImageNet.

Radford et al., "Learning Transferable Visual Models From Natural Language Supervision" (2021), use 80 of them, of which
StyleCLIP leaves out "a photo of many {}.".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

_WITH_ARTICLES = """
a bad photo of|a black and white photo of|a blurry photo of|a bright photo of|a close-up photo of|a cropped photo of
a dark photo of|a doodle of|a drawing of|a good photo of|a jpeg corrupted photo of|a low resolution photo of
a painting of|a photo of|a pixelated photo of|a rendering of|a rendition of|a sculpture of|a sketch of|a tattoo of
art of|graffiti of|itap of
"""
"""Followed by "a {}." and by "the {}."."""
_ADJECTIVES = "clean|cool|dirty|hard to see|large|nice|small|weird"
"""Inserted into "a photo of a ... {}." and "a photo of the ... {}."."""
_KINDS = "cartoon|embroidered|origami|plastic|plushie|toy"
"""Inserted into "a ... {}." and "the ... {}."."""
_SINGLE = "a photo of my {}.|a photo of one {}.|itap of my {}."
_ARTICLE = re.compile(r"^\s*(?:an?|the)\s+(?=\S)", re.IGNORECASE)


def _templates() -> tuple[str, ...]:
    articles = ("a", "the")
    starts = "|".join(_WITH_ARTICLES.strip().splitlines()).split("|")
    return (
        *(f"{start} {article} {{}}." for start in starts for article in articles),
        *(f"a photo of {article} {adjective} {{}}." for adjective in _ADJECTIVES.split("|") for article in articles),
        *(f"{article} {kind} {{}}." for kind in _KINDS.split("|") for article in articles),
        *(f"{article} {{}} in a video game." for article in articles),
        *_SINGLE.split("|"),
    )


TEMPLATES = _templates()
"""The sentences, with ``{}`` in the place of the text."""


def insert_text(text: str, templates: Sequence[str] = TEMPLATES) -> list[str]:
    """Insert a text, such as ``"a face with glasses"``, into templates; they have the article."""
    bare = _ARTICLE.sub("", text, count=1)
    return [template.format(bare) for template in templates]


def known_templates(network: Any) -> Sequence[str]:
    """Return the templates for a text network: all, or those whose words it knows, where it knows only some.

    Args:
        network: An extractor of the role text; see ``i2i.TextExtractor`` about ``unknown``.
    """
    if not hasattr(network, "unknown"):
        return TEMPLATES
    return [template for template in TEMPLATES if not network.unknown(template.format(""))] or ["a {}"]
