"""``i2i ui``: the web page."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..api.errors import I2IError, UsageError
from .interrupts import INTERRUPTED, Terminated

if TYPE_CHECKING:
    from ..registry import Registry
    from ..ui.security import Credentials

PASSWORD = "I2I_UI_PASSWORD"
"""Environment variable with the password of the page."""
_SHORTEST = 8
"""Characters of a password."""


@click.command("ui")
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(1, 65535), metavar="N", help="Port.  [default: the first free from 8800 on]"
)
@click.option("--no-browser", is_flag=True, help="Do not open a browser.")
@click.option(
    "--auth", metavar="USER", help=f"Ask for this user name and the password in {PASSWORD}, or typed at start."
)
@click.option("--certfile", type=click.Path(path_type=Path), help="Certificate for HTTPS, PEM; with --keyfile.")
@click.option("--keyfile", type=click.Path(path_type=Path), help="Private key of the certificate, PEM.")
@click.option("--no-local-files", is_flag=True, help="Refuse weights and other files of this machine named by path.")
@click.pass_context
def command(
    ctx: click.Context,
    host: str,
    port: int | None,
    no_browser: bool,
    auth: str | None,
    certfile: Path | None,
    keyfile: Path | None,
    no_local_files: bool,
) -> None:
    """Open the web page of i2i in a browser; Ctrl-C stops it.

    \b
    i2i ui
    i2i ui --host 0.0.0.0 --auth ada --certfile cert.pem --keyfile key.pem

    Only this machine can reach the page. With another --host, users have to sign in.
    """
    from importlib.util import find_spec

    if find_spec("nicegui") is None:
        raise I2IError('The web page needs NiceGUI, which is not installed: pip install "i2i[ui]"')
    from ..ui.server import ServerSettings, check_certificate, is_loopback, open_browser, serve

    if (certfile is None) != (keyfile is None):
        raise UsageError("--certfile and --keyfile belong together; give both or none.")
    if certfile and keyfile:
        check_certificate(certfile, keyfile)
    local = is_loopback(host)
    if not local and auth is None:
        raise UsageError(f"--host {host} lets other machines reach the page; add --auth USER, so that users sign in.")
    credentials = None if auth is None else _credentials(auth)
    if not local and certfile is None:
        click.echo("warning: without --certfile and --keyfile, the password is sent unencrypted.", err=True)

    def started(address: str) -> None:
        click.echo(f"The page is at {address}\nPress Ctrl-C to stop.")
        if not no_browser and not open_browser(address):
            click.echo("No browser could be opened; open this address in one.")

    registry: Registry = ctx.obj
    settings = ServerSettings(host, port, credentials, certfile, keyfile, not no_local_files)
    try:
        serve(registry, settings, started)
    except KeyboardInterrupt as error:
        click.echo("\nStopped." if sys.stderr.isatty() else "Stopped.", err=True)  # the terminal has just shown ^C
        ctx.exit(INTERRUPTED[1] if isinstance(error, Terminated) else INTERRUPTED[0])


def _credentials(user: str) -> Credentials:
    """Return the user name with the password from the environment or a prompt."""
    from ..ui.security import Credentials

    if not user:
        raise UsageError("--auth needs a user name.")
    password = os.environ.pop(PASSWORD, None)  # removed, so that no process started later inherits it
    if password is None:
        if not _at_terminal():
            raise UsageError(f"--auth needs a password; put it into the environment variable {PASSWORD}.")
        password = click.prompt("Password of the page", hide_input=True)
    if len(password) < _SHORTEST:
        raise UsageError(f"The password of the page is too short; take {_SHORTEST} characters or more.")
    return Credentials(user, password)


def _at_terminal() -> bool:
    return sys.stdin.isatty()
