"""Where the services are and who calls: a TOML file, overridden by the environment, overridden by options."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from monazite_provenance.errors import ProvenanceError
from monazite_provenance.trust import TrustFile

from clients.connection import DEADLINE_S_DEFAULT, Identity

SERVICES = ("registry", "quota", "export_license")
ADDRESSES_DEFAULT = {"registry": "localhost:7401", "quota": "localhost:7402", "export_license": "localhost:7403"}
TIMEOUT_S_MAX = 86_400
_PORT_MAX = 65_535
# A name or number; of IPv6 in brackets.
_ADDRESS = re.compile(r"(?:[^\s:/\[\]]+|\[[0-9A-Fa-f:.%]+\]):(?P<port>[0-9]{1,5})")
_PATHS = ("certificate", "key", "authority", "trust")


class ConfigurationError(Exception):
    """The configuration cannot be used; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything that a command needs to know about its surroundings."""

    addresses: Mapping[str, str] = field(default_factory=lambda: dict(ADDRESSES_DEFAULT))
    certificate: Path | None = None
    key: Path | None = None
    authority: Path | None = None
    trust: Path | None = None
    timeout_s: float = DEADLINE_S_DEFAULT

    def identity(self) -> Identity:
        """The caller's files.

        Raises:
            ConfigurationError: one is not configured.
        """
        if self.certificate is None or self.key is None or self.authority is None:
            missing = [name for name in ("certificate", "key", "authority") if getattr(self, name) is None]
            raise ConfigurationError(
                f"not configured: {', '.join(missing)}. Name a file with --config (or MONAZITE_ADMIN_CONFIG), or give "
                + ", ".join(f"--{name}" for name in missing)
            )
        return Identity(self.certificate, self.key, self.authority)

    def trust_file(self) -> TrustFile:
        """The trust file, for verification without any service.

        Raises:
            ConfigurationError: none is configured, or it cannot be read or used.
        """
        if self.trust is None:
            raise ConfigurationError(
                "no trust file is configured: give --trust FILE, or `trust` in the configuration file"
            )
        try:
            return TrustFile.load(self.trust.read_bytes())
        except OSError as error:
            raise ConfigurationError(f"cannot read the trust file {self.trust}: {error.strerror}") from error
        except ProvenanceError as error:
            raise ConfigurationError(
                f"the trust file {self.trust} cannot be used: {error.code} {error.message}"
            ) from error


def load(path: Path | None, overrides: Mapping[str, str | float | None]) -> Configuration:
    """Reads `path` (none: only defaults) and applies `overrides`, keyed as the file's keys; None overrides nothing.

    Raises:
        ConfigurationError: unreadable, not TOML, an unknown key, or a value of the wrong type.
    """
    values: dict[str, str | float] = {}
    if path is not None:
        values = _flatten(_read(path), path)
    values |= {key: value for key, value in overrides.items() if value is not None}
    addresses = {name: str(values.get(name, ADDRESSES_DEFAULT[name])) for name in SERVICES}
    paths = {name: Path(str(values[name])).expanduser() for name in _PATHS if name in values}
    timeout_s = float(values.get("timeout_s", DEADLINE_S_DEFAULT))
    if not 0 < timeout_s <= TIMEOUT_S_MAX:
        raise ConfigurationError(f"timeout_s must be over 0 and at most {TIMEOUT_S_MAX}, it is {timeout_s}")
    for name, address in addresses.items():
        _check_address(name, address)
    return Configuration(addresses=addresses, timeout_s=timeout_s, **paths)


def _check_address(name: str, address: str) -> None:
    found = _ADDRESS.fullmatch(address)
    if found is None or not 0 < int(found["port"]) <= _PORT_MAX:
        raise ConfigurationError(
            f"the address of {name} must be host:port, a port from 1 to {_PORT_MAX} and no scheme; it is {address!r}"
        )


def _read(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"cannot read the configuration {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the configuration {path} is not TOML: {error}") from error


def _flatten(tables: Mapping[str, object], path: Path) -> dict[str, str | float]:
    """Keys of `[addresses]` and the top level side by side, paths made relative to the file that names them."""
    values: dict[str, str | float] = {}
    for key, value in tables.items():
        if key == "addresses" and isinstance(value, dict):
            for service, address in _strings(cast("dict[object, object]", value), f"{path}: [addresses]").items():
                if service not in SERVICES:
                    raise ConfigurationError(
                        f"{path}: unknown service {service!r} in [addresses]; known: {', '.join(SERVICES)}"
                    )
                values[service] = address
        elif key in _PATHS and isinstance(value, str):
            values[key] = str(path.parent / Path(value).expanduser())
        elif key == "timeout_s" and isinstance(value, int | float) and not isinstance(value, bool):
            values[key] = value
        else:
            known = ", ".join(("[addresses]", *_PATHS, "timeout_s"))
            raise ConfigurationError(f"{path}: {key!r} is unknown or has a value of the wrong type; known: {known}")
    return values


def _strings(table: Mapping[object, object], where: str) -> dict[str, str]:
    strings = {str(key): value for key, value in table.items() if isinstance(value, str)}
    if len(strings) != len(table):
        raise ConfigurationError(f'{where}: every value must be a string, "host:port"')
    return strings
