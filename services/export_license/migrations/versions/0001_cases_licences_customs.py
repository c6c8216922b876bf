"""Cases, licences and customs acts; what the domain keeps is repeated here as constraints."""

from __future__ import annotations

from alembic import op

from services.chassis.migrations import append_only, create_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE rule_set (
        digest bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
        tables bytea NOT NULL,
        adopted_at timestamptz NOT NULL DEFAULT now()
    )""",
    append_only("rule_set"),
    """
    CREATE TABLE export_case (
        case_id text PRIMARY KEY,
        applicant text NOT NULL,
        state text NOT NULL CHECK (state IN ('DRAFT', 'SUBMITTED', 'INFORMATION_REQUESTED', 'IN_REVIEW', 'ADVICE',
            'DECISION_PROPOSED', 'GRANTED', 'REFUSED')),
        end_user text[] NOT NULL CHECK (array_length(end_user, 1) = 3),
        consignee text[] NOT NULL CHECK (array_length(consignee, 1) = 3),
        end_use text NOT NULL,
        destination text NOT NULL CHECK (destination ~ '^[A-Z]{2}$'),
        rule_set_hash bytea NOT NULL REFERENCES rule_set (digest),
        rules_day date NOT NULL,
        submitted_at timestamptz NOT NULL,
        verified_at timestamptz NOT NULL,
        version bigint NOT NULL CHECK (version > 0),
        outcome text CHECK (outcome IN ('GRANT', 'REFUSE')),
        reason text,
        proposed_by text,
        proposed_at timestamptz,
        countersigned_by text,
        countersigned_at timestamptz,
        licence_id bytea,
        -- A person, not a certificate: the last segment of the URI is the officer's name.
        CONSTRAINT two_officers CHECK (countersigned_by IS NULL OR
            lower(substring(countersigned_by from '[^/]+$')) <> lower(substring(proposed_by from '[^/]+$'))),
        CONSTRAINT proposal_whole CHECK (num_nulls(outcome, reason, proposed_by, proposed_at) IN (0, 4)),
        CONSTRAINT countersignature_whole CHECK (num_nulls(countersigned_by, countersigned_at) IN (0, 2)),
        CONSTRAINT decided_by_two CHECK ((state IN ('GRANTED', 'REFUSED')) = (countersigned_by IS NOT NULL)),
        CONSTRAINT countersigned_what CHECK (countersigned_by IS NULL OR proposed_by IS NOT NULL),
        -- Not on the verdict of the submission: what was sound then may be on hold now.
        CONSTRAINT granted_on_a_fresh_verdict CHECK (state <> 'GRANTED' OR verified_at = countersigned_at),
        CONSTRAINT granted_has_licence CHECK ((state = 'GRANTED') = (licence_id IS NOT NULL))
    )""",
    "CREATE INDEX export_case_applicant ON export_case (applicant, case_id)",
    """
    CREATE TABLE case_lot (
        case_id text NOT NULL REFERENCES export_case (case_id),
        position smallint NOT NULL,
        statement_id bytea NOT NULL CHECK (octet_length(statement_id) = 32),
        output_index integer NOT NULL CHECK (output_index >= 0),
        lot_id text NOT NULL,
        gross_g bigint NOT NULL CHECK (gross_g > 0),
        form text NOT NULL,
        net_g bigint NOT NULL CHECK (net_g BETWEEN 0 AND gross_g),
        elements jsonb NOT NULL,
        verdict text NOT NULL CHECK (verdict = 'VERIFIED'),
        findings jsonb NOT NULL,
        statements integer NOT NULL CHECK (statements > 0),
        control_codes text[] NOT NULL,
        PRIMARY KEY (case_id, position),
        UNIQUE (case_id, statement_id, output_index)
    )""",
    """
    CREATE TABLE case_line (
        case_id text NOT NULL REFERENCES export_case (case_id),
        position smallint NOT NULL,
        control_code text NOT NULL,
        hs_code text NOT NULL,
        gross_g bigint NOT NULL CHECK (gross_g > 0),
        PRIMARY KEY (case_id, position),
        UNIQUE (case_id, control_code)
    )""",
    # What happened to a case, by whom and why; a rejected proposal stands here and nowhere else.
    """
    CREATE TABLE case_event (
        case_id text NOT NULL REFERENCES export_case (case_id),
        version bigint NOT NULL,
        state text NOT NULL,
        outcome text CHECK (outcome IN ('GRANT', 'REFUSE')),
        actor text NOT NULL,
        reason text NOT NULL,
        at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (case_id, version),
        CONSTRAINT case_event_of_a_proposal CHECK ((outcome IS NOT NULL) = (state = 'DECISION_PROPOSED'))
    )""",
    append_only("case_event"),
    """
    CREATE TABLE licence (
        licence_id bytea PRIMARY KEY REFERENCES statement (statement_id),
        number text NOT NULL UNIQUE,
        case_id text NOT NULL UNIQUE REFERENCES export_case (case_id),
        licensee text NOT NULL,
        state text NOT NULL CHECK (state IN ('ACTIVE', 'SUSPENDED', 'REVOKED')),
        end_user text[] NOT NULL CHECK (array_length(end_user, 1) = 3),
        destination text NOT NULL CHECK (destination ~ '^[A-Z]{2}$'),
        expires_at timestamptz NOT NULL
    )""",
    "CREATE INDEX licence_licensee ON licence (licensee, case_id)",
    """
    CREATE TABLE licence_line (
        licence_id bytea NOT NULL REFERENCES licence (licence_id),
        control_code text NOT NULL,
        position smallint NOT NULL,
        hs_code text NOT NULL,
        granted_g bigint NOT NULL CHECK (granted_g > 0),
        reserved_g bigint NOT NULL DEFAULT 0 CHECK (reserved_g >= 0),
        used_g bigint NOT NULL DEFAULT 0 CHECK (used_g >= 0),
        CONSTRAINT within_the_grant CHECK (reserved_g + used_g <= granted_g),
        PRIMARY KEY (licence_id, control_code)
    )""",
    """
    CREATE TABLE export_act (
        act_id bytea PRIMARY KEY CHECK (octet_length(act_id) = 16),
        state text NOT NULL CHECK (state IN ('DECLARING', 'LOCKED', 'WRITING_OFF', 'VOIDING', 'EXPORTED', 'VOID')),
        licence_id bytea NOT NULL REFERENCES licence (licence_id),
        customs text NOT NULL,
        certificate_sha256 bytea NOT NULL CHECK (octet_length(certificate_sha256) = 32),
        port text NOT NULL,
        declaration_number text NOT NULL,
        declared_at timestamptz NOT NULL DEFAULT now(),
        intent_id bytea REFERENCES statement (statement_id),
        lock_id bytea REFERENCES peer_statement (statement_id),
        end_id bytea REFERENCES peer_statement (statement_id),
        void_reason text NOT NULL DEFAULT '',
        attempts integer NOT NULL DEFAULT 0,
        next_attempt_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT ends_on_a_signed_answer CHECK ((state IN ('EXPORTED', 'VOID')) = (end_id IS NOT NULL)),
        CONSTRAINT exports_on_an_intent CHECK (state NOT IN ('WRITING_OFF', 'EXPORTED') OR intent_id IS NOT NULL),
        CONSTRAINT void_for_a_reason CHECK ((state IN ('VOIDING', 'VOID')) = (void_reason <> ''))
    )""",
    # One for each kind of reader of a list: licensing, a port, a licensee.
    "CREATE INDEX export_act_newest ON export_act (declared_at DESC, act_id)",
    "CREATE INDEX export_act_of_port ON export_act (port, declared_at DESC, act_id)",
    "CREATE INDEX export_act_of_licence ON export_act (licence_id, declared_at DESC, act_id)",
    """
    CREATE INDEX export_act_pending ON export_act (next_attempt_at)
    WHERE state IN ('DECLARING', 'WRITING_OFF', 'VOIDING')""",
    """
    CREATE TABLE act_lot (
        act_id bytea NOT NULL REFERENCES export_act (act_id),
        position smallint NOT NULL,
        statement_id bytea NOT NULL CHECK (octet_length(statement_id) = 32),
        output_index integer NOT NULL CHECK (output_index >= 0),
        lot_id text NOT NULL,
        control_code text NOT NULL,
        control_codes text[] NOT NULL,
        declared_g bigint NOT NULL CHECK (declared_g > 0),
        written_off_g bigint CONSTRAINT within_the_declaration CHECK (written_off_g BETWEEN 0 AND declared_g),
        PRIMARY KEY (act_id, position),
        UNIQUE (act_id, statement_id, output_index)
    )""",
    """
    CREATE TABLE act_head (
        act_id bytea NOT NULL REFERENCES export_act (act_id),
        statement_id bytea NOT NULL CHECK (octet_length(statement_id) = 32),
        output_index integer NOT NULL CHECK (output_index >= 0),
        abroad boolean NOT NULL,
        PRIMARY KEY (act_id, statement_id, output_index)
    )""",
    # An act that ended stays as it ended: neither an export nor a void is ever taken back here.
    """
    CREATE FUNCTION act_stays_ended() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.state IN ('EXPORTED', 'VOID') THEN
            RAISE EXCEPTION 'an act of export ends once' USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN NEW;
    END $$""",
    "CREATE TRIGGER act_stays_ended BEFORE UPDATE ON export_act FOR EACH ROW EXECUTE FUNCTION act_stays_ended()",
)


def upgrade() -> None:
    """Create everything."""
    create_tables(op.execute, log_name="urn:monazite:log:export_license:0")
    for statement in TABLES:
        op.execute(statement)


def downgrade() -> None:
    """Records are kept five years (Decree 792 art. 27): there is no way back that drops them."""
    raise RuntimeError("records are kept; restore a backup instead")
