"""``i2i train``: options of the run and of the trainer, from the command line and a file, into one call."""

from __future__ import annotations

import copy
import os
import shlex
from typing import TYPE_CHECKING, Any

import click

from ..api.errors import UsageError
from ..discovery import is_file_name
from ..guards import guarding, plugin_owner
from ..toolkit.command_options import callback_options_option, dataset_options_option
from .editors import value_of

if TYPE_CHECKING:
    from ..registry import Registry


class TrainCommand(click.Command):
    """A command whose options depend on its first argument, the trainer; its help then shows the trainer's apart."""

    own: list[click.Option] = []

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        if self.own or parent is None or not args:
            return super().make_context(info_name, args, parent, **extra)
        trainers = parent.obj.entries("trainer")
        named = (word for word in args if word in trainers or is_file_name(word))
        name = args[0] if not args[0].startswith("-") else next(named, None)
        if name is None and not {"-h", "--help"} & set(args):
            raise UsageError(f"Say what to train: 'i2i train NAME ...'. There are: {', '.join(trainers)}.")
        if name is not None and is_file_name(name):
            trainer, parent.obj = parent.obj.resolve("trainer", name)
            args = [trainer if word == name else word for word in args]
            name = trainer
        elif name is not None and name not in trainers and (resumed := value_of("--resume", args)):
            from ..training.runs import open_run

            parent.obj = open_run(resumed).restore(parent.obj)
        whole = self if name is None else self._of(name, parent.obj)
        return super(TrainCommand, whole).make_context(info_name, args, parent, **extra)

    def _of(self, trainer: str, registry: Registry) -> TrainCommand:
        """This command with the options of a run and of one trainer."""
        from ..api.options import DATA_OPTIONS, click_options
        from ..training.settings import TrainOptions, suited_options

        full = copy.copy(self)
        data = registry.entry("trainer", trainer).get("wants") != "seeds"
        suited = click_options(suited_options(registry, trainer), skip=frozenset() if data else DATA_OPTIONS)
        with guarding(plugin_owner(registry, "trainer", trainer), "Options"):
            options = registry.entry("trainer", trainer).options
            full.own = click_options(options, skip=frozenset(TrainOptions.model_fields))
        own = [each for each in self.params if data or each.name != "dataset_options"]
        full.params = [*own, *suited, *full.own]
        full.help = f"Train {trainer} on a dataset." if data else f"Train {trainer}, which makes its samples itself."
        return full

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        own = [row for option in self.own if (row := option.get_help_record(ctx))]
        common = [
            row
            for option in self.get_params(ctx)
            if isinstance(option, click.Option) and option not in self.own and (row := option.get_help_record(ctx))
        ]
        for title, rows in (("Options of the run", common), ("Options of the trainer", own)):
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


@click.command("train", cls=TrainCommand, short_help="Train a network on a dataset.")
@click.argument("name", metavar="NAME|FILE.py")
@click.option("--resume", metavar="RUN", help="Resume this run with its own options.")
@click.option("--out", metavar="DIR", help="The run's folder; it must be empty.  [default: runs/NAME-DATASET-NNN]")
@click.option("--config", metavar="FILE", help="Read options from a YAML or JSON file; the command line wins.")
@dataset_options_option
@callback_options_option
@click.option("--dry-run", is_flag=True, help="Print the resolved options as JSON and stop.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    name: str,
    resume: str | None,
    out: str | None,
    config: str | None,
    dry_run: bool,
    callback_options: dict[str, dict[str, Any]],
    dataset_options: dict[str, Any] | None = None,
    **given: Any,
) -> None:
    """Train a network: 'i2i train NAME --help' shows the options of a trainer, 'i2i plugins list' the trainers."""
    from ..api.options import read_config
    from ..training.plan import resolve_options
    from ..training.session import train

    registry = ctx.obj
    typed = {key: value for key, value in given.items() if value is not None and value != ()}
    options = {**(read_config(config) if config else {}), **typed}
    if len(typed.keys() & {"steps", "epochs"}) == 1:  # one of them typed replaces the other from the file
        options.pop("epochs" if "steps" in typed else "steps", None)
    dataset_options = {**(options.pop("dataset_options", None) or {}), **(dataset_options or {})}
    if resume and (out or config):
        raise UsageError(
            "--resume continues in the run's own folder with its own options: leave out --out and --config."
        )
    if resume and dry_run:
        raise UsageError(f"--dry-run shows the options of a new run; for those of this one: i2i runs show {resume}")
    if dry_run:
        from ..toolkit.terminal import echo_json

        echo_json(resolve_options(registry, name, options, dataset_options, callback_options))
        return
    given_options: dict[str, Any] = {"dataset_options": dataset_options, "callback_options": callback_options}
    run = train(name, out=out, resume=resume, registry=registry, **given_options, **options)
    if os.environ.get("RANK", "0") != "0":
        return
    summary, folder = run.summary(), shlex.quote(str(run.folder))
    click.echo(f"{run.folder}: {summary['steps']} steps, {summary['images_per_second']:.1f} images/s")
    click.echo(f"samples: {run.folder / 'samples'}  curves: {run.folder / 'curves.png'}")
    trainer = registry.get("trainer", name)
    if trainer.next_command:
        recorded = run.trainer_options(trainer).model_dump(mode="json")
        values = {key: shlex.quote(str(value)) for key, value in recorded.items()} | {"run": folder}
        click.echo(f"next: {trainer.next_command.format(**values)}")
    elif trainer.learns_from() == "images":
        click.echo(f"next: i2i sample --generator {folder} --out grid.png")
    elif trainer.learns_from() != "seeds":
        click.echo(f"next: i2i predict {folder} IMAGE --out DIR, or i2i evaluate {folder}")
