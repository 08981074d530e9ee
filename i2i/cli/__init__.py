"""The command line: each command parses, calls one library function, and prints."""

from __future__ import annotations

import copy
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import nullcontext
from importlib import import_module
from typing import Any

import click

from .. import __version__
from ..api.errors import I2IError, disk_trouble
from ..discovery import debugging
from ..registry import Registry, load_registry
from ..toolkit.memory import is_out_of_memory
from .interrupts import INTERRUPTED, exit_on_next_signal, report_interrupt, sigterm_as_interrupt

HELP = """Train networks that turn one image into another, and edit images through pretrained generators.

\b
A first session:
  i2i train pix2pix --dataset facades --steps 300 --size 128
  i2i predict runs/pix2pix-facades-001 labels.png --out images
  i2i evaluate runs/pix2pix-facades-001
"""

COMMANDS = (
    *("train", "predict", "evaluate", "edit", "convert", "export"),
    *("datasets", "models", "plugins", "runs", "doctor", "ui"),
)
"""The core's commands, each ``command`` of the module of its name."""


class Root(click.Group):
    """The top group: ends every failure a user can cause in one line, and gives every command ``--debug``."""

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        _add_debug(cmd)
        super().add_command(cmd, name)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except I2IError as error:
            _fail(str(error), error.exit_code, ctx)
        except BrokenPipeError:  # `i2i ... | head`: the reader has had enough, which is no failure
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)
        except OSError as error:
            _fail(str(disk_trouble(error, "reading or writing")), 1, ctx)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            owner = getattr(error, "i2i_owner", "")
            where = f" in {owner}" if owner else ""
            _fail(f"The memory does not suffice{where}: give less at once, or close other programs.", 1, ctx)
        except KeyboardInterrupt as error:  # click would print "Aborted!" and end with code 1
            if ctx.meta.get("i2i.debug") or debugging():
                traceback.print_exc()
            ctx.exit(report_interrupt(error))


def _fail(message: str, code: int, ctx: click.Context) -> None:
    if ctx.meta.get("i2i.debug") or debugging():
        raise
    click.echo(f"i2i: {message}", err=True)
    ctx.exit(code)


def _add_debug(command: click.Command) -> None:
    if isinstance(command, click.Group):
        for child in command.commands.values():
            _add_debug(child)
    elif not any(parameter.name == "debug" for parameter in command.params):
        command.params.append(_debug_option())


def _debug_option() -> click.Option:
    def remember(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        if value:
            ctx.meta["i2i.debug"] = True

    return click.Option(
        ["--debug"],
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=remember,
        help="Show the traceback of a failure, also of a plugin that cannot be imported; as I2I_DEBUG=1.",
    )


def build(registry: Registry) -> click.Group:
    """Build the command line of a registry: the engine's commands and those of the plugins."""
    root = Root(
        name="i2i",
        help=HELP,
        params=[_debug_option()],
        context_settings={"obj": registry, "help_option_names": ["-h", "--help"]},
    )
    root.params.append(_version_option())
    for name in COMMANDS:
        root.add_command(_own(import_module(f".{name}", __name__).command))
    registry.add_commands(root)
    return root


def _own(command: click.Command) -> click.Command:
    """A copy of a command, with the commands below it: what a plugin adds there stays in this command line."""
    copied = copy.copy(command)
    copied.params = list(command.params)
    if isinstance(copied, click.Group):
        copied.commands = {name: _own(child) for name, child in copied.commands.items()}
    return copied


def _version_option() -> click.Option:
    def show(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        if value:
            click.echo(f"i2i {__version__}")
            ctx.exit()

    return click.Option(
        ["--version"], is_flag=True, expose_value=False, is_eager=True, callback=show, help="Show the version."
    )


def main(args: Sequence[str] | None = None) -> None:
    """Entry point of ``i2i`` and ``python -m i2i``."""
    # Threads of OpenMP wait for each other by spinning. Where another program has a core, that makes small steps take
    # ten times as long; after so many turns they sleep now. It is read when torch is loaded, which is later.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    if "--debug" in (sys.argv[1:] if args is None else args):  # plugins are imported before any option is parsed
        os.environ["I2I_DEBUG"] = "1"
    alone = os.environ.get("WORLD_SIZE", "1") == "1"
    try:
        # Several processes may wait for each other outside of Python, where an exception cannot reach them.
        with sigterm_as_interrupt() if alone else nullcontext():
            build(load_registry()).main(args=args, prog_name="i2i")
    except KeyboardInterrupt as error:  # while plugins are imported, before any command has begun
        exit_on_next_signal()
        sys.exit(report_interrupt(error))
    except SystemExit as end:
        if end.code in INTERRUPTED:
            exit_on_next_signal()
        if not alone:
            # gloo's threads outlive their process group and now and then abort a process that has done its work.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(end.code if isinstance(end.code, int) else 0)
        raise
