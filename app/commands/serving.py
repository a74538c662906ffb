"""``candor serve`` and ``candor keys``: the dashboard, the API, and who may call it."""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from app.text import LOOPBACK, PUBLIC_REFUSED
from credit_core.errors import InputError, RefusedError
from credit_core.settings import PROJECT_ROOT, get_settings

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
keys_app = typer.Typer(no_args_is_help=True, help="API keys: make, list, revoke.")


def serve(
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8501,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "localhost",
    api_only: Annotated[
        bool, typer.Option("--api-only", help="The API without the dashboard.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes, with --api-only.")] = 1,
) -> None:
    """Open the dashboard, with the API under /api; or the API alone."""
    environment = dict(os.environ)
    if workers > 1 and not api_only:
        raise InputError("Several workers serve the API alone: add --api-only.")
    _refuse_taken(host, port)
    if not api_only:
        settings = get_settings()
        signed = _people_sign_in(settings.secrets)
        if not (signed or settings.trusted_network or host in LOOPBACK):
            raise RefusedError(PUBLIC_REFUSED.format(address=host))
        page = str(Path(__file__).parent.parent / "server.py")
        command = ["streamlit", "run", page, "--server.port", str(port), "--server.address", host]
        if signed:
            command += ["--secrets.files", str(settings.secrets)]
        raise typer.Exit(_run(command, environment))
    command = ["uvicorn", "app.server:api", "--port", str(port), "--host", host, "--no-access-log"]
    command += ["--workers", str(workers), "--no-server-header", "--log-level", "warning"]
    with tempfile.TemporaryDirectory(prefix="candor-metrics-") as folder:
        if workers > 1:  # each process counts for itself; the metrics page adds them up
            environment["PROMETHEUS_MULTIPROC_DIR"] = folder
        code = _run(command, environment)
    raise typer.Exit(code)


def _refuse_taken(host: str, port: int) -> None:
    """Raise an InputError where something else listens at an address."""
    with suppress(socket.gaierror):
        for family, kind, *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            try:
                with socket.socket(family, kind) as tried:
                    tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    tried.bind(address)
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    raise InputError(
                        f"Something listens on {host}, port {port}, already. Choose another with "
                        "--port, or stop it."
                    ) from error


def _people_sign_in(secrets: Path) -> bool:
    """Return True where the secrets say how people sign in."""
    try:
        return "auth" in tomllib.loads(secrets.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{secrets} is no TOML file: {error}. Mend it, or put it away.") from error


def _run(command: list[str], environment: dict[str, str]) -> int:
    """Run a server until it ends; who asks this process to stop asks the server."""
    server = subprocess.Popen(  # noqa: S603 - our own words, no shell
        [sys.executable, "-m", *command], cwd=PROJECT_ROOT, env=environment
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda got, _frame: server.send_signal(got))
    code = server.wait()
    return max(code, 0)  # below zero: it was stopped by a signal, as asked


@keys_app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="The client that will use the key.")],
    as_json: Json = False,
) -> None:
    """Make a key and print it; only its hash is kept, so it cannot be shown again."""
    from app import keys

    key = keys.create(get_settings(), name)
    typer.echo(json.dumps({"name": name, "key": key}, indent=2) if as_json else key)


@keys_app.command("list")
def list_all(as_json: Json = False) -> None:
    """List the keys by name; never the keys themselves."""
    from app import keys

    found = keys.list_keys(get_settings())
    if as_json:
        shown = [{k: v for k, v in vars(key).items() if k != "sha256"} for key in found]
        typer.echo(json.dumps({"keys": shown}, indent=2))
        return
    for key in found:
        typer.echo(f"{key.id}  {key.created}  {key.name}{'  revoked' if key.revoked else ''}")


@keys_app.command("revoke")
def revoke(
    name: Annotated[str, typer.Argument(help="The client whose key it is.")], as_json: Json = False
) -> None:
    """Make a key worthless from now on."""
    from app import keys

    keys.revoke(get_settings(), name)
    typer.echo(json.dumps({"revoked": name}) if as_json else f"The key of {name} is revoked.")


def register(app: typer.Typer) -> None:
    """Add this module's verbs."""
    app.command()(serve)
    app.add_typer(keys_app, name="keys")
