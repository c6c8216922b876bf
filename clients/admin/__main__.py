"""Entry point of `monazite` and its root options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from monazite_provenance.streams import guard

from clients.admin.commands import (
    allocations,
    bundles,
    cases,
    enterprises,
    entries,
    exports,
    holds,
    indicators,
    ledger,
    licences,
    logs,
    lots,
    rights,
)
from clients.admin.configuration import load
from clients.admin.leaving import Commands

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The officers' hands.",
)


@app.callback()
def root(
    context: typer.Context,
    *,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            envvar="MONAZITE_ADMIN_CONFIG",
            help="TOML file: \\[addresses], certificate, key, authority, trust.",
        ),
    ] = None,
    registry: Annotated[
        str | None, typer.Option("--registry", envvar="MONAZITE_ADMIN_REGISTRY", help="host:port")
    ] = None,
    quota: Annotated[str | None, typer.Option("--quota", envvar="MONAZITE_ADMIN_QUOTA", help="host:port")] = None,
    export_license: Annotated[
        str | None, typer.Option("--export-license", envvar="MONAZITE_ADMIN_EXPORT_LICENSE", help="host:port")
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option("--certificate", envvar="MONAZITE_ADMIN_CERTIFICATE", help="Your PEM certificate.")
    ] = None,
    key: Annotated[Path | None, typer.Option("--key", envvar="MONAZITE_ADMIN_KEY", help="Its PEM private key.")] = None,
    authority: Annotated[
        Path | None,
        typer.Option("--ca", "--authority", envvar="MONAZITE_ADMIN_AUTHORITY", help="PEM of the servers' authority."),
    ] = None,
    trust: Annotated[
        Path | None,
        typer.Option("--trust", envvar="MONAZITE_ADMIN_TRUST", help="Trust file, to verify bundles and logs."),
    ] = None,
    timeout: Annotated[
        float | None, typer.Option("--timeout", envvar="MONAZITE_ADMIN_TIMEOUT", help="Seconds a call may take.")
    ] = None,
) -> None:
    """National quota, rights, lots, export licences: see `monazite COMMAND --help`."""
    overrides: dict[str, str | float | None] = {
        "registry": registry,
        "quota": quota,
        "export_license": export_license,
        "certificate": _text(certificate),
        "key": _text(key),
        "authority": _text(authority),
        "trust": _text(trust),
        "timeout_s": timeout,
    }
    context.obj = load(config, overrides)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


app.add_typer(indicators.app, name="indicator")
app.command("allocate")(allocations.allocate)
app.command("break-down")(allocations.break_down)
app.command("take-back")(allocations.take_back)
app.command("allocations")(allocations.allocations)
app.command("balances")(ledger.balances)
app.command("postings")(ledger.postings)
app.add_typer(rights.app, name="rights")
app.add_typer(cases.app, name="cases")
app.add_typer(licences.app, name="licences")
app.add_typer(exports.app, name="exports")
app.add_typer(lots.app, name="lot")
app.add_typer(holds.app, name="holds")
app.add_typer(bundles.app, name="bundle")
app.add_typer(entries.app, name="entries")
app.add_typer(logs.app, name="log")
app.add_typer(enterprises.app, name="enterprise")


def main() -> None:
    """Runs the command line."""
    guard()
    app()


if __name__ == "__main__":
    main()
