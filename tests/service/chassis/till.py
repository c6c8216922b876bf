"""A service as small as can be, to test the chassis with: a till of accounts that writes take mass out of."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from monazite_provenance._cose import encode_sign1
from monazite_provenance.item import Item
from monazite_provenance.statement import log_leaf

from services.chassis import store
from services.chassis.database import Connection
from services.chassis.errors import Error, Kind
from services.chassis.migrations import migrate
from services.chassis.store import Audit, Outcome, RequestKey, SignedStatement, Write

LOG = "urn:monazite:log:till:0"
MIGRATIONS = Path(__file__).parent / "migrations"
SCOPE = "spiffe://monazite.example/enterprise/baotou-1"
METHOD = "/monazite.till.v1.TillService/Take"


def migrate_till(url: str) -> None:
    """For `database_from`; in a thread of its own, as the tests' loop belongs to the tests."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, migrate(url, MIGRATIONS)).result()


@dataclass(frozen=True, slots=True, kw_only=True)
class Take(Write):
    """Takes mass out of an account. `poison` makes the flush fail in ways that no service should."""

    account: str = "a"
    mass_mg: int = 1
    poison: str = ""


def digest_of(account: str, mass_mg: int) -> bytes:
    return hashlib.sha256(f"{account} {mass_mg}".encode()).digest()


def statement(parents: Sequence[bytes] = (), *, kind: int = 1, size: int = 40) -> SignedStatement:
    """With a random id and `size` random bytes for a signature; the chassis looks no deeper than to the leaf."""
    signed = encode_sign1(secrets.token_bytes(8), secrets.token_bytes(8), secrets.token_bytes(size))
    return SignedStatement(
        statement_id=secrets.token_bytes(32),
        kind=kind,
        issuer=SCOPE,
        subject="urn:monazite:lot:x",
        item=Item(signed, {}, (), None).encode(),
        leaf=log_leaf(signed),
        parents=tuple(parents),
    )


def take(
    mass_mg: int = 1,
    *,
    account: str = "a",
    request_id: bytes | None = None,
    parents: Sequence[bytes] = (),
    poison: str = "",
    scope: str = SCOPE,
) -> Take:
    one = statement(parents)
    return Take(
        request=RequestKey(
            scope=scope,
            method=METHOD,
            request_id=request_id or secrets.token_bytes(16),
            digest=digest_of(account, mass_mg),
        ),
        audit=Audit(principal=SCOPE + "/erp", certificate_sha256=bytes(32), trace_id="0" * 31 + "1"),
        statements=(one,),
        reply=one.statement_id,
        account=account,
        mass_mg=mass_mg,
        poison=poison,
    )


async def flush(connection: Connection, writes: Sequence[Take]) -> Sequence[Outcome]:
    """As a service's flush goes: claim, lock in key order, decide again, store, append."""
    outcomes = await store.claim(connection, writes)
    fresh = [number for number, outcome in enumerate(outcomes) if outcome is None]
    accounts = sorted({writes[number].account for number in fresh})
    rows = await connection.fetch(
        "SELECT account, mass_mg FROM till WHERE account = ANY($1::text[]) ORDER BY account FOR UPDATE", accounts
    )
    held: dict[str, int] = {row["account"]: row["mass_mg"] for row in rows}
    done: list[Take] = []
    for number in fresh:
        write = writes[number]
        await _suffer(connection, write.poison)
        if held.get(write.account, 0) < write.mass_mg:
            outcomes[number] = Error(Kind.PRECONDITION, "QUOTA_EXCEEDED", "not so much is left")
            continue
        held[write.account] -= write.mass_mg
        outcomes[number] = write.reply
        done.append(write)
    await connection.execute(
        "UPDATE till SET mass_mg = u.mass_mg FROM unnest($1::text[], $2::bigint[]) AS u (account, mass_mg) "
        "WHERE till.account = u.account",
        list(held),
        list(held.values()),
    )
    await store.append(connection, done)
    return [outcome for outcome in outcomes if outcome is not None]


async def _suffer(connection: Connection, poison: str) -> None:
    match poison:
        case "":
            return
        case "python":
            raise ZeroDivisionError("a fault of ours")
        case "sql":
            await connection.execute("UPDATE till SET mass_mg = -1")
        case "unique":
            await connection.execute("INSERT INTO till VALUES ('a', 1)")
        case _:
            raise AssertionError(poison)
