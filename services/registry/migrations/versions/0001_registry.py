"""The registry's tables. What the domain refuses, the database refuses again: spends, births, draws, acts."""

from __future__ import annotations

from alembic import op

from services.chassis.migrations import append_only, create_tables

revision = "0001"
down_revision = None

_TABLES = (
    """
    CREATE TABLE enterprise (
        enterprise_id text PRIMARY KEY,
        uri text NOT NULL UNIQUE,
        display_name text NOT NULL,
        activities text[] NOT NULL,
        own_signature_only boolean NOT NULL DEFAULT false,
        -- The `keys` statement from whose position on only its own signature counts.
        own_signature_from bytea REFERENCES statement,
        registered_at timestamptz NOT NULL DEFAULT now(),
        registered_by text NOT NULL,
        CHECK (own_signature_only = (own_signature_from IS NOT NULL))
    )""",
    """
    CREATE TABLE lot (
        lot_id text PRIMARY KEY,
        enterprise_id text NOT NULL REFERENCES enterprise,
        -- 1 issued, 2 reserved by an offer, 3 born
        state smallint NOT NULL CHECK (state BETWEEN 1 AND 3),
        -- The newest head; spent when the lot has ended.
        statement_id bytea,
        output_index smallint,
        issued_at timestamptz NOT NULL DEFAULT now(),
        CHECK ((state = 3) = (statement_id IS NOT NULL)),
        CHECK ((statement_id IS NULL) = (output_index IS NULL))
    )""",
    """
    CREATE TABLE export_act (
        act_id bytea PRIMARY KEY CHECK (octet_length(act_id) = 16),
        -- 1 locked, 2 exported, 3 void
        state smallint NOT NULL CHECK (state BETWEEN 1 AND 3),
        licence_id bytea CHECK (octet_length(licence_id) = 32),
        lock_id bytea REFERENCES statement,
        -- The accept or the export-void that ended it.
        ended_by bytea REFERENCES statement,
        -- The export-intent that an export rests on.
        intent_id bytea REFERENCES peer_statement,
        CHECK ((state = 1) = (ended_by IS NULL)),
        CHECK ((state = 2) = (intent_id IS NOT NULL)),
        -- Only a void act may never have been locked.
        CHECK ((licence_id IS NULL) = (lock_id IS NULL)),
        CHECK (state = 3 OR lock_id IS NOT NULL)
    )""",
    """
    CREATE TABLE output (
        statement_id bytea REFERENCES statement,
        output_index smallint CHECK (output_index BETWEEN 0 AND 127),
        lot_id text NOT NULL REFERENCES lot,
        -- Whether the lot was born here, and not only passed on.
        born boolean NOT NULL,
        holder text NOT NULL,
        receiver text,
        -- 1 held, 2 in transit, 3 abroad
        custody_state smallint NOT NULL CHECK (custody_state BETWEEN 1 AND 3),
        gross_g bigint NOT NULL CHECK (gross_g > 0),
        reo_mg bigint NOT NULL CHECK (reo_mg >= 0),
        content bytea NOT NULL,
        spent_by bytea REFERENCES statement,
        holds text[] NOT NULL DEFAULT '{}',
        act_id bytea REFERENCES export_act,
        PRIMARY KEY (statement_id, output_index),
        CHECK ((custody_state = 2) = (receiver IS NOT NULL)),
        CHECK (spent_by IS NULL OR (act_id IS NULL AND cardinality(holds) = 0)),
        CHECK (act_id IS NULL OR custody_state = 2)
    )""",
    "CREATE UNIQUE INDEX output_born_once ON output (lot_id) WHERE born",
    "CREATE UNIQUE INDEX output_one_head ON output (lot_id) WHERE spent_by IS NULL",
    "CREATE INDEX output_holder ON output (holder, lot_id)",
    "CREATE INDEX output_receiver ON output (receiver, lot_id) WHERE receiver IS NOT NULL",
    "CREATE INDEX output_on_hold ON output (lot_id) WHERE cardinality(holds) > 0",
    "CREATE INDEX output_spent_by ON output (spent_by) WHERE spent_by IS NOT NULL",
    """
    ALTER TABLE lot ADD CONSTRAINT lot_head FOREIGN KEY (statement_id, output_index)
        REFERENCES output (statement_id, output_index) DEFERRABLE INITIALLY DEFERRED
    """,
    """
    CREATE FUNCTION output_is_spent_once() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.spent_by IS NOT NULL THEN
            RAISE EXCEPTION 'an output is spent once' USING ERRCODE = 'insufficient_privilege';
        END IF;
        IF (NEW.statement_id, NEW.output_index, NEW.lot_id, NEW.born, NEW.holder, NEW.receiver, NEW.custody_state,
            NEW.gross_g, NEW.reo_mg, NEW.content) IS DISTINCT FROM (OLD.statement_id, OLD.output_index, OLD.lot_id,
            OLD.born, OLD.holder, OLD.receiver, OLD.custody_state, OLD.gross_g, OLD.reo_mg, OLD.content) THEN
            RAISE EXCEPTION 'what an output says cannot change' USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN NEW;
    END $$""",
    "CREATE TRIGGER output_is_spent_once BEFORE UPDATE ON output FOR EACH ROW EXECUTE FUNCTION output_is_spent_once()",
    """
    CREATE TRIGGER output_stays BEFORE DELETE OR TRUNCATE ON output
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TABLE quota_right (
        right_id bytea PRIMARY KEY CHECK (octet_length(right_id) = 32),
        -- 1 open, 2 closing, 3 closed
        state smallint NOT NULL CHECK (state BETWEEN 1 AND 3),
        drawn_mg bigint NOT NULL CHECK (drawn_mg >= 0),
        -- The right's own words; all NULL of a tombstone.
        kind smallint CHECK (kind BETWEEN 1 AND 3),
        mass_mg bigint CHECK (mass_mg > 0),
        holder text,
        site text,
        registry_log text,
        expires_at bigint,
        closed_by bytea REFERENCES statement,
        CHECK (drawn_mg <= coalesce(mass_mg, 0)),
        CHECK ((state = 3) = (closed_by IS NOT NULL)),
        CHECK (num_nulls(kind, mass_mg, holder, site, registry_log, expires_at) IN (0, 6)),
        CHECK (state > 1 OR mass_mg IS NOT NULL)
    )""",
    """
    CREATE FUNCTION right_ends_once() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.state < OLD.state OR OLD.state = 3 OR NEW.drawn_mg < OLD.drawn_mg
            OR (OLD.state > 1 AND NEW.drawn_mg <> OLD.drawn_mg) THEN
            RAISE EXCEPTION 'a right ends once and is not drawn on after' USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN NEW;
    END $$""",
    "CREATE TRIGGER right_ends_once BEFORE UPDATE ON quota_right FOR EACH ROW EXECUTE FUNCTION right_ends_once()",
    """
    CREATE TABLE draw (
        statement_id bytea REFERENCES statement,
        right_id bytea REFERENCES quota_right,
        reo_mg bigint NOT NULL CHECK (reo_mg > 0),
        PRIMARY KEY (statement_id, right_id)
    )""",
    "CREATE INDEX draw_right ON draw (right_id)",
    append_only("draw"),
    """
    CREATE TABLE hold (
        hold_id bytea PRIMARY KEY REFERENCES statement (statement_id),
        statement_id bytea NOT NULL,
        output_index smallint NOT NULL,
        reason_code text NOT NULL,
        released_by bytea REFERENCES statement,
        FOREIGN KEY (statement_id, output_index) REFERENCES output
    )""",
    "CREATE UNIQUE INDEX hold_once ON hold (statement_id, output_index, reason_code) WHERE released_by IS NULL",
    "CREATE INDEX hold_head ON hold (statement_id, output_index)",
    """
    CREATE TABLE attestation (
        attestation_id bytea PRIMARY KEY REFERENCES statement (statement_id),
        statement_id bytea NOT NULL,
        output_index smallint NOT NULL,
        FOREIGN KEY (statement_id, output_index) REFERENCES output
    )""",
    "CREATE INDEX attestation_head ON attestation (statement_id, output_index)",
    append_only("attestation"),
    """
    CREATE TABLE cut (
        cut_id bytea PRIMARY KEY REFERENCES statement (statement_id),
        statement_id bytea NOT NULL,
        output_index smallint NOT NULL,
        UNIQUE (statement_id, output_index),
        FOREIGN KEY (statement_id, output_index) REFERENCES output
    )""",
    append_only("cut"),
    """
    CREATE FUNCTION cut_is_of_a_free_head() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (
            SELECT FROM output o WHERE (o.statement_id, o.output_index) = (NEW.statement_id, NEW.output_index)
                AND o.spent_by IS NULL AND cardinality(o.holds) = 0
        ) THEN
            RAISE EXCEPTION 'a cut is of an unspent head without holds' USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN NEW;
    END $$""",
    "CREATE TRIGGER cut_is_of_a_free_head BEFORE INSERT ON cut FOR EACH ROW EXECUTE FUNCTION cut_is_of_a_free_head()",
    """
    CREATE TABLE export_line (
        act_id bytea REFERENCES export_act,
        statement_id bytea,
        output_index smallint,
        open boolean NOT NULL,
        PRIMARY KEY (act_id, statement_id, output_index),
        FOREIGN KEY (statement_id, output_index) REFERENCES output
    )""",
    "CREATE UNIQUE INDEX export_line_one_open_act ON export_line (statement_id, output_index) WHERE open",
    "CREATE INDEX export_line_head ON export_line (statement_id, output_index)",
    """
    CREATE TABLE settlement (
        drawing_id bytea,
        right_id bytea,
        settled_id bytea NOT NULL UNIQUE REFERENCES peer_statement,
        PRIMARY KEY (drawing_id, right_id)
    )""",
    append_only("settlement"),
    """
    CREATE TABLE licence_change (
        change_id bytea PRIMARY KEY REFERENCES peer_statement,
        licence_id bytea NOT NULL CHECK (octet_length(licence_id) = 32)
    )""",
    "CREATE INDEX licence_change_licence ON licence_change (licence_id)",
    append_only("licence_change"),
    """
    CREATE TABLE refused_step (
        -- SHA-256 of kind and spends.
        step bytea,
        -- SHA-256 of the figures that were refused.
        figures bytea,
        enterprise_id text NOT NULL,
        reason text NOT NULL,
        at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (enterprise_id, step, figures)
    )""",
    append_only("refused_step"),
)


def upgrade() -> None:
    create_tables(op.execute, log_name="urn:monazite:log:registry:0")
    for statement in _TABLES:
        op.execute(statement)
