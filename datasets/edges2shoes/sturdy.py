"""Shoes with thick soles and laces: sneakers and boots."""

from __future__ import annotations

import numpy as np

from i2i.toolkit.drawing import Array, band, between, chance, hsv, mix
from i2i.toolkit.drawing.relief import Material

from .canvas import ShoeCanvas


def _rubber(canvas: ShoeCanvas) -> Material:
    rng = canvas.rng
    pale = chance(rng, 0.5)
    value = between(rng, 0.75, 0.95) if pale else between(rng, 0.1, 0.4)
    return Material(hsv(between(rng, 0.05, 0.13), between(rng, 0, 0.45), value), "rubber")


def _tread(canvas: ShoeCanvas, dark: Material, count: int, depth: float) -> None:
    """Lugs under a sole."""
    for u in (*np.linspace(0.1, 0.58, count), *np.linspace(0.74, 0.95, count // 2)):
        lug = canvas.at([(u - 0.017, depth), (u + 0.017, depth), (u + 0.013, -0.004), (u - 0.013, -0.004)])
        canvas.model.part(lug, dark, round=0.006, outline=0.5)


def sneaker(canvas: ShoeCanvas) -> None:
    """Draw a running or skating shoe: midsole, toe cap, eyestay, stripes, padded collar."""
    rng = canvas.rng
    canvas.place(0.6)
    thick, spring = between(rng, 0.075, 0.13), between(rng, 0.01, 0.045)
    ankle = between(rng, 0.44, 0.55)
    back = canvas.shape(
        [(0.5, 0.42), (0.56, ankle + 0.06), (0.72, ankle + 0.02), (0.9, ankle + 0.09), (0.95, ankle - 0.1), (0.7, 0.36)]
    )
    canvas.model.part(back, canvas.lining, round=canvas.scale(0.03), outline=0.9)
    tongue = canvas.shape(
        [(0.38, 0.36), (0.47, ankle + 0.04), (0.52, ankle + 0.12), (0.585, ankle + 0.08), (0.57, 0.44), (0.46, 0.33)]
    )
    canvas.model.part(tongue, canvas.second, round=canvas.scale(0.04), outline=1)
    upper = canvas.shape([(0.02, thick * 0.7), (0.025, 0.17), (0.12, 0.245), (0.27, 0.3), (0.38, 0.375),
                        (0.5, ankle - 0.01), (0.56, ankle), (0.68, ankle - 0.075), (0.82, ankle - 0.04),
                        (0.92, ankle + 0.045), (0.975, ankle), (0.975, 0.32), (0.99, 0.2), (0.985, thick * 0.6),
                        (0.5, thick * 0.4)])  # fmt: skip
    body = canvas.model.part(upper, canvas.main, round=canvas.scale(0.12), outline=1)
    _sneaker_panels(canvas, body, thick, ankle)
    canvas.laces(
        (0.33, 0.3), (0.49, ankle - 0.03), int(rng.integers(4, 7)), between(rng, 0.055, 0.075), chance(rng, 0.4)
    )
    rubber, dark = _rubber(canvas), Material(hsv(0.08, 0.2, between(rng, 0.1, 0.5)), "rubber")
    under = [(0.03, 0.035 + spring), (0.1, 0.008 + spring * 0.4), (0.28, 0), (0.6, 0.004), (0.85, 0), (0.97, 0.012)]
    over = [
        (0.0, 0.06 + spring + thick * 0.4),
        (0.12, thick + 0.015),
        (0.4, thick * 0.85),
        (0.7, thick),
        (1.005, thick * 1.15),
    ]
    canvas.sole(under, over, rubber, round=0.025)
    tread = [(u, v + 0.022) for u, v in under]
    canvas.sole(under, tread, dark, round=0.01)
    if chance(rng, 0.6):
        canvas.sew(
            [(0.02, 0.05 + spring + thick * 0.2), (0.3, thick * 0.5), (0.65, thick * 0.55), (0.99, thick * 0.7)],
            0.4,
            thread=False,
        )


def _sneaker_panels(canvas: ShoeCanvas, body: Array, thick: float, ankle: float) -> None:
    rng, model = canvas.rng, canvas.model
    if chance(rng, 0.6):
        cap = [(-0.05, 0), (-0.05, 0.25), (0.12, 0.3), (0.2, 0.2), (0.24, thick), (0.1, 0)]
        model.part(canvas.shape(cap), canvas.second, round=0.006, within=body, outline=0.8)
    if chance(rng, 0.75):
        counter = [(0.78, 0), (0.8, 0.2), (0.87, 0.36), (0.93, ankle + 0.1), (1.1, ankle), (1.1, 0)]
        model.part(canvas.shape(counter), canvas.second, round=0.006, within=body, outline=0.75)
    if chance(rng, 0.55):
        rand = [(0.15, 0), (0.2, thick + 0.07), (0.45, thick + between(rng, 0.04, 0.1)), (0.8, thick + 0.06), (0.8, 0)]
        model.part(canvas.shape(rand), canvas.second, round=0.005, within=body, outline=0.7)
    stripe = Material(hsv(between(rng, 0, 1), between(rng, 0, 0.8), between(rng, 0.2, 0.95)), "leather")
    count = int(rng.choice([0, 1, 2, 3], p=[0.3, 0.25, 0.15, 0.3]))
    for index in range(count):
        u = 0.52 + 0.06 * index
        line = canvas.shape([(u + 0.05, thick), (u, 0.24), (u - 0.07, 0.4)], 0.004, closed=False)
        model.part(
            band(line, canvas.scale(0.028 if count > 1 else 0.06)), stripe, round=0.004, within=body, outline=0.65
        )
    stay = [
        (0.27, 0.285),
        (0.38, 0.375),
        (0.5, ankle + 0.01),
        (0.58, ankle - 0.02),
        (0.55, ankle - 0.09),
        (0.42, 0.285),
        (0.31, 0.2),
    ]
    model.part(
        canvas.shape(stay), canvas.second if chance(rng, 0.5) else canvas.main, round=0.007, within=body, outline=0.85
    )
    collar = canvas.shape(
        [(0.57, ankle - 0.01), (0.68, ankle - 0.085), (0.82, ankle - 0.05), (0.94, ankle + 0.03)], 0.002, closed=False
    )
    model.part(band(collar, canvas.scale(0.05)), canvas.lining, round=canvas.scale(0.022), within=body, outline=0.5)


def boot(canvas: ShoeCanvas) -> None:
    """Ankle boots to tall ones: laced, with a gore, a harness or plain, on a heel or lugs."""
    rng, model = canvas.rng, canvas.model
    shaft = between(rng, 0.72, 1.0) if chance(rng, 0.6) else between(rng, 1.2, 1.85)
    canvas.place(shaft)
    heel, slim = between(rng, 0.07, 0.17), between(rng, 0.0, 0.05)
    front, rear = between(rng, 0.46, 0.52), between(rng, 0.9, 0.97)
    mouth = canvas.shape(
        [
            (front, shaft - 0.03),
            (mix(front, rear, 0.5), shaft + 0.035),
            (rear, shaft - 0.01),
            (mix(front, rear, 0.5), shaft - 0.07),
        ]
    )
    model.part(mouth, canvas.lining, round=canvas.scale(0.02), outline=0.9)
    upper = canvas.shape([(0.015, 0.05), (0.025, 0.15), (0.11, 0.235), (0.25, 0.27), (0.37, 0.33), (0.455, 0.43 + slim),
                        (front - 0.01, 0.58), (front, shaft * 0.8), (front, shaft - 0.02),
                        (mix(front, rear, 0.5), shaft - 0.05), (rear, shaft - 0.005),
                        (rear - slim * 0.4, shaft * 0.75), (0.945 - slim, 0.46), (0.975, 0.28), (0.985, heel + 0.04),
                        (0.96, heel * 0.8), (0.5, 0.03)])  # fmt: skip
    body = model.part(upper, canvas.main, round=canvas.scale(0.15), outline=1)
    _boot_panels(canvas, body, shaft, front)
    sole = Material(hsv(0.08, between(rng, 0.1, 0.6), between(rng, 0.08, 0.45)), "rubber")
    lift = heel * 0.55
    over = [(0.0, 0.075), (0.2, 0.058), (0.5, 0.06), (0.7, heel * 0.9), (0.985, heel + 0.01)]
    under = [(0.02, 0.03), (0.12, 0.004), (0.42, 0.0), (0.62, 0.022), (0.7, lift), (0.97, lift)]
    lugs = chance(rng, 0.4)
    block = canvas.at([(0.69, heel * 0.8), (0.975, heel * 0.9), (0.965, 0), (0.71 + heel * 0.15, 0)])
    model.part(block, sole, round=0.015, outline=0.9)
    canvas.sole(under, over, sole, round=0.018)
    if lugs:
        _tread(canvas, sole, 10, 0.02)
    if chance(rng, 0.6):
        canvas.model.stitches(
            canvas.shape([(0.02, 0.066), (0.3, 0.05), (0.6, 0.055), (0.98, heel + 0.012)], 0.001, closed=False),
            canvas.thread,
        )


def _boot_panels(canvas: ShoeCanvas, body: Array, shaft: float, front: float) -> None:
    rng, model = canvas.rng, canvas.model
    if chance(rng, 0.5):
        counter = [(0.74, -0.1), (0.76, 0.2), (0.86, 0.37), (1.2, 0.42), (1.2, -0.1)]
        model.part(canvas.shape(counter), canvas.second, round=0.006, within=body, outline=0.6)
    if chance(rng, 0.45):
        canvas.sew([(0.16, 0.03), (0.21, 0.15), (0.19, 0.27)], 0.5)
    canvas.sew([(0.36, 0.33), (0.47, 0.25), (0.56, 0.12), (0.58, 0.04)], 0.5)
    style = str(rng.choice(["laces", "gore", "harness", "zip", "plain"], p=[0.4, 0.18, 0.16, 0.12, 0.14]))
    if style == "laces":
        stay = [(0.33, 0.3), (0.45, 0.44), (front - 0.03, 0.62), (front - 0.02, shaft + 0.05),
                (front + 0.1, shaft + 0.05), (front + 0.09, 0.6), (0.53, 0.38), (0.4, 0.26)]  # fmt: skip
        model.part(canvas.shape(stay), canvas.second, round=0.006, within=body, outline=0.7)
        count = int(np.clip(shaft * 8, 5, 11))
        canvas.laces((0.4, 0.34), (0.47, 0.46), 2, 0.055, True)
        canvas.laces((front + 0.015, 0.54), (front + 0.025, shaft - 0.09), count - 2, 0.055, True)
    elif style == "gore":
        low = 0.36
        gore = [(0.62, shaft + 0.05), (0.64, shaft * 0.6), (0.7, low), (0.77, shaft * 0.6), (0.8, shaft + 0.05)]
        model.part(
            canvas.shape(gore),
            Material(np.asarray(canvas.main.colour) * 0.45, "canvas"),
            round=0.006,
            within=body,
            outline=0.8,
        )
    elif style == "harness":
        for line in ([(0.3, 0.28), (0.55, 0.33), (0.8, 0.38), (1.05, 0.4)], [(0.66, 0.36), (0.62, 0.2), (0.6, 0.02)]):
            strap = band(canvas.shape(line, 0.004, closed=False), canvas.scale(0.055))
            model.part(strap, canvas.second, round=0.008, lift=0.004, within=body, outline=0.85)
        canvas.buckle(0.65, 0.355, 0.042)
    elif style == "zip":
        canvas.sew([(0.7, 0.14), (0.71, 0.4), (0.72, shaft * 0.7), (0.72, shaft)], 0.7)
    if chance(rng, 0.5):
        cuff = canvas.shape([(front - 0.05, shaft - 0.02), (0.7, shaft - 0.055), (1.05, shaft)], 0.002, closed=False)
        model.part(
            band(cuff, canvas.scale(between(rng, 0.06, 0.16))), canvas.second, round=0.012, within=body, outline=0.8
        )
    if shaft > 1.1:
        for _ in range(3):
            v = between(rng, 0.42, shaft * 0.6)
            canvas.sew([(0.5, v), (0.66, v - 0.03), (0.86, v + 0.02)], 0.15, thread=False)
