"""The registry's own tables as SQLModel classes; `migrations/` creates them, with every constraint that the domain
has too.

Keys: outputs, draws, holds and acts lead with a statement's or an act's hash, which spreads over shards by itself;
what is
listed leads with the enterprise.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from sqlalchemy import ARRAY, BigInteger, Boolean, Column, DateTime, ForeignKey, LargeBinary, SmallInteger, Text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


class RegistryTable(SQLModel, registry=registry()):
    """Base of the tables here; its metadata holds nothing else."""


class EnterpriseTable(RegistryTable, table=True):
    """A listed enterprise."""

    __tablename__: ClassVar[str] = "enterprise"  # pyright: ignore[reportIncompatibleVariableOverride]
    enterprise_id: str = Field(sa_column=Column(Text, primary_key=True))
    uri: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    display_name: str = Field(sa_column=Column(Text, nullable=False))
    activities: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    own_signature_only: bool = Field(default=False, sa_column=Column(Boolean, nullable=False))
    own_signature_from: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    registered_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    registered_by: str = Field(sa_column=Column(Text, nullable=False))


class LotTable(RegistryTable, table=True):
    """A lot id and its newest head."""

    __tablename__: ClassVar[str] = "lot"  # pyright: ignore[reportIncompatibleVariableOverride]
    lot_id: str = Field(sa_column=Column(Text, primary_key=True))
    enterprise_id: str = Field(sa_column=Column(Text, ForeignKey("enterprise.enterprise_id"), nullable=False))
    state: int = Field(sa_column=Column(SmallInteger, nullable=False))
    statement_id: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    output_index: int | None = Field(default=None, sa_column=Column(SmallInteger, nullable=True))
    issued_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class OutputTable(RegistryTable, table=True):
    """One output of one statement: spent once, what it says never changes."""

    __tablename__: ClassVar[str] = "output"  # pyright: ignore[reportIncompatibleVariableOverride]
    statement_id: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    output_index: int = Field(sa_column=Column(SmallInteger, primary_key=True))
    lot_id: str = Field(sa_column=Column(Text, ForeignKey("lot.lot_id"), nullable=False))
    born: bool
    holder: str = Field(sa_column=Column(Text, nullable=False))
    receiver: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    custody_state: int = Field(sa_column=Column(SmallInteger, nullable=False))
    gross_g: int = Field(sa_column=Column(BigInteger, nullable=False))
    reo_mg: int = Field(sa_column=Column(BigInteger, nullable=False))
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    spent_by: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    holds: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False))
    act_id: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))


class RightTable(RegistryTable, table=True):
    """A right here: its terms once presented, what was drawn, open or closed."""

    __tablename__: ClassVar[str] = "quota_right"  # pyright: ignore[reportIncompatibleVariableOverride]
    right_id: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    state: int = Field(sa_column=Column(SmallInteger, nullable=False))
    drawn_mg: int = Field(sa_column=Column(BigInteger, nullable=False))
    kind: int | None = Field(default=None, sa_column=Column(SmallInteger, nullable=True))
    mass_mg: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    holder: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    site: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    registry_log: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    expires_at: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    closed_by: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))


class ActTable(RegistryTable, table=True):
    """An export act."""

    __tablename__: ClassVar[str] = "export_act"  # pyright: ignore[reportIncompatibleVariableOverride]
    act_id: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    state: int = Field(sa_column=Column(SmallInteger, nullable=False))
    licence_id: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    lock_id: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    ended_by: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    intent_id: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
