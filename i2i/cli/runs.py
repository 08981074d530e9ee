"""``i2i runs``: what was trained, and how it ended."""

from __future__ import annotations

from typing import Any

import click

from ..toolkit.command_options import json_option
from ..toolkit.terminal import echo_json, echo_table


@click.group("runs", short_help="List and show trained runs.")
def command() -> None:
    """List and show trained runs."""


@command.command("list")
@click.argument("root", default="runs")
@json_option
def list_command(root: str, as_json: bool) -> None:
    """The runs in ROOT (default: runs)."""
    from ..training.runs import list_runs

    found = [_row(run) for run in list_runs(root)]
    if as_json:
        echo_json({"runs": found})
    elif found:
        for row in found:  # --json keeps the word of version 0.1
            row["dataset"] = row["dataset"] and row["dataset"].replace("(drawn)", "(synthetic)")
        echo_table(list(found[0]), [["-" if cell is None else cell for cell in row.values()] for row in found])
    else:
        click.echo(f"No runs in {root}; make one with: i2i train pix2pix --dataset facades")


def _row(run: Any) -> dict[str, Any]:
    summary = run.summary()
    dataset = run.options["run"]["dataset"]
    l1 = summary.get("validation", {}).get("l1")
    return {
        "run": str(run.folder),
        "trainer": run.options["trainer"],
        "dataset": dataset and f"{dataset} ({run.options['run'].get('source')})",
        "status": summary["status"],
        "steps": f"{summary['steps']}/{run.options['run'].get('steps')}",
        "val l1": None if l1 is None else round(l1, 4),
    }


@command.command("show")
@click.argument("run")
@json_option
def show_command(run: str, as_json: bool) -> None:
    """The options, checkpoints and summary of RUN."""
    from ..training.runs import open_run

    opened = open_run(run)
    if as_json:
        facts = {"options": opened.options, "summary": opened.summary(), "checkpoints": opened.steps()}
        echo_json({"run": str(opened.folder), **facts, "last": opened.last_step(), "best": opened.pointer("best")})
        return
    for part in ("run", "options"):
        echo_table((part, ""), list(opened.options[part].items()))
        click.echo()
    echo_table(("summary", ""), list(opened.summary().items()))
    click.echo(f"\ncheckpoints: {', '.join(map(str, opened.steps())) or 'none'}")
