"""Settings: a TOML file named by MONAZITE_CONFIG, over it environment variables MONAZITE__SECTION__KEY. An unknown
key in either is an error."""

from __future__ import annotations

import difflib
import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

CONFIG_VARIABLE: Final = "MONAZITE_CONFIG"
PREFIX: Final = "MONAZITE__"
# Enough for requests of names, numbers and short lists; whoever takes statements needs more.
REQUEST_BYTES_MAX: Final = 64 * 1024


class Section(BaseModel):
    """A table of settings; refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Certificates(Section):
    """PEM files of mutual TLS. Relative paths are relative to the settings file."""

    # This process's certificate chain and private key.
    certificate: Path
    private_key: Path
    # The authority that every peer's certificate must come from.
    authority: Path


class Limits(Section):
    """Bounds of a server process."""

    # Calls with less time left than this are refused at once: they could only fail later, having cost something.
    deadline_ms_min: int = Field(default=5, ge=0)
    # How long calls in flight may take to end after SIGTERM.
    drain_ms: int = Field(default=10_000, ge=0)
    concurrent_calls_max: int = Field(default=10_000, ge=1)
    # Writes taken into one transaction, and writes that may wait for one.
    batch_writes_max: int = Field(default=256, ge=1)
    queued_writes_max: int = Field(default=4096, ge=1)
    database_connections_max: int = Field(default=10, ge=2)
    # How long a reply may wait for its statement's receipt; the caller's deadline may end it before.
    receipt_wait_ms: int = Field(default=1_000, ge=0)


class Telemetry(Section):
    """What is told to the outside. Without an endpoint nothing is exported; logs go to standard output always."""

    otlp_endpoint: str | None = None
    # Part of the calls without a sampled parent that are traced, 0 to 1.
    trace_ratio: float = Field(default=0.01, ge=0, le=1)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class Settings(Section):
    """What every service needs; a service adds its own fields in a subclass."""

    # Trust domain: every SPIFFE id in use is spiffe://<domain>/...
    domain: str = Field(min_length=1)
    # host:port; port 0 takes a free one.
    listen: str
    # postgresql://role:password@host:port/database
    database_url: str = Field(repr=False)
    certificates: Certificates
    # PEM of the private key that signs this service's statements.
    signing_key: Path
    # PEM of the private key that signs the heads of this service's log, and nothing else.
    log_signing_key: Path
    # PEM of a second key for the same heads, ML-DSA; none by default.
    log_cosigning_key: Path | None = None
    # What was signed last is kept in this file, outside of the database: durable, and each process its own.
    log_memory: Path
    # An idle log signs a fresh head of the same size at this interval.
    log_heartbeat_ms: int = Field(default=10_000, ge=100)
    # The offline root's trust file (JSON).
    trust_file: Path
    # "urn:monazite:log:<service>:<shard>"
    log_name: str
    # Peer services' addresses by name: registry, quota, export_license.
    peers: dict[str, str] = Field(default_factory=dict)
    # How often a peer whose log is not followed is asked for its head.
    peer_heads_ms: int = Field(default=5_000, ge=10)
    # Where the server writes the port it listens on once it serves; for tools that start it with port 0.
    port_file: Path | None = None
    # Of one message received. Each service lays its own default over this one: it depends on what may be asked there.
    request_bytes_max: int = Field(default=REQUEST_BYTES_MAX, ge=1024)
    limits: Limits = Limits()
    telemetry: Telemetry = Telemetry()

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, value: str, _info: ValidationInfo) -> str:
        if not value.startswith("postgresql://"):
            raise ValueError("must start with postgresql://")
        return value


class BadSettings(Exception):  # noqa: N818  (says what it is)
    """The settings cannot be used; the message lists every problem and what is near to a misspelt key."""


SettingsT = TypeVar("SettingsT", bound=Settings)


def load(kind: type[SettingsT], environment: Mapping[str, str] = os.environ) -> SettingsT:
    """Reads the settings; raises BadSettings with all problems at once."""
    values: dict[str, object] = {}
    base = Path.cwd()
    origin = "the environment"
    config = environment.get(CONFIG_VARIABLE)
    if config:
        path = Path(config).resolve()
        values = _read_file(path)
        base = path.parent
        origin = f"{path} and the environment"
    for variable in sorted(name for name in environment if name.startswith(PREFIX)):
        _overlay(values, variable, environment[variable])
    try:
        settings = kind.model_validate(values)
    except ValidationError as error:
        raise BadSettings(_explain(kind, error, origin)) from None
    return cast("SettingsT", _rooted(settings, base))


def _read_file(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BadSettings(f"{CONFIG_VARIABLE} names {path}, which cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(f"{path} is not TOML: {error}") from None


def _overlay(values: dict[str, object], variable: str, text: str) -> None:
    *sections, key = variable.removeprefix(PREFIX).lower().split("__")
    table = values
    for section in sections:
        inner = table.setdefault(section, {})
        if not isinstance(inner, dict):
            raise BadSettings(f"{variable}: {section} is a value in the settings file, not a table")
        table = cast("dict[str, object]", inner)
    if not key or not all(sections):
        raise BadSettings(f"{variable}: an empty name between underscores")
    table[key] = _value(variable, text)


def _value(variable: str, text: str) -> object:
    if not text.startswith(("[", "{")):
        return text
    try:
        parsed: object = json.loads(text)
    except ValueError as error:
        raise BadSettings(f"{variable}: lists and tables are written as JSON: {error}") from None
    return parsed


def _explain(kind: type[Settings], error: ValidationError, origin: str) -> str:
    lines = [f"settings from {origin} cannot be used:"]
    for problem in error.errors(include_url=False, include_input=False):
        location = problem["loc"]
        name = ".".join(str(part) for part in location)
        match problem["type"]:
            case "extra_forbidden":
                lines.append(f"  {name}: unknown setting{_near(kind, location)}")
            case "missing":
                variable = PREFIX + "__".join(str(part).upper() for part in location)
                lines.append(f"  {name}: missing; set it in the file or as {variable}")
            case _:
                lines.append(f"  {name}: {problem['msg']}")
    return "\n".join(lines)


def _near(kind: type[BaseModel], location: tuple[int | str, ...]) -> str:
    model: type[BaseModel] = kind
    for part in location[:-1]:
        field = model.model_fields.get(str(part))
        inner: Any = field.annotation if field else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return ""
        model = inner
    close = difflib.get_close_matches(str(location[-1]), model.model_fields, n=1)
    return f"; did you mean {close[0]}?" if close else f"; known are {', '.join(sorted(model.model_fields))}"


def _rooted(section: Section, base: Path) -> Section:
    changed: dict[str, object] = {}
    for name in type(section).model_fields:
        value: object = getattr(section, name)
        if isinstance(value, Path) and not value.is_absolute():
            changed[name] = base / value
        elif isinstance(value, Section):
            changed[name] = _rooted(value, base)
    return section.model_copy(update=changed)
