"""The report: medians and the share of images that meet each aim, beside no edit and a random direction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isfinite
from statistics import median
from typing import Any

from . import aims
from .aims import DIRECTIONS, PRESETS, Goal, Spread
from .records import Record

BASELINES = ("none", "random")
"""No edit, and a random direction of the same length in w."""
SPLITS: Mapping[str, tuple[str, Callable[[Record], bool]]] = {
    "frontal": ("yaw under 15 degrees", lambda record: abs(record["yaw"]) < 15),
    "turned": ("yaw of 15 degrees and more", lambda record: abs(record["yaw"]) >= 15),
    "sharp": ("sharpness of 1.5 and more", lambda record: record["sharpness"] >= 1.5),
    "soft": ("sharpness under 1.5", lambda record: record["sharpness"] < 1.5),
    "large": ("crop of 160 px and more", lambda record: record["side"] >= 160),
    "small": ("crop under 160 px", lambda record: record["side"] < 160),
}
"""Groups of photos by name: what they are, and which records belong to them."""
INTRODUCTION = f"""# Edits of real-looking faces, judged by networks that no edit follows

Aims are changes in standard deviations (sd) of a measure over 200 random samples (`spread.json`). dlib's landmarks
measure expressions, `faceplugin-pose` yaw, and the distance of dlib's 128 numbers the person (the same person is below
{aims.SAME_PERSON}). LPIPS outside the mask compares what the generator renders before and after the edit, before
anything is pasted back. "None" is no edit: a recompressed sample, or the inversion of a photo, pasted by the mask of
the edit. "Random" is a step of the same length towards a random sample, pasted likewise. An image in which no face is
found after its edit, or whose edit failed, meets no aim."""


@dataclass
class TableOf:
    """A table of the report."""

    title: str
    header: Sequence[str]
    rows: list[Sequence[Any]] = field(default_factory=list)

    def markdown(self) -> str:
        """Return the table in Markdown; numbers with three digits, None as a dash."""
        lines = [f"| {' | '.join(self.header)} |", "|" + "---|" * len(self.header)]
        lines += [f"| {' | '.join(_cell(value) for value in row)} |" for row in self.rows]
        return f"## {self.title}\n\n" + "\n".join(lines)

    def as_json(self) -> list[dict[str, Any]]:
        """Return the rows by the names of their columns."""
        return [dict(zip(self.header, row, strict=True)) for row in self.rows]


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def middle(values: Iterable[float | None]) -> float | None:
    """Return the median, missing values counting as the worst (largest); None where it is missing or there is none."""
    found = [inf if value is None else value for value in values]
    result = median(found) if found else inf
    return result if isfinite(result) else None


def share(values: Iterable[bool]) -> float | None:
    """Return the fraction that is true; None of nothing."""
    found = list(values)
    return sum(found) / len(found) if found else None


def after_of(record: Mapping[str, Any], baseline: str = "") -> Mapping[str, float] | None:
    """Return the measures after an edit, or of a baseline; None where no face was found or the edit failed."""
    judged = record.get(baseline, {}) if baseline else record
    measures: Mapping[str, float] | None = judged.get("measures")
    return measures


def meets(record: Record, goal: Goal, spread: Spread, baseline: str = "") -> bool:
    """Return whether an edit or a baseline meets a goal."""
    return "before" in record and goal.met(spread, record["before"], after_of(record, baseline))


def effect(records: Sequence[Record], goal: Goal, spread: Spread, baseline: str = "") -> float | None:
    """Return the median change of the first aim, in sd in its direction; missing ones count as the worst."""
    changes = [
        goal.aims[0].change(spread, r["before"], after_of(r, baseline)) if "before" in r else None for r in records
    ]
    found = middle(None if change is None else -change for change in changes)
    return None if found is None else -found


EDIT_HEADER = (
    *("edit", "images", "aim", "meet it", "target", "reached", "none meet it", "random meet it"),
    *(
        "change, sd",
        "none, sd",
        "random, sd",
        "identity",
        "identity, none",
        "same person",
        "LPIPS outside",
        "no face",
        "errors",
    ),
)


def edit_row(name: str, records: Sequence[Record], goals: Sequence[Goal], spread: Spread, target: float) -> list[Any]:
    """Return a row of the table of edits.

    Args:
        goals: The goal of each record.
    """
    pairs = list(zip(records, goals, strict=True))
    met = share(meets(record, goal, spread) for record, goal in pairs)
    baselines = [share(meets(record, goal, spread, name) for record, goal in pairs) for name in BASELINES]
    one = len(set(map(id, goals))) == 1
    effects = [effect(records, goals[0], spread, name) for name in ("", *BASELINES)] if one else [None] * 3
    return [
        name,
        len(records),
        goals[0].describe() if one else "each its own",
        met,
        target,
        _reached(met is not None and met >= target),
        *baselines,
        *effects,
        middle(record.get("identity") for record in records),
        middle(record.get("none", {}).get("identity") for record in records),
        share(record.get("identity", inf) < aims.SAME_PERSON for record in records),
        _outside(records),
        sum(record.get("face") is False for record in records),
        sum("error" in record for record in records),
    ]


def _outside(records: Sequence[Record], name: str = "lpips_outside") -> float | None:
    """Return the median of those that have an outside; turns have none."""
    return middle(record[name] for record in records if name in record)


def _reached(value: bool) -> str:
    return "yes" if value else "no"


def edit_tables(records: Sequence[Record], spread: Spread) -> list[TableOf]:
    """Return the tables of presets on samples and on photos, and on photos by their splits."""
    found = []
    for part, target in (("samples", aims.SAMPLES_SHARE), ("photos", aims.PHOTOS_SHARE)):
        own = [record for record in _of_part(records, part) if "skipped" not in record]
        if not own:
            continue
        table = TableOf(f"Presets of drag on {part}", EDIT_HEADER)
        for name in dict.fromkeys(map(_preset_of, own)):
            rows = [record for record in own if _preset_of(record) == name]
            table.rows.append(edit_row(name, rows, [PRESETS[name]] * len(rows), spread, target))
        table.rows.append(edit_row("all", own, [PRESETS[_preset_of(record)] for record in own], spread, target))
        found.append(table)
        if part == "photos":
            table = TableOf("Presets of drag on photos, by photo", EDIT_HEADER)
            for name, (words, belongs) in SPLITS.items():
                rows = [record for record in own if "yaw" in record and belongs(record)]
                if rows:
                    goals = [PRESETS[_preset_of(record)] for record in rows]
                    table.rows.append(edit_row(f"{name}: {words}", rows, goals, spread, target))
            found.append(table)
    return found


def _of_part(records: Sequence[Record], part: str) -> list[Record]:
    return [record for record in records if record["key"].startswith(f"{part}/")]


def _preset_of(record: Record) -> str:
    """Return the preset of a record, also of one that holds an error only."""
    return str(record["key"].rpartition("/")[2])


INVERSION_HEADER = (
    *("inverter", "photos", "judge", "LPIPS of the judge", "target", "reached", "other LPIPS", "PSNR, dB"),
    *("identity", "identity target", "identity reached", "seconds", "no face", "errors"),
)


def inversion_table(records: Sequence[Record]) -> TableOf:
    """Return the table of inversions, also by the splits of the photos."""
    table = TableOf("Inversion of photos", INVERSION_HEADER)
    own = _of_part(records, "inversion")
    for method in dict.fromkeys(map(_preset_of, own)):
        rows = [record for record in own if _preset_of(record) == method]
        table.rows.append(_inversion_row(method, method, rows))
        for name, (_, belongs) in SPLITS.items():
            if part := [record for record in rows if "yaw" in record and belongs(record)]:
                table.rows.append(_inversion_row(f"{method}, {name}", method, part))
    return table


def _inversion_row(title: str, method: str, rows: Sequence[Record]) -> list[Any]:
    name = method.partition(",")[0]
    optimised = next((record["optimised"] for record in rows if "optimised" in record), ())
    judge = aims.judging_trunk(optimised)
    other = next((trunk for trunk in aims.TRUNKS if trunk != judge), None)
    target = aims.INVERSION.get(name)
    lpips, identity = (middle(record.get(key) for record in rows) for key in (judge, "identity"))
    return [
        title,
        len(rows),
        judge,
        lpips,
        target,
        None if target is None else _reached(lpips is not None and lpips < target),
        middle(record.get(other) for record in rows),
        _opposite(middle(_opposite(record.get("psnr")) for record in rows)),
        identity,
        aims.INVERSION_IDENTITY,
        _reached(identity is not None and identity <= aims.INVERSION_IDENTITY),
        middle(record.get("inversion_seconds") for record in rows),
        sum(record.get("face") is False for record in rows),
        sum("error" in record for record in rows),
    ]


def _opposite(value: float | None) -> float | None:
    return None if value is None else -value


SWAP_HEADER = (
    *("pairs of", "pairs", "gap closed", "target", "reached", "share that closes it", "none", "random"),
    *("pose, degrees", "pose target", "pose reached", "share within", "LPIPS outside", "no face", "errors"),
)


def swap_table(records: Sequence[Record]) -> TableOf:
    """Return the table of swaps."""
    table = TableOf("Swap", SWAP_HEADER)
    own = _of_part(records, "swap")
    for title, photos in (("samples", False), ("photos", True)):
        rows = [record for record in own if ("seed:" not in record["key"]) is photos]
        if not rows:
            continue
        closed = _opposite(middle(_opposite(record.get("closed")) for record in rows))
        pose = middle(record.get("pose") for record in rows)
        baselines = [
            _opposite(middle(_opposite(record.get(f"closed_{name}")) for record in rows)) for name in BASELINES
        ]
        table.rows.append(
            [
                title,
                len(rows),
                closed,
                aims.CLOSED,
                _reached(closed is not None and closed >= aims.CLOSED),
                share((record.get("closed") or 0.0) >= aims.CLOSED for record in rows),
                *baselines,
                pose,
                aims.POSE,
                _reached(pose is not None and pose <= aims.POSE),
                share(record.get("pose", inf) <= aims.POSE for record in rows),
                _outside(rows),
                sum(record.get("face") is False for record in rows),
                sum("error" in record for record in rows),
            ]
        )
    return table


def direction_table(records: Sequence[Record], spread: Spread) -> TableOf:
    """Return the table of published directions; that of age has no judge, so only its side effects are measured."""
    table = TableOf("Published directions on samples", EDIT_HEADER)
    own = _of_part(records, "directions")
    for name, direction in DIRECTIONS.items():
        rows = [record for record in own if _preset_of(record) == name]
        if not rows:
            continue
        title = f"{direction.record} {direction.strength:+g}"
        goal = direction.goal
        judged = goal and edit_row(title, rows, [goal] * len(rows), spread, aims.SAMPLES_SHARE)
        table.rows.append(judged or _unjudged(title, rows))
    return table


def _unjudged(title: str, rows: Sequence[Record]) -> list[Any]:
    identity = [record.get("identity") for record in rows]
    return [
        *(title, len(rows), "no judge", *[None] * 8),
        middle(identity),
        middle(record.get("none", {}).get("identity") for record in rows),
        share((value if value is not None else inf) < aims.SAME_PERSON for value in identity),
        None,
        sum(record.get("face") is False for record in rows),
        sum("error" in record for record in rows),
    ]


TARGET_HEADER = ("figure", "images", "value", "target", "reached")


def target_table(records: Sequence[Record], spread: Spread) -> TableOf:
    """Return the figures that are to be reached, one a row; all but shares are medians."""
    table = TableOf("Figures to reach", TARGET_HEADER)

    def add(title: str, count: int, value: float | None, target: float, least: bool = False) -> None:
        reached = value is not None and (value >= target if least else value <= target)
        words = f"{'at least' if least else 'at most'} {target:g}"
        table.rows.append([title, count, value, words, _reached(reached)])

    for part, least in (("samples", aims.SAMPLES_SHARE), ("photos", aims.PHOTOS_SHARE)):
        own = [record for record in _of_part(records, part) if "skipped" not in record]
        if own:
            met = share(meets(record, PRESETS[_preset_of(record)], spread) for record in own)
            outside = [record["lpips_outside"] for record in own if "lpips_outside" in record]
            add(f"presets of drag on {part}, share that meets its aim", len(own), met, least, least=True)
            add(f"identity distance on {part}", len(own), middle(r.get("identity") for r in own), aims.IDENTITY)
            add(f"LPIPS outside the mask on {part}", len(outside), middle(outside), aims.OUTSIDE)
    for row in inversion_table(records).rows:
        own_row = dict(zip(INVERSION_HEADER, row, strict=True))
        name, count = own_row["inverter"], own_row["photos"]
        if name in aims.INVERSION:
            add(f"LPIPS of {name}", count, own_row["LPIPS of the judge"], aims.INVERSION[name])
            add(f"identity distance of {name}", count, own_row["identity"], aims.INVERSION_IDENTITY)
        if name == "hybrid":
            add("seconds of hybrid", count, own_row["seconds"], aims.INVERSION_SECONDS)
    for row in swap_table(records).rows:
        title, count, closed, pose = row[0], row[1], row[2], row[8]
        add(f"gap that a swap closes, {title}", count, closed, aims.CLOSED, least=True)
        add(f"change of pose by a swap, degrees, {title}", count, pose, aims.POSE)
    return table


def write_report(records: Sequence[Record], spread: Spread) -> tuple[dict[str, Any], str]:
    """Return the report as plain values and as Markdown."""
    tables = [
        target_table(records, spread),
        *edit_tables(records, spread),
        inversion_table(records),
        swap_table(records),
        direction_table(records, spread),
    ]
    filled = [table for table in tables if table.rows]
    text = "\n\n".join([INTRODUCTION, *(table.markdown() for table in filled)]) + "\n"
    return {table.title: table.as_json() for table in filled}, text
