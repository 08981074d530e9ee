"""What can be said of a face in words: attributes that hold or do not, and a sentence of them."""

from __future__ import annotations

from .parameters import FaceParameters

_SHADES = ((0.2, "black"), (0.6, "brown"), (1.01, "blond"))
"""The ``hair_shade`` below which hair is called so."""
_COLOURS = (*(name for _, name in _SHADES), "red", "grey")
_TAIL = ("eyes closed", "eyes wide open", "mouth open", "looking left", "looking right", "looking up", "looking down")


def attributes(face: FaceParameters) -> dict[str, bool]:
    """Return each word or phrase of the captions, and whether it holds.

    Between an attribute and its opposite lies a range where neither holds, so that what is said is plain to see. Only
    the colours of hair adjoin: hair that is not bald has exactly one. Left and right are those of the image.
    """
    bald = face.hair_length <= 0.06
    colour = _hair_colour(face)
    return {
        "smiling": face.smile > 0.35,
        "frowning": face.smile < -0.15,
        "mouth open": face.mouth_open > 0.3,
        "mouth closed": face.mouth_open < 0.05,
        "eyes closed": face.eyes_open < 0.15,
        "eyes wide open": face.eyes_open > 1.15,
        "raised brows": face.brow_raise > 0.5,
        "looking left": face.yaw < -12,
        "looking right": face.yaw > 12,
        "looking up": face.pitch < -7,
        "looking down": face.pitch > 7,
        "glasses": face.glasses > 0.5,
        "beard": face.beard > 0.6,
        "freckles": face.freckles > 0.5 and face.skin > 0.3,
        "bald": bald,
        "short hair": not bald and face.hair_length < 0.45,
        "long hair": face.hair_length > 0.75,
        "curly hair": not bald and face.hair_curl > 0.6,
        "fringe": not bald and face.fringe > 0.12,
        **{f"{name} hair": not bald and colour == name for name in _COLOURS},
        "dark skin": face.skin < 0.3,
        "fair skin": face.skin > 0.7,
        "blue eyes": face.iris > 0.8 and face.eyes_open > 0.5,
        "green eyes": 0.55 < face.iris < 0.75 and face.eyes_open > 0.5,
        "brown eyes": face.iris < 0.2 and face.eyes_open > 0.5,
        "red lips": face.lip_red > 0.75,
        "warm light": face.light_warmth > 0.4,
        "light from the left": face.light_side < -20,
        "light from the right": face.light_side > 20,
    }


def _hair_colour(face: FaceParameters) -> str:
    if face.hair_grey > 0.5:
        return "grey"
    if face.hair_red > 0.65:
        return "red"
    return next(name for limit, name in _SHADES if face.hair_shade < limit)


def caption(face: FaceParameters) -> str:
    """Return a sentence such as "a smiling face with long blond hair and glasses, eyes closed, looking left".

    It names only attributes that hold, and not those of the light or of a mouth that is merely closed.
    """
    holds = {name for name, true in attributes(face).items() if true}
    first = [name for name in ("smiling", "frowning", "bald") if name in holds]
    hair = [word for word in ("long", "short", "curly", *_COLOURS) if f"{word} hair" in holds]
    having = [f"{' '.join(hair)} hair"] if hair else []
    having += [name for name in ("a fringe", "a beard", "glasses", "freckles") if name.removeprefix("a ") in holds]
    having += [name for name in ("dark skin", "fair skin", "blue eyes", "green eyes", "brown eyes") if name in holds]
    having += [name for name in ("red lips", "raised brows") if name in holds]
    tail = [name for name in _TAIL if name in holds]
    sentence = f"a {' '.join([*first, 'face'])}"
    if having:
        sentence += " with " + (" and ".join([", ".join(having[:-1]), having[-1]]) if len(having) > 1 else having[0])
    return ", ".join([sentence, *tail])
