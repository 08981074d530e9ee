"""Whether swap and text reach their own targets, by the networks that they follow: for tests of the optimisation.

``witnesses`` judges edits by networks that no edit follows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import mean
from typing import Any, NamedTuple

import torch
from torch import Tensor

import i2i
from i2i_plugins.demo.synthetic_faces import UNSEEN

from .face_measurements import Look, Watcher
from .figures import Figure
from .samples import EvaluationSamples

EDITED = 20
"""Samples that each preset and each prompt is tried on, and pairs that are swapped."""
SHARE = 0.9
"""Of them, the number of which an edit has to reach its target."""
CLOSED, MOVED, BACKGROUND = 0.5, 0.05, 3.0
"""Of a swap: the least share of the gap between identities that closes, and what landmarks, in eye distances, and the
mean colour of the background, of 255, have to stay below."""

ROLES = ("target", "source")


class Prompt(NamedTuple):
    """What is asked for, and how landmarks tell that it came true: a number that grows."""

    words: str
    seen: Callable[[Look], Tensor]


PROMPTS = (
    Prompt("a smiling face", lambda look: look.opening([(48, 54)])),
    Prompt("eyes closed", lambda look: -look.eyelids),
    Prompt("a face looking left", lambda look: -look.nose),
)


def swapped(bench: EvaluationSamples, count: int = EDITED, **options: Any) -> list[Figure]:
    """Pairs of samples: the targets with the faces of the sources."""
    bench.say(f"swap, of {count} pairs")
    targets, sources = ([f"{role}=seed:{UNSEEN + 2 * n + k}" for n in range(count)] for k, role in enumerate(ROLES))
    scalars = [each.scalars for each in edited("swap", [*targets, *sources], **options)]
    met = (
        each["closed"] >= CLOSED and each["landmarks"] < MOVED and each["background"] < BACKGROUND for each in scalars
    )
    goal = f"half of the gap closed, landmarks moved under {MOVED}, background under {BACKGROUND:g}"
    meanings = {
        "closed": "mean share of the gap between identities that is closed",
        "landmarks": "mean distance that landmarks move, in eye distances",
        "background": "mean distance that the mean colour of the background moves, of 255",
    }
    return [
        Figure("swap", share(met), f"share of pairs that reach: {goal}", least=SHARE),
        *(Figure(f"swap/{name}", mean(each[name] for each in scalars), words) for name, words in meanings.items()),
    ]


def worded(
    bench: EvaluationSamples, count: int = EDITED, prompts: Sequence[Prompt] = PROMPTS, **options: Any
) -> list[Figure]:
    """Every prompt: by the text network that is followed, and by landmarks, which know nothing of it."""
    watcher, figures = Watcher(), []
    sources = samples(watcher, count=count)
    before = watcher.look(rendered(edited("align", sources)))
    for words, seen in prompts:
        bench.say(f"text, {words!r}, of {count} samples")
        made = edited("text", sources, prompt=words, **options)
        after = watcher.look(rendered(made))
        scalars = [each.scalars for each in made]
        rises = (each["similarity/after"] > each["similarity/before"] for each in scalars)
        name = f"text/{words}"
        figures += [
            Figure(name, share(rises), "fraction of samples that the prompt is nearer to than before", least=SHARE),
            Figure(
                f"{name}/seen",
                share((seen(after) > seen(before)).tolist()),
                "fraction of samples whose landmarks moved as the words say",
            ),
            Figure(f"{name}/identity", mean(each["identity"] for each in scalars), "mean cosine of identities"),
        ]
    return figures


# What measurements of edits share.


def anything(look: Look) -> Tensor:
    """All images: ``(N,)``."""
    return torch.ones(len(look.points), dtype=torch.bool)


def samples(watcher: Watcher, fits: Callable[[Look], Tensor] = anything, count: int = EDITED) -> list[str]:
    """The first unseen seeds, as ``--image`` takes them, whose images an edit has something to do with.

    Args:
        fits: Which of N images have, ``(N,)`` bool.
    """
    found: list[str] = []
    for first in range(UNSEEN, UNSEEN + 100 * count, count):
        named = [f"seed:{number}" for number in range(first, first + count)]
        good = fits(watcher.look(rendered(edited("align", named)))).tolist()
        found += [name for name, is_good in zip(named, good, strict=True) if is_good]
        if len(found) >= count:
            break
    return found[:count]


def edited(name: str, sources: Sequence[str], notes: list[str] | None = None, **options: Any) -> list[i2i.Result]:
    """The result of each image; ``notes`` takes what the editor had to say."""
    made = i2i.edit(name, sources, device="cpu", note=None if notes is None else notes.append, **options)
    return [made, *made.others]


def rendered(results: Sequence[i2i.Result]) -> Tensor:
    """``(N, 3, R, R)``."""
    return torch.cat([each.image for each in results])


def share(met: Iterable[bool]) -> float:
    """How many are true, of 1."""
    return mean(float(each) for each in met)
