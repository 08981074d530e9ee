"""Light shoes: loafers and lace-ups, pumps, sandals."""

from __future__ import annotations

import numpy as np

from i2i.toolkit.drawing import Array, band, between, chance, curve, hsv, mix
from i2i.toolkit.drawing.relief import Material

from .canvas import ShoeCanvas


def loafer(canvas: ShoeCanvas) -> None:
    """Draw a low shoe with a welted sole and a heel: penny strap, tassel, bit, or laced over a toe cap."""
    rng, model = canvas.rng, canvas.model
    canvas.place(0.44)
    heel, top = between(rng, 0.07, 0.12), between(rng, 0.36, 0.44)
    inside = canvas.shape(
        [
            (0.46, 0.33),
            (0.52, top + 0.03),
            (0.7, 0.36),
            (0.88, top + 0.02),
            (0.95, top - 0.04),
            (0.75, 0.26),
            (0.55, 0.24),
        ]
    )
    model.part(inside, canvas.lining, round=canvas.scale(0.03), outline=0.9)
    upper = canvas.shape([(0.01, 0.055), (0.03, 0.13), (0.12, 0.2), (0.27, 0.255), (0.38, 0.32), (0.47, top),
                        (0.53, top - 0.03), (0.62, 0.285), (0.75, 0.275), (0.88, 0.33), (0.955, top),
                        (0.98, top - 0.06), (0.972, 0.22), (0.975, heel + 0.03), (0.5, 0.03)])  # fmt: skip
    body = model.part(upper, canvas.main, round=canvas.scale(0.11), outline=1)
    topline = [(0.5, top - 0.02), (0.62, 0.272), (0.75, 0.262), (0.88, 0.318), (0.96, top - 0.02)]
    model.part(
        band(canvas.shape(topline, 0.001, closed=False), canvas.scale(0.018)),
        canvas.second,
        round=0.006,
        within=body,
        outline=0.4,
    )
    _loafer_front(canvas, body, top)
    if chance(rng, 0.6):
        canvas.sew([(0.79, heel), (0.8, 0.2), (0.84, 0.3)], 0.5)
    _welt(canvas, heel)


def _loafer_front(canvas: ShoeCanvas, body: Array, top: float) -> None:
    rng, model = canvas.rng, canvas.model
    style = str(rng.choice(["strap", "bit", "laces", "tassel", "plain"], p=[0.26, 0.16, 0.34, 0.12, 0.12]))
    if style == "laces":
        canvas.sew([(0.19, 0.03), (0.235, 0.13), (0.22, 0.26)], 0.65)
        stay = [(0.3, 0.27), (0.47, top + 0.02), (0.56, top - 0.05), (0.55, 0.22), (0.45, 0.13), (0.36, 0.17)]
        model.part(canvas.shape(stay), canvas.main, round=0.006, within=body, outline=0.85)
        canvas.laces((0.36, 0.275), (0.46, top - 0.06), int(rng.integers(3, 6)), 0.048, chance(rng, 0.3))
        return
    canvas.sew([(0.05, 0.15), (0.16, 0.155), (0.28, 0.18), (0.4, 0.235), (0.48, 0.3)], 0.75)
    if style in ("strap", "bit"):
        saddle = band(
            canvas.shape([(0.26, 0.27), (0.36, 0.26), (0.45, 0.17), (0.49, 0.03)], 0.004, closed=False),
            canvas.scale(0.075),
        )
        model.part(saddle, canvas.second, round=0.008, lift=0.003, within=body, outline=0.9)
    if style == "bit":
        canvas.buckle(0.4, 0.245, 0.03)
    elif style == "strap":
        canvas.sew([(0.36, 0.27), (0.42, 0.22)], 0.9, thread=False)
    elif style == "tassel":
        for u in (0.36, 0.41):
            tail = canvas.shape([(u - 0.02, 0.29), (u, 0.22), (u + 0.015, 0.16)], 0.004, closed=False)
            model.part(band(tail, np.linspace(0.008, 0.03, len(tail))), canvas.second, round=0.01, outline=0.8)


def _welt(canvas: ShoeCanvas, heel: float) -> None:
    rng = canvas.rng
    sole = Material(hsv(0.08, between(rng, 0.2, 0.6), between(rng, 0.08, 0.4)), "rubber")
    block = canvas.at([(0.7, heel * 0.8), (0.97, heel), (0.962, 0), (0.715, 0)])
    canvas.model.part(block, sole, round=0.012, outline=0.9)
    under = [(0.015, 0.03), (0.12, 0.006), (0.4, 0.0), (0.6, 0.02), (0.72, heel * 0.6), (0.967, heel * 0.62)]
    over = [(-0.005, 0.058), (0.15, 0.044), (0.45, 0.042), (0.65, 0.06), (0.78, heel), (0.974, heel + 0.004)]
    canvas.sole(under, over, sole, round=0.014)


def pump(canvas: ShoeCanvas) -> None:
    """Draw a lady's shoe on a stiletto, a block or a wedge, cut low, with a strap now and then."""
    rng, model = canvas.rng, canvas.model
    high = between(rng, 0.16, 0.5)
    canvas.place(high + 0.34)
    platform = between(rng, 0.0, 0.09) if chance(rng, 0.35) else 0.0
    arch = [
        (0.02, 0.035),
        (0.13, 0.012),
        (0.3, 0.012),
        (0.46, high * 0.3),
        (0.62, high * 0.66),
        (0.78, high * 0.93),
        (0.97, high),
    ]
    arch = [(u, v + platform) for u, v in arch]
    seat, waist = arch[-1][1], arch[4][1]
    strapped = chance(rng, 0.35)
    if strapped:
        _ankle_ring(canvas, seat + 0.2, far=True)
    far = [
        (0.36, 0.12 + platform),
        (0.5, waist + 0.02),
        (0.66, waist + 0.14),
        (0.86, seat + 0.15),
        (0.97, seat + 0.2),
        (0.9, seat),
        (0.6, waist),
    ]
    model.part(canvas.shape(far), canvas.lining, round=canvas.scale(0.02), outline=0.85)
    _pump_heel(canvas, arch, high, platform)
    throat = between(rng, 0.24, 0.36)
    upper = canvas.shape([(0.0, 0.045 + platform), (0.035, 0.1 + platform), (throat * 0.6, 0.165 + platform),
                        (throat, 0.18 + platform), (throat + 0.1, 0.125 + platform + high * 0.12),
                        (0.52, waist * 0.72 + 0.08), (0.68, waist + 0.11), (0.86, seat + 0.13),
                        (0.955, seat + between(rng, 0.16, 0.24)), (0.985, seat + 0.12), (0.97, seat),
                        *reversed(arch[:-1])], 0.003)  # fmt: skip
    body = model.part(upper, canvas.main, round=canvas.scale(0.1), outline=1)
    if chance(rng, 0.35):
        cap = [(-0.1, 0), (-0.1, 0.2 + platform), (0.09, 0.22 + platform), (0.14, 0.1 + platform), (0.16, platform)]
        model.part(canvas.shape(cap), canvas.second, round=0.005, within=body, outline=0.7)
    if chance(rng, 0.5):
        line = [(0.64, waist + 0.12), (0.62, waist * 0.9), (0.6, waist - 0.02)]
        canvas.sew(line, 0.4, thread=False)
    leather = Material(hsv(0.07, 0.4, between(rng, 0.1, 0.5)), "leather")
    canvas.sole([(u, v - 0.016) for u, v in arch], [(u, v + 0.008) for u, v in arch], leather, round=0.008)
    if strapped:
        _ankle_ring(canvas, seat + 0.2, far=False)


def _pump_heel(canvas: ShoeCanvas, arch: list[tuple[float, float]], high: float, platform: float) -> None:
    rng, model = canvas.rng, canvas.model
    stack = Material(
        np.asarray(canvas.main.colour) * 0.8 if chance(rng, 0.6) else hsv(0.07, 0.5, 0.45), canvas.main.finish
    )
    seat = arch[-1][1]
    kind = str(rng.choice(["stiletto", "block", "wedge"], p=[0.5, 0.25, 0.25]))
    if kind == "wedge":
        outline = canvas.at(np.vstack([arch, [(0.99, 0.0), (0.05, 0.0)]]))
        model.part(outline, stack, round=0.03, outline=0.95)
        return
    tip = 0.022 if kind == "stiletto" else between(rng, 0.07, 0.1)
    end = between(rng, 0.93, 0.97)
    front = canvas.shape(
        [(0.76, arch[-2][1]), (0.84, seat * 0.82), (end - tip * 1.2, high * 0.4), (end - tip, 0.0)], 0.002, closed=False
    )
    back = canvas.shape(
        [(end + tip, 0.0), (end + tip * 1.1, high * 0.4), (0.985, seat * 0.8), (0.985, seat + 0.01)],
        0.002,
        closed=False,
    )
    model.part(np.vstack([front, back]), stack, round=canvas.scale(0.03), outline=0.95)
    if platform:
        slab = [
            (0.02, platform + 0.03),
            (0.3, platform + 0.02),
            (0.42, platform * 1.5 + 0.03),
            (0.36, 0.004),
            (0.12, 0),
            (0.03, 0.02),
        ]
        model.part(canvas.shape(slab, 0.002), stack, round=0.02, outline=0.9)


def sandal(canvas: ShoeCanvas) -> None:
    """Draw a footbed on a flat or wedged sole, with straps over the foot and often round the ankle."""
    rng, model = canvas.rng, canvas.model
    high = between(rng, 0.07, 0.3)
    ankle = chance(rng, 0.5)
    canvas.place(high + (0.5 if ankle else 0.3))
    bed = [(0.0, 0.085), (0.15, 0.07), (0.35, 0.075), (0.6, mix(0.08, high, 0.65)), (0.85, high), (1.0, high + 0.02)]
    far = [(u * 0.98 + 0.01, v + 0.085 * np.sin(np.pi * min(u * 0.92 + 0.08, 1.0)) ** 0.6 + 0.012) for u, v in bed]
    spans = _straps(canvas)
    lift = {u: float(np.interp(u, *np.transpose(bed))) for span in spans for u in span}
    for left, right in spans:  # the far side of each strap, before the foot's bed hides its end
        line = [(left + 0.14, lift[left] + 0.215), (left + 0.2, lift[left] + 0.16), (left + 0.22, lift[left] + 0.05)]
        shade = Material(np.asarray(canvas.main.colour) * 0.6, canvas.main.finish)
        model.part(
            band(canvas.shape(line, 0.003, closed=False), canvas.scale(right - left)), shade, round=0.012, outline=0.7
        )
    if ankle:
        _ankle_ring(canvas, high + 0.24, far=True)
    model.part(
        canvas.at(np.vstack([curve(bed, closed=False), curve(far, closed=False)[::-1]])),
        canvas.lining,
        round=canvas.scale(0.02),
        outline=0.85,
    )
    sole = Material(hsv(0.08, between(rng, 0.15, 0.6), between(rng, 0.12, 0.75)), "rubber")
    under = [(0.03, 0.03), (0.12, 0.004), (0.4, 0), (0.7, 0), (0.98, 0)]
    canvas.sole(under, bed, sole, round=0.025)
    if chance(rng, 0.6):
        canvas.sew([(u, v - 0.028) for u, v in bed], 0.5, thread=chance(rng, 0.5))
    for left, right in spans:
        base = lift[left]
        line = [
            (left + 0.03, base - 0.02),
            (left + 0.015, base + 0.08),
            (left + 0.05, base + 0.175),
            (left + 0.11, base + 0.225),
            (left + 0.17, base + 0.205),
        ]
        strap = band(canvas.shape(line, 0.004, closed=False), canvas.scale(right - left))
        model.part(strap, canvas.main, round=canvas.scale(0.02), lift=0.004, outline=0.95)
        if chance(rng, 0.35):
            canvas.buckle(left + 0.025, base + 0.13, min((right - left) * 0.45, 0.035))
    if ankle:
        _counter(canvas, high)
        _ankle_ring(canvas, high + 0.24, far=False)


def _straps(canvas: ShoeCanvas) -> list[tuple[float, float]]:
    """Where straps leave the sole, (left, right) in shoe measures."""
    rng = canvas.rng
    count = int(rng.integers(1, 4))
    wide = between(rng, 0.05, 0.09) if count > 1 else between(rng, 0.1, 0.16)
    return [(float(u), float(u) + wide) for u in np.linspace(0.16, 0.16 + 0.13 * (count - 1), count)]


def _ankle_ring(canvas: ShoeCanvas, v: float, far: bool) -> None:
    """Half of the strap round the ankle: the far half in shade, or the near one with its buckle."""
    bow = 0.045 if far else -0.045
    line = canvas.shape(
        [(0.62, v + 0.035), (0.72, v + 0.025 + bow), (0.86, v + bow), (0.965, v - 0.015)], 0.002, closed=False
    )
    leather = Material(np.asarray(canvas.main.colour) * 0.6, canvas.main.finish) if far else canvas.main
    canvas.model.part(band(line, canvas.scale(0.042)), leather, round=0.01, lift=0.003, outline=1)
    if not far:
        canvas.buckle(0.74, v - 0.022, 0.026)


def _counter(canvas: ShoeCanvas, high: float) -> None:
    """What holds the heel and carries the ankle strap."""
    counter = [(0.78, high), (0.85, high + 0.13), (0.92, high + 0.25), (0.985, high + 0.24), (0.995, high + 0.02)]
    canvas.model.part(canvas.shape(counter), canvas.main, round=canvas.scale(0.05), outline=1)
