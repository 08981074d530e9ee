"""Who and what stands in a street: people, riders, poles with lamps, lights and signs."""

from __future__ import annotations

from i2i.toolkit.drawing import between, ellipse, hsv, rectangle, rgb

from .street import Outline, Street


def person(street: Street, x: float, z: float, kind: str = "person", lift: float = 0.0) -> None:
    """Somebody on foot, or, lifted by so many metres, in the saddle."""
    rng = street.rng
    tall, stride = between(rng, 1.58, 1.86), between(rng, 0.03, 0.2)
    coat = hsv(between(rng, 0, 1), between(rng, 0.05, 0.6), between(rng, 0.1, 0.7))
    legs = hsv(between(rng, 0.55, 0.68), between(rng, 0.1, 0.5), between(rng, 0.1, 0.35))
    if not lift:
        street.floor(x, 0.32, z - 0.12, z + 0.3, rgb(0.05, 0.05, 0.05), 0.4)
    for side in (-1, 1):
        thigh, foot = 0.88 + lift * 0.6, 0.02 + lift * 0.6
        leg = [(side * 0.02 - 0.08, thigh), (side * stride - 0.08, foot), (side * stride + 0.08, foot), (0.12, thigh)]
        street.face(x, z, leg, kind, legs * (1 if side > 0 else 0.75))
    hip, neck = 0.8 + lift * 0.6, tall - 0.27 + lift * 0.45
    left = [(-0.2, hip), (-0.25, hip + 0.3), (-0.24, neck - 0.08), (-0.1, neck + 0.02)]
    right = [(-u, v) for u, v in reversed(left)]
    street.face(x, z, [*left, *right], kind, coat)
    street.face(x, z, [(0.02, hip), *reversed(right[1:]), (0.06, neck)], None, coat * 0.72)
    street.face(x, z, ellipse(0, neck + 0.14, 0.1, 0.14, count=14), kind, rgb(0.72, 0.54, 0.44))
    hair = [spot for spot in ellipse(0, neck + 0.17, 0.11, 0.13, count=14) if spot[1] > neck + 0.15]
    street.face(x, z, hair, None, hsv(0.07, 0.5, between(rng, 0.08, 0.4)))


def cyclist(street: Street, x: float, z: float, ridden: bool) -> None:
    """Draw a bicycle: with its rider, seen from behind, or left by the road, seen from the side."""
    rng = street.rng
    frame = hsv(between(rng, 0, 1), between(rng, 0.2, 0.8), between(rng, 0.15, 0.6))
    long = 0.16 if ridden else 0.55
    for end in (-1, 1):
        near = z - 0.3 * end
        street.face(x, near, ellipse(end * long, 0.35, long * 0.55, 0.35, count=14), "bicycle", rgb(0.06, 0.06, 0.065))
        street.face(x, near, ellipse(end * long, 0.35, long * 0.42, 0.28, count=14), None, rgb(0.45, 0.45, 0.45), 0.7)
    tubes = [(-1, 0.35), (-0.2, 0.9), (0.7, 0.95), (1, 0.4), (0.6, 0.8), (-0.2, 0.76)]
    street.face(x, z, [(u * long, v) for u, v in tubes], "bicycle", frame)
    if ridden:
        person(street, x, z, "rider", 0.42)


def pole(street: Street, x: float, z: float) -> None:
    """Draw a pole that carries a lamp, a traffic light, or a sign."""
    rng = street.rng
    kind = str(rng.choice(["lamp", "light", "sign"], p=[0.3, 0.33, 0.37]))
    tall = {"lamp": between(rng, 6, 8), "light": between(rng, 3.2, 3.8), "sign": between(rng, 2.5, 3.2)}[kind]
    grey = hsv(0.4, 0.06, between(rng, 0.25, 0.55))
    street.face(x, z, rectangle(-0.065, 0, 0.065, tall), "pole", grey)
    street.face(x, z, rectangle(0.01, 0, 0.065, tall), None, grey * 0.6)
    if kind == "lamp":
        arm = -1.3 if x > 0 else 1.3
        street.face(x, z, [(0, tall), (arm, tall + 0.25), (arm, tall + 0.12), (0, tall - 0.15)], "pole", grey * 0.9)
    elif kind == "light":
        _traffic_light(street, x, z, tall)
    else:
        _sign(street, x, z, tall)


def _traffic_light(street: Street, x: float, z: float, tall: float) -> None:
    street.face(x, z, rectangle(-0.17, tall - 0.95, 0.17, tall), "traffic light", rgb(0.07, 0.08, 0.08))
    lit = int(street.rng.integers(3))
    for index, colour in enumerate((rgb(1.0, 0.16, 0.1), rgb(1.0, 0.72, 0.1), rgb(0.2, 0.95, 0.55))):
        lens = ellipse(0, tall - 0.17 - 0.3 * index, 0.1, 0.12, count=14)
        street.face(x, z, lens, None, colour * (1.0 if index == lit else 0.18))


def _sign(street: Street, x: float, z: float, tall: float) -> None:
    y, white = tall - 0.2, rgb(0.92, 0.92, 0.9)
    red, blue, yellow = rgb(0.75, 0.1, 0.1), rgb(0.1, 0.28, 0.65), rgb(0.92, 0.75, 0.15)
    disc: Outline = ellipse(0, 0, 0.34, 0.34, count=14)
    triangle: Outline = [(-0.36, -0.3), (0, 0.34), (0.36, -0.3)]
    square: Outline = rectangle(-0.34, -0.34, 0.34, 0.34)
    diamond: Outline = [(-0.36, 0), (0, 0.38), (0.36, 0), (0, -0.38)]
    forms = ((disc, red, white), (triangle, red, white), (square, blue, blue * 1.2), (diamond, white, yellow))
    outline, rim, field = forms[int(street.rng.integers(len(forms)))]
    street.face(x, z, [(u, y + v) for u, v in outline], "traffic sign", rim)
    street.face(x, z, [(u * 0.7, y + v * 0.7) for u, v in outline], None, field)
