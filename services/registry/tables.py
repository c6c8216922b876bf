"""The registry's tables that are read row by row, as SQLModel classes; `migrations/` creates all of them, with every
constraint that the domain has too.

Keys: outputs, draws, holds and acts lead with a statement's or an act's hash, which spreads over shards by itself;
what is listed leads with the enterprise.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from sqlalchemy import ARRAY, Boolean, Column, DateTime, LargeBinary, Text
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
