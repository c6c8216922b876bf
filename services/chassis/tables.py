"""Those of the tables that every service has which are read row by row, as SQLModel classes. One database is one shard
of one service, so it holds one log.

SQL that creates them: `migrations.create_tables`. A service declares its own tables on a base with its own registry
(`class Table(SQLModel, registry=registry())`), so that two services in one test process do not meet in one metadata.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, LargeBinary, SmallInteger, Text
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


class ChassisTable(SQLModel, registry=registry()):
    """Base of the tables here; its metadata holds nothing else."""


class StatementRow(ChassisTable, table=True):
    """A statement that this service took in: signed bytes and openings. Append-only by trigger."""

    __tablename__: ClassVar[str] = "statement"  # pyright: ignore[reportIncompatibleVariableOverride]
    statement_id: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    kind: int = Field(sa_column=Column(SmallInteger, nullable=False))
    issuer: str = Field(sa_column=Column(Text, nullable=False))
    subject: str = Field(sa_column=Column(Text, nullable=False))
    # The encoded Item.
    item: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    committed_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class EntryRow(ChassisTable, table=True):
    """A place in the log for a statement; `idx` is given by the sequencer, later, and then stands."""

    __tablename__: ClassVar[str] = "entry"  # pyright: ignore[reportIncompatibleVariableOverride]
    statement_id: bytes = Field(
        sa_column=Column(LargeBinary, ForeignKey("statement.statement_id"), primary_key=True, nullable=False)
    )
    kind: int = Field(sa_column=Column(SmallInteger, nullable=False))
    idx: int | None = Field(default=None, sa_column=Column(BigInteger, unique=True, nullable=True))
    # Leaf hash: SHA-256(0x00 || SHA-256(the signed statement)).
    leaf: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    # Statements of this log whose index must be smaller.
    parents: list[bytes] = Field(sa_column=Column(postgresql.ARRAY(LargeBinary), nullable=False))
    committed_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class LogHeadRow(ChassisTable, table=True):
    """The published head, and the epoch of the sequencer that published it."""

    __tablename__: ClassVar[str] = "log_head"  # pyright: ignore[reportIncompatibleVariableOverride]
    log: str = Field(sa_column=Column(Text, primary_key=True))
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    epoch: int = Field(sa_column=Column(BigInteger, nullable=False))
    # The head as a COSE checkpoint, as C2SP text, and as a COSE checkpoint of a second key. Empty: there is none.
    checkpoint: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    note: str = Field(sa_column=Column(Text, nullable=False))
    cosigned: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class CertifiedKeyRow(ChassisTable, table=True):
    """A key bound to its issuer by a `keys` statement. A thumbprint is bound once."""

    __tablename__: ClassVar[str] = "certified_key"  # pyright: ignore[reportIncompatibleVariableOverride]
    kid: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    thumbprint: bytes = Field(sa_column=Column(LargeBinary, unique=True, nullable=False))
    cose_key: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    issuer: str = Field(sa_column=Column(Text, nullable=False, index=True))
    # Event kinds it may sign; NULL means all that its issuer's kind may.
    kinds: list[int] | None = Field(default=None, sa_column=Column(postgresql.ARRAY(SmallInteger), nullable=True))
    # The certifying `keys` statement.
    certified_by: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    # The `keys` statement that retired it, or declared it compromised.
    retired_by: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    compromised_by: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    own_signature_only: bool = False


class PeerStatementRow(ChassisTable, table=True):
    """A peer's statement that this service relied on. Append-only by trigger."""

    __tablename__: ClassVar[str] = "peer_statement"  # pyright: ignore[reportIncompatibleVariableOverride]
    statement_id: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    # The peer's log and the index there; NULL when the statement was carried here, not followed.
    log: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    idx: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    kind: int = Field(sa_column=Column(SmallInteger, nullable=False))
    item: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    taken_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
