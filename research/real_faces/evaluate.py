"""``python -m research.real_faces.evaluate``: edits of samples and photos, judged by networks that no edit follows."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

import i2i
from i2i.toolkit.files import write_json
from i2i.toolkit.terminal import run_script

from .aims import NAMED, PRESETS
from .parts import PRIOR, EvaluationTask, Plan, Tasks, collect
from .photos import EVALUATION, load_group
from .records import Records, format_seconds

PARTS = ("samples", "inversion", "photos", "swap", "directions")
NEEDS_DATA = ("inversion", "photos")
RESULTS, REPORT, REPORT_JSON = "results.jsonl", "report.md", "report.json"


def _words(allowed: Sequence[str]) -> Callable[[Any, Any, str], tuple[str, ...]]:
    def read(_: click.Context, __: click.Parameter, value: str) -> tuple[str, ...]:
        words = tuple(allowed) if value == "all" else tuple(word.strip() for word in value.split(","))
        for word in words:
            if word not in allowed:
                raise click.BadParameter(f"{word!r}: choose {', '.join(allowed)}, or all.")
        return words

    return read


def _settings(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for value in values:
        name, text = value.partition("=")[::2]
        editor, option = name.partition(".")[::2]
        if not (editor and option and text):
            raise click.BadParameter(f"{value!r}: write EDITOR.OPTION=VALUE, such as drag.steps=150.")
        found.setdefault(editor, {})[option] = text
    return found


@click.command()
@click.option("--parts", default="all", callback=_words(PARTS), help=f"What is evaluated: {', '.join(PARTS)}, or all.")
@click.option(
    "--presets",
    default=",".join(NAMED),
    show_default=True,
    callback=_words(tuple(PRESETS)),
    help="Presets of drag, or all.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder with the photos, 'faces' and 'faces68'.  [needed for inversion and photos]",
)
@click.option(
    "--limit", type=click.IntRange(1), help="Number of samples, photos and pairs of each part.  [default: all]"
)
@click.option(
    "--out",
    default=Path("evaluation"),
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help=f"Folder of {RESULTS}, {REPORT}, {REPORT_JSON} and images.",
)
@click.option("--generator", default="mobile-ffhq", show_default=True, help="Generator of photographs.")
@click.option("--invert", default="", help="Inverter of the photos that are edited.  [default: that of i2i]")
@click.option(
    "--method",
    "methods",
    multiple=True,
    default=("hybrid", "hybrid-pti", "pti,vgg=false"),
    show_default=True,
    help="Inverter that is measured, NAME[,KEY=VALUE]; may be repeated.",
)
@click.option("--option", "options", multiple=True, callback=_settings, help="EDITOR.OPTION=VALUE, for experiments.")
@click.option(
    "--vgg16", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Weights of VGG16, one of the judges."
)
@click.option(
    "--directions",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder with smile.pt, age.pt and pose.pt.  [default: the records]",
)
@click.option("--threads", type=click.IntRange(1), help="Threads of PyTorch.  [default: its own]")
@click.option("--report-only", is_flag=True, help="Write the report of the results that are there.")
def main(
    parts: tuple[str, ...],
    presets: tuple[str, ...],
    data: Path | None,
    limit: int | None,
    out: Path,
    generator: str,
    invert: str,
    methods: tuple[str, ...],
    options: dict[str, dict[str, str]],
    vgg16: Path | None,
    directions: Path | None,
    threads: int | None,
    report_only: bool,
) -> None:
    """Measure what the editors make of real-looking faces: 40 samples at psi 0.7 and 24 real faces.

    Results are added to results.jsonl as they come. Type the same command again to continue an interrupted run; results
    of other settings or of changed plugin code are measured anew. At the end, and with --report-only, the tables are
    written to report.md and report.json.
    """
    import torch

    from .judges import Judges
    from .protocol import Bench
    from .spread import load_spread
    from .tables import write_report

    if data is None and (missing := [part for part in parts if part in NEEDS_DATA]):
        raise i2i.UsageError(f"{' and '.join(missing)}: name the folder of the photos with --data, or leave them out.")
    if threads is not None:
        torch.set_num_threads(threads)
    judges = Judges(vgg16)
    bench = Bench(judges, generator, out, invert, options)
    plan = Plan(parts, presets, load_group(EVALUATION), data, limit, methods, directions)
    records, spread = Records(out / RESULTS), load_spread()
    tasks = Tasks(bench, plan, records, spread)
    if not report_only:
        judges.open_all(parts)
        run_tasks(list(tasks.starts()), records, lambda text: click.echo(text, err=True))
        run_tasks(list(tasks.edits()), records, lambda text: click.echo(text, err=True))
    found = collect(tasks)
    report, text = write_report(found, spread)
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / REPORT_JSON, report)
    (out / REPORT).write_text(text, encoding="utf-8")
    click.echo(text)


def run_tasks(tasks: Sequence[EvaluationTask], records: Records, say: Callable[[str], None]) -> None:
    """Run the tasks that have no result yet; say before and after each how long the rest takes."""
    open_tasks = [task for task in tasks if records.get(task.key, task.settings) is None]
    if not open_tasks:
        return
    done = len(tasks) - len(open_tasks)
    already = f"{done} are done already; " if done else ""
    say(f"{len(tasks)} edits and measurements; {already}about {format_seconds(remaining(open_tasks, records))}.")
    for number, task in enumerate(open_tasks):
        began = time.perf_counter()
        try:
            record = dict(task.run())
        except i2i.I2IError as error:
            record = {"error": str(error)}
        seconds = time.perf_counter() - began
        records.add(task.key, task.settings, {"kind": task.kind, "seconds": round(seconds, 2), **record})
        rest = format_seconds(remaining(open_tasks[number + 1 :], records))
        outcome = f": {record['error']}" if "error" in record else ""
        say(f"[{done + number + 1}/{len(tasks)}] {task.key}, {seconds:.0f} s; {rest} left{outcome}")


def remaining(tasks: Sequence[EvaluationTask], records: Records) -> float:
    """Estimate the seconds of tasks by the median of the recorded ones of their kind, or by ``PRIOR``."""
    pace = {kind: records.seconds(kind) or PRIOR[kind] for kind in {task.kind for task in tasks}}
    return sum(pace[task.kind] for task in tasks)


def run(arguments: Sequence[str] | None = None) -> None:
    """Run the command; errors for the user end in one line and an exit code."""
    run_script(main, arguments)


if __name__ == "__main__":
    run()
