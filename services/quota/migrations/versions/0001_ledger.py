"""The ledger: indicators, allocations, accounts, postings, rights, settlements.

What the domain decides is said here a second time, as constraints: the two must both be wrong before a gram is.
"""

from __future__ import annotations

from typing import Final

from alembic import op

from services.chassis.migrations import append_only, create_tables

revision = "0001"
down_revision = None

_BUCKETS: Final = "('granted', 'available', 'given_on', 'reserved', 'used')"
_CODES: Final = "('INDICATOR', 'ALLOCATE', 'BREAK_DOWN', 'REDUCE', 'RESERVE', 'SETTLE', 'FREE')"

_TABLES: Final = (
    """
    CREATE TABLE indicator (
        year smallint NOT NULL,
        batch smallint NOT NULL CHECK (batch > 0),
        cumulative boolean NOT NULL,
        kinds smallint[] NOT NULL,
        increments_mg bigint[] NOT NULL CHECK (0 <= ALL (increments_mg)),
        totals_mg bigint[] NOT NULL,
        document text NOT NULL,
        entered_by text NOT NULL,
        entered_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (year, batch),
        CHECK (cardinality(kinds) = cardinality(increments_mg) AND cardinality(kinds) = cardinality(totals_mg))
    )""",
    # Whom an enterprise has its quota of a year from: 'national' makes it a group, a group's name that group's
    # subsidiary, NULL means that nothing came yet, or that all of it was taken back. One row and one giver for a year;
    # and the last key lets only a group be the giver of another: the giver's own giver is 'national'.
    """
    CREATE TABLE quota_giver (
        enterprise_id text NOT NULL CHECK (enterprise_id <> 'national'),
        year smallint NOT NULL,
        giver text CHECK (giver <> enterprise_id),
        givers_giver text GENERATED ALWAYS AS (CASE WHEN giver <> 'national' THEN 'national' END) STORED,
        PRIMARY KEY (enterprise_id, year),
        CONSTRAINT quota_giver_names UNIQUE (enterprise_id, year, giver),
        CONSTRAINT quota_giver_is_a_group
            FOREIGN KEY (giver, year, givers_giver) REFERENCES quota_giver (enterprise_id, year, giver)
    )""",
    """
    CREATE TRIGGER quota_giver_stays BEFORE DELETE OR TRUNCATE ON quota_giver
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()""",
    """
    CREATE TABLE allocation (
        allocation_id bytea PRIMARY KEY CHECK (octet_length(allocation_id) = 16),
        year smallint NOT NULL,
        batch smallint NOT NULL CHECK (batch > 0),
        giver text NOT NULL,
        receiver text NOT NULL CHECK (receiver NOT IN (giver, 'national')),
        kinds smallint[] NOT NULL,
        masses_mg bigint[] NOT NULL CHECK (0 <= ALL (masses_mg)),
        allocated_by text NOT NULL,
        allocated_at timestamptz NOT NULL DEFAULT now(),
        CHECK (cardinality(kinds) = cardinality(masses_mg))
    )""",
    "CREATE INDEX allocation_receiver ON allocation (receiver, allocated_at, allocation_id)",
    "CREATE INDEX allocation_giver ON allocation (giver, allocated_at, allocation_id)",
    """
    CREATE TABLE reduction (
        reduction_id bytea PRIMARY KEY CHECK (octet_length(reduction_id) = 16),
        allocation_id bytea NOT NULL REFERENCES allocation (allocation_id),
        kinds smallint[] NOT NULL,
        masses_mg bigint[] NOT NULL CHECK (0 <= ALL (masses_mg)),
        reason text NOT NULL CHECK (reason <> ''),
        reduced_by text NOT NULL,
        reduced_at timestamptz NOT NULL DEFAULT now(),
        CHECK (cardinality(kinds) = cardinality(masses_mg))
    )""",
    "CREATE INDEX reduction_of_allocation ON reduction (allocation_id, reduced_at, reduction_id)",
    # What stands of a batch with an enterprise or the nation. As long as any of it does, its giver is the giver of the
    # year, which the last key keeps from changing.
    """
    CREATE TABLE batch_share (
        enterprise_id text NOT NULL,
        year smallint NOT NULL,
        batch smallint NOT NULL CHECK (batch > 0),
        kind smallint NOT NULL CHECK (kind BETWEEN 1 AND 3),
        received_mg bigint NOT NULL,
        given_mg bigint NOT NULL CHECK (given_mg >= 0),
        giver text,
        PRIMARY KEY (enterprise_id, year, batch, kind),
        CONSTRAINT batch_share_not_overdrawn CHECK (given_mg <= received_mg),
        CONSTRAINT batch_share_has_a_giver
            CHECK ((giver IS NOT NULL) = (received_mg > 0 AND enterprise_id <> 'national')),
        CONSTRAINT batch_share_from_the_giver
            FOREIGN KEY (enterprise_id, year, giver) REFERENCES quota_giver (enterprise_id, year, giver)
    )""",
    """
    CREATE TABLE account (
        enterprise_id text NOT NULL,
        year smallint NOT NULL,
        kind smallint NOT NULL CHECK (kind BETWEEN 1 AND 3),
        granted_mg bigint NOT NULL DEFAULT 0,
        available_mg bigint NOT NULL DEFAULT 0 CHECK (available_mg >= 0),
        given_on_mg bigint NOT NULL DEFAULT 0 CHECK (given_on_mg >= 0),
        reserved_mg bigint NOT NULL DEFAULT 0 CHECK (reserved_mg >= 0),
        used_mg bigint NOT NULL DEFAULT 0 CHECK (used_mg >= 0),
        PRIMARY KEY (enterprise_id, year, kind),
        CONSTRAINT account_balances CHECK (granted_mg = available_mg + given_on_mg + reserved_mg + used_mg),
        CONSTRAINT account_national_only_gives
            CHECK (enterprise_id <> 'national' OR (reserved_mg = 0 AND used_mg = 0))
    )""",
    f"""
    CREATE TABLE posting (
        enterprise_id text NOT NULL,
        posting_id bytea NOT NULL CHECK (octet_length(posting_id) = 16),
        year smallint NOT NULL,
        kind smallint NOT NULL CHECK (kind BETWEEN 1 AND 3),
        debit text NOT NULL CHECK (debit IN {_BUCKETS}),
        credit text NOT NULL CHECK (credit IN {_BUCKETS} AND credit <> debit),
        reo_mg bigint NOT NULL CHECK (reo_mg > 0),
        code text NOT NULL CHECK (code IN {_CODES}),
        cause bytea NOT NULL,
        right_id bytea,
        drawing_id bytea,
        posted_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (enterprise_id, posting_id),
        CONSTRAINT posting_takes_back CHECK (credit <> 'granted' OR code = 'REDUCE'),
        CHECK ((right_id IS NOT NULL) = (code IN ('RESERVE', 'SETTLE', 'FREE'))),
        CHECK ((drawing_id IS NOT NULL) = (code = 'SETTLE'))
    )""",
    "CREATE INDEX posting_by_time ON posting (enterprise_id, posted_at, posting_id)",
    """
    CREATE TABLE quota_right (
        right_id bytea PRIMARY KEY CHECK (octet_length(right_id) = 32),
        enterprise_id text NOT NULL,
        year smallint NOT NULL,
        kind smallint NOT NULL CHECK (kind BETWEEN 1 AND 3),
        holder text NOT NULL,
        site text NOT NULL,
        registry_log text NOT NULL,
        mass_mg bigint NOT NULL CHECK (mass_mg > 0),
        expires_at timestamptz NOT NULL,
        state smallint NOT NULL CHECK (state BETWEEN 1 AND 3),
        settled_mg bigint NOT NULL CHECK (settled_mg >= 0),
        freed_mg bigint NOT NULL CHECK (freed_mg >= 0),
        drawn_mg bigint,
        close_reason text,
        reserved_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT right_not_overdrawn CHECK (settled_mg + freed_mg <= mass_mg),
        CONSTRAINT right_drawn_bounds CHECK (drawn_mg BETWEEN settled_mg AND mass_mg),
        CONSTRAINT right_open CHECK (state <> 1 OR (drawn_mg IS NULL AND settled_mg < mass_mg)),
        CONSTRAINT right_freed_when_closed CHECK (state = 3 OR freed_mg = 0),
        CONSTRAINT right_closed CHECK
            (state <> 3 OR (drawn_mg IS NOT NULL AND settled_mg = drawn_mg AND settled_mg + freed_mg = mass_mg))
    )""",
    "CREATE INDEX right_by_holder ON quota_right (enterprise_id, reserved_at, right_id)",
    "CREATE INDEX right_open_by_expiry ON quota_right (expires_at) WHERE state = 1",
    "CREATE INDEX right_to_be_closed ON quota_right (right_id) WHERE state = 2 AND drawn_mg IS NULL",
    """
    CREATE TABLE revocation (
        right_id bytea PRIMARY KEY REFERENCES quota_right (right_id),
        officer text NOT NULL,
        reason text NOT NULL CHECK (reason <> ''),
        revoked_at timestamptz NOT NULL DEFAULT now()
    )""",
    """
    CREATE TABLE settlement (
        right_id bytea NOT NULL REFERENCES quota_right (right_id),
        drawing_id bytea NOT NULL CHECK (octet_length(drawing_id) = 32),
        reo_mg bigint NOT NULL CHECK (reo_mg > 0),
        total_mg bigint NOT NULL CHECK (total_mg >= reo_mg),
        registry_index bigint NOT NULL CHECK (registry_index >= 0),
        settled_id bytea NOT NULL REFERENCES statement (statement_id),
        PRIMARY KEY (right_id, drawing_id)
    )""",
    """
    CREATE TABLE refused_entry (
        registry_index bigint NOT NULL CHECK (registry_index >= 0),
        right_id bytea NOT NULL,
        statement_id bytea NOT NULL,
        code text NOT NULL,
        refused_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (registry_index, right_id)
    )""",
)


def upgrade() -> None:
    """Create the chassis's tables and quota's own."""
    create_tables(op.execute, log_name="urn:monazite:log:quota:0")
    for statement in _TABLES:
        op.execute(statement)
    for table in ("indicator", "allocation", "reduction", "posting", "revocation", "settlement", "refused_entry"):
        op.execute(append_only(table))
