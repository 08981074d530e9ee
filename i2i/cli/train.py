"""``i2i train``: options of the run and of the trainer, from the command line and a file, into one call."""

from __future__ import annotations

from typing import Any

import click

from ..errors import UsageError


class TrainCommand(click.Command):
    """A command whose options depend on its first argument, the trainer."""

    def make_context(self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any) -> click.Context:
        name = next((arg for arg in args if not arg.startswith("-")), None)
        registry = parent.obj if parent else None
        if registry is None or name is None or not args or args[0] != name:
            return super().make_context(info_name, args, parent, **extra)
        from ..options import click_options
        from ..settings import TrainOptions

        own = registry.get("trainer", name).Options
        common = click_options(TrainOptions)
        special = click_options(own, skip=frozenset(TrainOptions.model_fields))
        full = _Full(name, [*self.params[:-1], *common], special, self.params[-1:], self.callback)
        return full.make_context(f"{info_name} {name}", args, parent, **extra)


class _Full(click.Command):
    """``i2i train NAME`` with everything that can be said about NAME; its help shows the trainer's options apart."""

    def __init__(self, trainer: str, common: list[Any], special: list[Any], last: list[Any], callback: Any) -> None:
        super().__init__("train", params=[*common, *special, *last], callback=callback, help=f"Train {trainer} on a set.")
        self.groups = {"Options": [*common, *last], f"Options of {trainer}": special}

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, parameters in self.groups.items():
            rows = [row for parameter in parameters if (row := parameter.get_help_record(ctx)) is not None]
            if title == "Options" and (own := self.get_help_option(ctx)) and (row := own.get_help_record(ctx)):
                rows.append(row)
            with formatter.section(title):
                formatter.write_dl(rows)


@click.command("train", cls=TrainCommand, short_help="Train a network on a set of pictures.")
@click.argument("name")
@click.option("--resume", metavar="RUN", help="Go on with this run and its own options.")
@click.option("--out", metavar="DIR", help="The run's folder; it must be empty.  [default: runs/NAME-DATASET-NNN]")
@click.option("--config", metavar="FILE", help="Read options from a YAML or JSON file; the command line wins.")
@click.option("--dry-run", is_flag=True, help="Print the resolved options as JSON and stop.")
@click.pass_context
def command(
    ctx: click.Context, /, name: str, resume: str | None, out: str | None, config: str | None, dry_run: bool, **given: Any) -> None:
    """Train a network: 'i2i train NAME --help' shows the options of a trainer, 'i2i plugins list' the trainers."""
    from ..options import read_config
    from ..trainer import resolve, train

    registry = ctx.obj
    typed = {key: value for key, value in given.items() if value is not None and value != ()}
    options = {**(read_config(config) if config else {}), **typed}
    if len(typed.keys() & {"steps", "epochs"}) == 1:  # one of them typed replaces the other from the file
        options.pop("epochs" if "steps" in typed else "steps", None)
    if resume and (out or config):
        raise UsageError("--resume goes on in the run's own folder with its own options: leave out --out and --config.")
    if dry_run:
        from .output import echo_json

        echo_json(resolve(registry, registry.get("trainer", name), options))
        return
    run = train(name, out=out, resume=resume, registry=registry, **options)
    summary = run.summary()
    click.echo(f"{run.folder}: {summary['steps']} steps, {summary['images_per_second']:.1f} images/s")
    click.echo(f"pictures: {run.folder / 'samples'}  curves: {run.folder / 'curves.png'}")
    click.echo(f"next: i2i predict {run.folder} PICTURE --out DIR, or i2i evaluate {run.folder}")
