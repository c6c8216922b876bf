"""Settings files of the services, as the local tools write them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

Value: TypeAlias = "str | int | float | bool | Sequence[str] | Mapping[str, Value]"
Table: TypeAlias = Mapping[str, Value]

# Whom each service calls: of quota and licensing each asks the other for the head of its log alone.
PEERS: Final[Mapping[str, tuple[str, ...]]] = {
    "registry": ("quota", "export_license"),
    "quota": ("registry", "export_license"),
    "export_license": ("registry", "quota"),
}


@dataclass(frozen=True, slots=True)
class Files:
    """Paths as the service will see them."""

    signing_key: str
    log_signing_key: str
    log_memory: str
    trust_file: str
    certificate: str
    private_key: str
    authority: str


def service_table(
    service: str, *, domain: str, listen: str, database_url: str, addresses: Mapping[str, str], files: Files
) -> Table:
    """The settings of one service; `addresses` ("host:port") of all services, of which it is told its peers'."""
    return {
        "domain": domain,
        "listen": listen,
        "database_url": database_url,
        "signing_key": files.signing_key,
        "log_signing_key": files.log_signing_key,
        "log_memory": files.log_memory,
        "trust_file": files.trust_file,
        "log_name": f"urn:monazite:log:{service}:0",
        "certificates": {
            "certificate": files.certificate,
            "private_key": files.private_key,
            "authority": files.authority,
        },
        "peers": {peer: addresses[peer] for peer in PEERS[service]},
    }


def merged(below: Table, above: Table) -> Table:
    """`below` with `above` laid over it, table by table."""
    result = dict(below)
    for key, value in above.items():
        inner = result.get(key)
        result[key] = merged(inner, value) if isinstance(inner, Mapping) and isinstance(value, Mapping) else value
    return result


def to_toml(table: Table) -> str:
    """TOML of strings, numbers, booleans, lists of strings, and tables: JSON spells such values as TOML does."""
    return "\n".join(_lines(table, "")) + "\n"


def _lines(table: Table, name: str) -> list[str]:
    plain = {key: value for key, value in table.items() if not isinstance(value, Mapping)}
    lines = [f"{key} = {json.dumps(value)}" for key, value in plain.items()]
    if name and (plain or not table):
        lines = [f"[{name}]", *lines]
    for key, value in table.items():
        if isinstance(value, Mapping):
            lines += ["", *_lines(value, f"{name}.{key}" if name else key)]
    return lines
