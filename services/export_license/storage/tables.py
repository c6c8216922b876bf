"""The tables of export licensing that are read row by row, as SQLModel classes; `migrations/versions` creates all of
them, with their constraints."""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar

from sqlalchemy import BigInteger, Column, Date, DateTime, Integer, LargeBinary, SmallInteger, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


class Table(SQLModel, registry=registry()):
    """Base of the tables here; its metadata holds nothing else."""


class RuleSetRow(Table, table=True):
    """A rule set that was in use: its tables, byte for byte, so that decisions can be replayed. Append-only."""

    __tablename__: ClassVar[str] = "rule_set"  # pyright: ignore[reportIncompatibleVariableOverride]
    digest: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    # CBOR map: name of the table -> its bytes.
    tables: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    adopted_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class CaseRow(Table, table=True):
    """An application for a licence, its decision and its etag."""

    __tablename__: ClassVar[str] = "export_case"  # pyright: ignore[reportIncompatibleVariableOverride]
    case_id: str = Field(sa_column=Column(Text, primary_key=True))
    applicant: str = Field(sa_column=Column(Text, nullable=False))
    state: str = Field(sa_column=Column(Text, nullable=False))
    end_user: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    consignee: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    end_use: str = Field(sa_column=Column(Text, nullable=False))
    destination: str = Field(sa_column=Column(Text, nullable=False))
    rule_set_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    rules_day: date = Field(sa_column=Column(Date, nullable=False))
    submitted_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    verified_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    version: int = Field(sa_column=Column(BigInteger, nullable=False))
    outcome: str | None = Field(default=None, sa_column=Column(Text))
    reason: str | None = Field(default=None, sa_column=Column(Text))
    proposed_by: str | None = Field(default=None, sa_column=Column(Text))
    proposed_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    countersigned_by: str | None = Field(default=None, sa_column=Column(Text))
    countersigned_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    licence_id: bytes | None = Field(default=None, sa_column=Column(LargeBinary))


class CaseLotRow(Table, table=True):
    """A lot of a case: what our verification said, and the facts its control codes rest on."""

    __tablename__: ClassVar[str] = "case_lot"  # pyright: ignore[reportIncompatibleVariableOverride]
    case_id: str = Field(sa_column=Column(Text, primary_key=True))
    position: int = Field(sa_column=Column(SmallInteger, primary_key=True))
    statement_id: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    output_index: int = Field(sa_column=Column(Integer, nullable=False))
    lot_id: str = Field(sa_column=Column(Text, nullable=False))
    gross_g: int = Field(sa_column=Column(BigInteger, nullable=False))
    form: str = Field(sa_column=Column(Text, nullable=False))
    net_g: int = Field(sa_column=Column(BigInteger, nullable=False))
    # Symbol -> milligrams REO.
    elements: dict[str, int] = Field(sa_column=Column(JSONB, nullable=False))
    verdict: str = Field(sa_column=Column(Text, nullable=False))
    # [[code, message, {name: value}]]
    findings: list[tuple[str, str, dict[str, str]]] = Field(sa_column=Column(JSONB, nullable=False))
    statements: int = Field(sa_column=Column(Integer, nullable=False))
    control_codes: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))


class CaseEventRow(Table, table=True):
    """One step of a case. Append-only by trigger."""

    __tablename__: ClassVar[str] = "case_event"  # pyright: ignore[reportIncompatibleVariableOverride]
    case_id: str = Field(sa_column=Column(Text, primary_key=True))
    version: int = Field(sa_column=Column(BigInteger, primary_key=True))
    state: str = Field(sa_column=Column(Text, nullable=False))
    # Of a proposal; a rejected one stands here and nowhere else.
    outcome: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    actor: str = Field(sa_column=Column(Text, nullable=False))
    reason: str = Field(sa_column=Column(Text, nullable=False))
    at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class CaseLineRow(Table, table=True):
    """A line of an application: grams gross of one control item."""

    __tablename__: ClassVar[str] = "case_line"  # pyright: ignore[reportIncompatibleVariableOverride]
    case_id: str = Field(sa_column=Column(Text, primary_key=True))
    position: int = Field(sa_column=Column(SmallInteger, primary_key=True))
    control_code: str = Field(sa_column=Column(Text, nullable=False))
    hs_code: str = Field(sa_column=Column(Text, nullable=False))
    gross_g: int = Field(sa_column=Column(BigInteger, nullable=False))


class LicenceRow(Table, table=True):
    """A licence; what was signed stands in `statement`, here is what changes."""

    __tablename__: ClassVar[str] = "licence"  # pyright: ignore[reportIncompatibleVariableOverride]
    licence_id: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    number: str = Field(sa_column=Column(Text, nullable=False))
    case_id: str = Field(sa_column=Column(Text, nullable=False))
    licensee: str = Field(sa_column=Column(Text, nullable=False))
    # ACTIVE, SUSPENDED, REVOKED; exhausted and expired are derived.
    state: str = Field(sa_column=Column(Text, nullable=False))
    end_user: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    destination: str = Field(sa_column=Column(Text, nullable=False))
    expires_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class LicenceLineRow(Table, table=True):
    """A line of a licence with its draw-down, grams gross."""

    __tablename__: ClassVar[str] = "licence_line"  # pyright: ignore[reportIncompatibleVariableOverride]
    licence_id: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    control_code: str = Field(sa_column=Column(Text, primary_key=True))
    position: int = Field(sa_column=Column(SmallInteger, nullable=False))
    hs_code: str = Field(sa_column=Column(Text, nullable=False))
    granted_g: int = Field(sa_column=Column(BigInteger, nullable=False))
    reserved_g: int = Field(sa_column=Column(BigInteger, nullable=False))
    used_g: int = Field(sa_column=Column(BigInteger, nullable=False))


class ActRow(Table, table=True):
    """An act of export at customs."""

    __tablename__: ClassVar[str] = "export_act"  # pyright: ignore[reportIncompatibleVariableOverride]
    act_id: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    state: str = Field(sa_column=Column(Text, nullable=False))
    licence_id: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    customs: str = Field(sa_column=Column(Text, nullable=False))
    certificate_sha256: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    port: str = Field(sa_column=Column(Text, nullable=False))
    declaration_number: str = Field(sa_column=Column(Text, nullable=False))
    declared_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    intent_id: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    lock_id: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    end_id: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    void_reason: str = Field(sa_column=Column(Text, nullable=False))
    attempts: int = Field(sa_column=Column(Integer, nullable=False))
    next_attempt_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class ActLotRow(Table, table=True):
    """A lot of an act: what was declared of it, what was written off, grams gross."""

    __tablename__: ClassVar[str] = "act_lot"  # pyright: ignore[reportIncompatibleVariableOverride]
    act_id: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    position: int = Field(sa_column=Column(SmallInteger, primary_key=True))
    statement_id: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    output_index: int = Field(sa_column=Column(Integer, nullable=False))
    lot_id: str = Field(sa_column=Column(Text, nullable=False))
    control_code: str = Field(sa_column=Column(Text, nullable=False))
    control_codes: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    declared_g: int = Field(sa_column=Column(BigInteger, nullable=False))
    written_off_g: int | None = Field(default=None, sa_column=Column(BigInteger))


class ActHeadRow(Table, table=True):
    """A head that the registry's accept made: abroad, or returned to the exporter."""

    __tablename__: ClassVar[str] = "act_head"  # pyright: ignore[reportIncompatibleVariableOverride]
    act_id: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    statement_id: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    output_index: int = Field(sa_column=Column(Integer, primary_key=True))
    abroad: bool
