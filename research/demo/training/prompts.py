"""Texts about faces: prompts made from attributes, and attributes found in captions.

An attribute is a name with a truth, ``{"glasses": True}``. Its wordings stand before the noun ("a smiling face"), after
"with" ("a face with glasses") or by themselves ("looking left"). Attributes whose name is not in the table are worded
as the name says.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

OPENINGS = ("an image of", "a portrait of", "a drawing of", "a photo of")
NOUNS = ("face", "person", "head")
OPENED, BARE = 0.3, 0.4
"""How often a prompt begins with an opening, and how often one of a single attribute is nothing but its wording."""
FEW, SEVERAL = 0.45, 0.8
"""Prompts of one attribute and of two or three have these cumulative probabilities; the rest have four or more."""
ABSENT = 0.35
"""How likely something that a face has not is to be mentioned, beside something that it has."""


@dataclass(frozen=True)
class Wording:
    """Synonymous phrases, by their position in the sentence."""

    before: tuple[str, ...] = ()
    with_: tuple[str, ...] = ()
    alone: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """All phrases."""
        return self.before + self.with_ + self.alone


def _thing(*names: str, alone: Sequence[str] = ()) -> tuple[Wording, Wording]:
    """Create the wordings of what a face has or has not; ``alone`` are phrases that stand by themselves."""
    absent = (*(f"without {name}" for name in names), *(f"not {phrase}" for phrase in alone))
    return Wording((), names, tuple(alone)), Wording(
        (), tuple(f"no {name.removeprefix('a ')}" for name in names), absent
    )


def _kind(*adjectives: str, thing: str = "", alone: Sequence[str] = ()) -> tuple[Wording, Wording]:
    """What a face is or is not."""
    things, absent = (f"a {thing}",) if thing else (), (f"no {thing}",) if thing else ()
    phrases = (*adjectives, *alone)
    return Wording(adjectives, things, phrases), Wording((), absent, tuple(f"not {phrase}" for phrase in phrases))


def _state(part: str, true: Sequence[str], false: Sequence[str] = ()) -> tuple[Wording, Wording]:
    """A part of the face that is in one of two states; ``false`` names the second, where nothing lies between."""
    absent = Wording(
        (),
        tuple(f"{phrase} {part}" for phrase in false),
        tuple(f"{part} {phrase}" for phrase in (*false, f"not {true[0]}")),
    )
    phrases = tuple(f"{part} {phrase}" for phrase in true)
    return Wording((), (*(f"{phrase} {part}" for phrase in true), *phrases), phrases), absent


_TABLE: dict[str, tuple[Wording, Wording]] = {
    "smiling": _kind("smiling", "happy", thing="smile"),
    "frowning": _kind("frowning", "sad", thing="frown"),
    "bald": (
        Wording(("bald",), ("no hair",), ("bald", "without hair")),
        Wording((), ("hair",), ("not bald", "with hair")),
    ),
    "eyes closed": _state("eyes", ("closed", "shut"), ("open",)),
    "eyes wide open": _state("eyes", ("wide open",)),
    "mouth open": _state("mouth", ("open",)),
    "mouth closed": _state("mouth", ("closed", "shut")),
    "raised brows": _thing("raised brows", "raised eyebrows"),
    "glasses": _thing("glasses", "spectacles", alone=("wearing glasses",)),
    "beard": _thing("a beard", alone=("bearded",)),
    "freckles": _thing("freckles", alone=("freckled",)),
    "fringe": _thing("a fringe", "bangs"),
    "blond hair": _thing("blond hair", "blonde hair"),
    "grey hair": _thing("grey hair", "gray hair"),
    **{
        f"looking {side}": _kind(
            alone=(f"looking {side}", f"looking to the {side}", f"turned {side}", f"facing {side}")
        )
        for side in ("left", "right")
    },
    **{f"looking {side}": _kind(alone=(f"looking {side}", f"looking {side}wards")) for side in ("up", "down")},
    **{
        f"light from the {side}": _thing(f"light from the {side}", alone=(f"lit from the {side}",))
        for side in ("left", "right")
    },
}


def _key(name: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z]+", name.lower()))


_BY_KEY = {_key(name): wordings for name, wordings in _TABLE.items()}


def wordings_of(name: str) -> tuple[Wording, Wording]:
    """How an attribute and its absence are worded; the order of the words in its name does not matter."""
    words = _key(name)
    if words in _BY_KEY:
        return _BY_KEY[words]
    return _thing(re.sub(r"[^a-z]+", " ", name.lower()).strip())


class Prompts:
    """Prompts about faces whose attributes have these names."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(sorted(names))
        self.wordings = {name: wordings_of(name) for name in self.names}

    def words(self) -> set[str]:
        """Every word that a prompt may have."""
        texts = [
            *OPENINGS,
            *NOUNS,
            "a an with and",
            *(phrase for pair in self.wordings.values() for w in pair for phrase in w.all),
        ]
        return {word for text in texts for word in text.lower().split()}

    def pair(self, name: str) -> tuple[str, str]:
        """Two whole prompts that differ in one attribute: it is there, and it is not."""
        true, false = self.wordings[name]
        return _sentence("face", [true], None), _sentence("face", [Wording(alone=false.alone)], None)

    def pairs(self, rng: random.Random) -> list[tuple[str, str]]:
        """For each name a prompt that states it and one that states its absence; half of them are those of ``pair``."""
        noun, found = rng.choice(NOUNS), []
        for name in self.names:
            if rng.random() < 0.5:
                found.append(self.pair(name))
            else:
                there, absent = (_sentence(noun, [wording], rng) for wording in self.wordings[name])
                found.append((there, absent))
        return found

    def draw(self, attributes: Mapping[str, bool], rng: random.Random) -> tuple[str, dict[str, bool]]:
        """A prompt that holds for a face, and the attributes that it states."""
        share = rng.random()
        count = 1 if share < FEW else rng.randint(2, 3) if share < SEVERAL else rng.randint(4, 8)
        # Weighted sampling without replacement (Efraimidis and Spirakis 2006).
        rank = {name: rng.random() ** (1 if attributes[name] else 1 / ABSENT) for name in self.names}
        chosen = sorted(self.names, key=lambda name: -rank[name])[:count]
        said = {name: attributes[name] for name in chosen}
        wordings = [self.wordings[name][0 if attributes[name] else 1] for name in chosen]
        if count == 1 and rng.random() < BARE:
            return rng.choice(wordings[0].all), said
        text = _sentence(rng.choice(NOUNS), wordings, rng)
        return (f"{rng.choice(OPENINGS)} {text}" if rng.random() < OPENED else text), said

    def stated(self, caption: str, attributes: Mapping[str, bool]) -> dict[str, bool]:
        """Those of a face's attributes that its caption states: a clause has a wording's words, in their order."""
        clauses = [clause.split() for clause in re.split(r",|\band\b|\bwith\b", caption.lower())]
        found = {}
        for name in self.names:
            phrases = self.wordings[name][0 if attributes[name] else 1].all
            if any(_in_order(phrase.split(), clause) for phrase in phrases for clause in clauses):
                found[name] = attributes[name]
        return found


def _in_order(words: Sequence[str], clause: Sequence[str]) -> bool:
    rest = iter(clause)
    return all(word in rest for word in words)


def _sentence(noun: str, wordings: Iterable[Wording], rng: random.Random | None) -> str:
    """One sentence that says all of it; without ``rng`` the first phrase of each is taken."""
    before: list[str] = []
    things: list[str] = []
    alone: list[str] = []
    for wording in wordings:
        slots = [(before, wording.before), (things, wording.with_), (alone, wording.alone)]
        slots = [(place, phrases) for place, phrases in slots if phrases]
        place, phrases = rng.choice(slots) if rng else slots[0]
        place.append(rng.choice(phrases) if rng else phrases[0])
    words = " ".join([*before, noun])
    text = f"{'an' if words[0] in 'aeiou' else 'a'} {words}"
    if things:
        text += " with " + " and ".join([", ".join(things[:-1]), things[-1]] if things[1:] else things)
    return ", ".join([text, *alone])
