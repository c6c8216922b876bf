"""Command line arguments in the field's terms: ids in hex, tonnes, days, kinds of quota."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Annotated

import typer
from google.protobuf.timestamp_pb2 import Timestamp
from monazite.quota.v1.quota_pb2 import KindMass
from monazite.type.v1.material_pb2 import (
    QUOTA_KIND_MINING_IONIC,
    QUOTA_KIND_MINING_ROCK,
    QUOTA_KIND_SMELTING_SEPARATION,
    QuotaKind,
)
from monazite.type.v1.statement_pb2 import Outpoint

from clients.masses import parse_tonnes

ID_BYTES = 32
INDEX_MAX = 2**16 - 1
YEAR_MAX = 9999
BATCH_MAX = 99

YearOption = Annotated[int, typer.Option("--year", min=1, max=YEAR_MAX, help="Quota year.")]
BatchOption = Annotated[int, typer.Option("--batch", min=1, max=BATCH_MAX, help="Batch of the year, from 1.")]
RockOption = Annotated[str, typer.Option("--mining-rock", help="Tonnes REO of rock type (light).", show_default=False)]
IonicOption = Annotated[
    str, typer.Option("--mining-ionic", help="Tonnes REO of ionic type (medium-heavy).", show_default=False)
]
SeparationOption = Annotated[
    str, typer.Option("--smelting-separation", help="Tonnes REO of smelting-separation.", show_default=False)
]
EnterpriseOption = Annotated[str, typer.Option("--enterprise", help="Only this enterprise.", show_default=False)]


def kind_masses(rock: str, ionic: str, separation: str) -> list[KindMass]:
    """The masses that were given, in milligrams.

    Raises:
        typer.BadParameter: none was given, or one is not a number of tonnes.
    """
    given = [
        ("--mining-rock", QUOTA_KIND_MINING_ROCK, rock),
        ("--mining-ionic", QUOTA_KIND_MINING_IONIC, ionic),
        ("--smelting-separation", QUOTA_KIND_SMELTING_SEPARATION, separation),
    ]
    masses = [KindMass(kind=kind, reo_mg=_tonnes(name, text)) for name, kind, text in given if text]
    if not masses:
        raise typer.BadParameter("give at least one of --mining-rock, --mining-ionic, --smelting-separation")
    return masses


def _tonnes(name: str, text: str) -> int:
    try:
        return parse_tonnes(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=name) from error


def kind_name(kind: QuotaKind.ValueType) -> str:
    """ "mining rock" for QUOTA_KIND_MINING_ROCK; a number this client does not know stays a number."""
    try:
        return QuotaKind.Name(kind).removeprefix("QUOTA_KIND_").replace("_", " ").lower()
    except ValueError:
        return str(kind)


def custody_name(state: str) -> str:
    """A state of custody by its name, for people: what its holder has is in custody, which says nothing of holds."""
    return {"HELD": "in custody"}.get(state, state.lower().replace("_", " "))


def hex_id(text: str, name: str, *, length: int = ID_BYTES) -> bytes:
    """The bytes of an id written in hex.

    Raises:
        typer.BadParameter: not hex, or another length.
    """
    try:
        value = bytes.fromhex(text)
    except ValueError:
        value = b""
    if len(value) != length:
        raise typer.BadParameter(f"{text!r} is not {2 * length} hexadecimal digits", param_hint=name)
    return value


def outpoint_text(outpoint: Outpoint) -> str:
    """An outpoint as it is written on the command line: statement id in hex, colon, index."""
    return f"{outpoint.statement_id.hex()}:{outpoint.output_index}"


def parse_outpoint(text: str) -> Outpoint | None:
    """The outpoint in "HEX:INDEX", or None when `text` is no outpoint (then it is a lot id)."""
    statement, colon, index = text.partition(":")
    if not colon or not index.isascii() or not index.isdigit():
        return None
    if len(index) > len(str(INDEX_MAX)) or int(index) > INDEX_MAX:
        raise typer.BadParameter(f"the index is over {INDEX_MAX}", param_hint="OUTPOINT")
    return Outpoint(statement_id=hex_id(statement, "OUTPOINT"), output_index=int(index))


def end_of_day(day: datetime) -> Timestamp:
    """The last second, UTC, of the day."""
    stamp = Timestamp()
    stamp.FromDatetime(datetime.combine(day.date(), time(23, 59, 59), tzinfo=UTC))
    return stamp


def names(values: Sequence[str]) -> str:
    """A list in one cell."""
    return ", ".join(values)
