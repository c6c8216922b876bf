"""Quota's tables that are read row by row, as SQLModel classes; the migration creates all of them, with constraints
that repeat the domain's rules."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from sqlalchemy import BigInteger, Column, DateTime, LargeBinary, SmallInteger, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


class QuotaTable(SQLModel, registry=registry()):
    """Base of the tables here; its metadata holds nothing else."""


class IndicatorRow(QuotaTable, table=True):
    """A batch of national indicators; masses are mg REO, one for each of `kinds`. Append-only by trigger."""

    __tablename__: ClassVar[str] = "indicator"  # pyright: ignore[reportIncompatibleVariableOverride]
    year: int = Field(sa_column=Column(SmallInteger, primary_key=True))
    batch: int = Field(sa_column=Column(SmallInteger, primary_key=True))
    cumulative: bool
    kinds: list[int] = Field(sa_column=Column(ARRAY(SmallInteger), nullable=False))
    increments_mg: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False))
    totals_mg: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False))
    document: str = Field(sa_column=Column(Text, nullable=False))
    entered_by: str = Field(sa_column=Column(Text, nullable=False))
    entered_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class AllocationRow(QuotaTable, table=True):
    """Who gave what to whom; masses are mg REO, one for each of `kinds`. Append-only by trigger."""

    __tablename__: ClassVar[str] = "allocation"  # pyright: ignore[reportIncompatibleVariableOverride]
    allocation_id: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    year: int = Field(sa_column=Column(SmallInteger, nullable=False))
    batch: int = Field(sa_column=Column(SmallInteger, nullable=False))
    # "national" or the group.
    giver: str = Field(sa_column=Column(Text, nullable=False))
    receiver: str = Field(sa_column=Column(Text, nullable=False))
    kinds: list[int] = Field(sa_column=Column(ARRAY(SmallInteger), nullable=False))
    masses_mg: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False))
    allocated_by: str = Field(sa_column=Column(Text, nullable=False))
    allocated_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class ReductionRow(QuotaTable, table=True):
    """What was taken back of an allocation; masses are mg REO, one for each of `kinds`. Append-only by trigger."""

    __tablename__: ClassVar[str] = "reduction"  # pyright: ignore[reportIncompatibleVariableOverride]
    reduction_id: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    allocation_id: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    kinds: list[int] = Field(sa_column=Column(ARRAY(SmallInteger), nullable=False))
    masses_mg: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False))
    # An officer's, in words.
    reason: str = Field(sa_column=Column(Text, nullable=False))
    reduced_by: str = Field(sa_column=Column(Text, nullable=False))
    reduced_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class AccountRow(QuotaTable, table=True):
    """Balance of one account, mg REO; always the sum of its postings."""

    __tablename__: ClassVar[str] = "account"  # pyright: ignore[reportIncompatibleVariableOverride]
    enterprise_id: str = Field(sa_column=Column(Text, primary_key=True))
    year: int = Field(sa_column=Column(SmallInteger, primary_key=True))
    kind: int = Field(sa_column=Column(SmallInteger, primary_key=True))
    granted_mg: int = Field(sa_column=Column(BigInteger, nullable=False))
    available_mg: int = Field(sa_column=Column(BigInteger, nullable=False))
    given_on_mg: int = Field(sa_column=Column(BigInteger, nullable=False))
    reserved_mg: int = Field(sa_column=Column(BigInteger, nullable=False))
    used_mg: int = Field(sa_column=Column(BigInteger, nullable=False))


class PostingRow(QuotaTable, table=True):
    """A posting of the ledger, mg REO from bucket `debit` to bucket `credit`. Append-only by trigger."""

    __tablename__: ClassVar[str] = "posting"  # pyright: ignore[reportIncompatibleVariableOverride]
    # Enterprise first: the shard's key.
    enterprise_id: str = Field(sa_column=Column(Text, primary_key=True))
    # Derived from its cause, so that one cause posts once.
    posting_id: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    year: int = Field(sa_column=Column(SmallInteger, nullable=False))
    kind: int = Field(sa_column=Column(SmallInteger, nullable=False))
    debit: str = Field(sa_column=Column(Text, nullable=False))
    credit: str = Field(sa_column=Column(Text, nullable=False))
    reo_mg: int = Field(sa_column=Column(BigInteger, nullable=False))
    code: str = Field(sa_column=Column(Text, nullable=False))
    # Allocation or reduction id, indicator's digest, right id, or right id and drawing statement id.
    cause: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    right_id: bytes | None = Field(sa_column=Column(LargeBinary, nullable=True))
    drawing_id: bytes | None = Field(sa_column=Column(LargeBinary, nullable=True))
    posted_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class RightRow(QuotaTable, table=True):
    """A right and how far it has come. Its signed statement stands in `statement` under the same id."""

    __tablename__: ClassVar[str] = "quota_right"  # pyright: ignore[reportIncompatibleVariableOverride]
    right_id: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    enterprise_id: str = Field(sa_column=Column(Text, nullable=False))
    year: int = Field(sa_column=Column(SmallInteger, nullable=False))
    kind: int = Field(sa_column=Column(SmallInteger, nullable=False))
    holder: str = Field(sa_column=Column(Text, nullable=False))
    site: str = Field(sa_column=Column(Text, nullable=False))
    registry_log: str = Field(sa_column=Column(Text, nullable=False))
    mass_mg: int = Field(sa_column=Column(BigInteger, nullable=False))
    expires_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    # 1 open, 2 closing, 3 closed.
    state: int = Field(sa_column=Column(SmallInteger, nullable=False))
    settled_mg: int = Field(sa_column=Column(BigInteger, nullable=False))
    freed_mg: int = Field(sa_column=Column(BigInteger, nullable=False))
    # What the registry said was drawn in all; NULL until it has.
    drawn_mg: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    close_reason: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    reserved_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
