"""`monazite bundle`: a lot's provenance as a file that anyone can check without us."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from monazite.registry.v1.registry_pb2 import BUNDLE_EXTENT_FROM_CUTS, BUNDLE_EXTENT_UNSPECIFIED

from clients.admin.arguments import outpoint_text
from clients.admin.bundles import fetch, refresh, resolve, verify
from clients.admin.configuration import ConfigurationError
from clients.admin.lot_report import conclude
from clients.admin.session import JsonOption, Session, run

FileArgument = Annotated[Path, typer.Argument(help="A saved bundle.", exists=True, dir_okay=False, readable=True)]

app = typer.Typer(no_args_is_help=True, help="Provenance bundles.")


@app.command("save")
def save(
    context: typer.Context,
    *,
    lot: Annotated[str, typer.Argument(help="Lot id, or an outpoint as HEX:INDEX.")],
    file: Annotated[Path, typer.Argument(help="Where to; not overwritten unless --force.")],
    force: Annotated[bool, typer.Option("--force", help="Overwrite FILE.")] = False,
    history: Annotated[
        bool,
        typer.Option("--history", help="Without the registry's word on how the lot stands now."),
    ] = False,
    from_cuts: Annotated[
        bool,
        typer.Option("--from-cuts", help="From the last cuts on, as a buyer gets it; officers get all of it else."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Fetches the bundle of a lot into a file, with the registry's signed word on how the lot stands now."""
    if file.exists() and not force:
        raise typer.BadParameter(f"{file} is there already; give --force to overwrite it", param_hint="FILE")

    async def work(session: Session) -> None:
        if not file.parent.is_dir():
            raise ConfigurationError(f"cannot write {file}: there is no directory {file.parent}")
        head = await resolve(session, lot)
        extent = BUNDLE_EXTENT_FROM_CUTS if from_cuts else BUNDLE_EXTENT_UNSPECIFIED
        content = await fetch(session, head, with_status=not history, extent=extent)
        _write(file, content)
        if session.output.as_json:
            session.output.value({"file": str(file), "bytes": len(content), "head": outpoint_text(head)})
        else:
            session.output.raw(f"{file}: {len(content)} bytes, bundle of {outpoint_text(head)}")

    run(context, work, as_json=as_json)


@app.command("refresh")
def refresh_file(context: typer.Context, *, file: FileArgument, as_json: JsonOption = False) -> None:
    """Asks how the lot of a saved bundle stands now, puts the answer into the file, and verifies it.

    The file stays as it is where it would not verify any more: the lot has gone on, say.
    """

    async def work(session: Session) -> None:
        trust = session.configuration.trust_file()
        content = await refresh(session, file.read_bytes(), file=str(file))
        report = verify(content, trust, file=str(file))
        if report.failure is None:
            _write(file, content)
        conclude(session.output, report)

    run(context, work, as_json=as_json)


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise ConfigurationError(f"cannot write {file}: {error.strerror}") from error


@app.command("verify")
def verify_file(context: typer.Context, *, file: FileArgument, as_json: JsonOption = False) -> None:
    """Verifies a saved bundle against the trust file: no network, no service."""

    async def work(session: Session) -> None:
        report = verify(file.read_bytes(), session.configuration.trust_file(), file=str(file))
        conclude(session.output, report)

    run(context, work, as_json=as_json)
