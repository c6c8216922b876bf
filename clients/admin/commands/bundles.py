"""`monazite bundle`: a lot's provenance as a file that anyone can check without us."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from monazite.registry.v1.registry_pb2 import BUNDLE_EXTENT_FROM_CUTS, BUNDLE_EXTENT_UNSPECIFIED, GetLotRequest
from monazite.registry.v1.registry_pb2_grpc import LotServiceStub
from monazite_provenance.errors import ProvenanceError
from monazite_provenance.report import LotReport

from clients.admin.arguments import names, outpoint_text
from clients.admin.bundles import chunks, fetch, refresh, resolve, said_by_status, verify
from clients.admin.lot_report import conclude
from clients.admin.session import InputError, JsonOption, Session, run
from clients.admin.writing import check_free, replace

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
    check_free(file, force=force)

    async def work(session: Session) -> None:
        head = await resolve(session, lot)
        extent = BUNDLE_EXTENT_FROM_CUTS if from_cuts else BUNDLE_EXTENT_UNSPECIFIED
        with await fetch(session, head, with_status=not history, extent=extent) as fetched:
            count = replace(file, chunks(fetched))
        if session.output.as_json:
            session.output.value({"file": str(file), "bytes": count, "head": outpoint_text(head)})
        else:
            session.output.raw(f"{file}: {count} bytes, bundle of {outpoint_text(head)}")
        _note_spent(session, file)

    run(context, work, as_json=as_json)


@app.command("refresh")
def refresh_file(context: typer.Context, *, file: FileArgument, as_json: JsonOption = False) -> None:
    """Asks how the lot of a saved bundle stands now, puts the answer into the file, and verifies it.

    The file stays as it is where it would not verify any more: the lot has gone on, say.
    """

    async def work(session: Session) -> None:
        trust = session.configuration.trust_file()
        content = await refresh(session, file.read_bytes(), file=str(file))
        report = verify([content], trust, file=str(file))
        if report.failure is None:
            replace(file, [content])
        await _note_changes(session, report, file)
        conclude(session.output, report)

    run(context, work, as_json=as_json)


def _note_spent(session: Session, file: Path) -> None:
    """With the status of a head that was spent the bundle is refuted: who wants the history has to leave it out."""
    try:
        with file.open("rb") as saved:
            status = said_by_status(chunks(saved))
    except ProvenanceError as error:
        raise InputError.of(error, file=str(file)) from error
    if status is not None and status.spender is not None:
        session.output.note(
            f"This head was spent, and its status says so: {file} is REFUTED (HEAD_SPENT). For its history alone save "
            "it again with --history, or save the bundle of the lot's present head."
        )


async def _note_changes(session: Session, report: LotReport, file: Path) -> None:
    """What a status alone does not say: for what the lot is on hold, and what to do about a bundle that lacks it, or
    that has receipts under heads which were not witnessed when it was saved.
    """
    codes = report.gap_codes()
    if report.target is None or codes.isdisjoint(("INCOMPLETE", "NOT_WITNESSED")):
        return
    lot = report.target.lot_id
    if {"INCOMPLETE", "ON_HOLD"} <= codes:
        stub = LotServiceStub(session.channel("registry"))
        held = await session.ask(stub.GetLot, GetLotRequest(lot_id=lot))
        if held.holds:
            session.output.note(f"{lot} is on hold for: {names(held.holds)}.")
        else:
            session.output.note(f"{lot} is on hold no more.")
    again = f"save it again (monazite bundle save {lot} {file} --force)."
    if "INCOMPLETE" in codes:
        session.output.note(f"The registry knows of more than {file} has: {again}")
    else:
        session.output.note(f"New receipts, under heads that witnesses have come to since, are not asked for: {again}")


@app.command("verify")
def verify_file(context: typer.Context, *, file: FileArgument, as_json: JsonOption = False) -> None:
    """Verifies a saved bundle against the trust file: no network, no service."""

    async def work(session: Session) -> None:
        trust = session.configuration.trust_file()
        with file.open("rb") as kept:
            report = verify(chunks(kept), trust, file=str(file))
        conclude(session.output, report)

    run(context, work, as_json=as_json)
