-- Going through Stripe's own lists, because events alone can never be complete.

-- +goose Up

-- Where each sweep stands. A pass goes through one or more lists, page by page;
-- between two pages nobody holds it, so that replicas share the work and a killed
-- one is taken up where it stopped.
CREATE TABLE sweeps (
    name        text        NOT NULL CHECK (name IN ('events', 'objects', 'money')),
    livemode    boolean     NOT NULL,
    -- The list that the pass is in, and the last object of it that was looked at.
    step        integer     NOT NULL DEFAULT 0,
    cursor      text        NOT NULL DEFAULT '',
    -- Where the pass begins, by the newsroom's clock; NULL looks at everything.
    since       timestamptz,
    -- The newest that this pass has met, and the newest that a finished one has.
    reached     timestamptz,
    watermark   timestamptz,
    -- By the real clock: when the next page is due, and who is turning it.
    next_at     timestamptz NOT NULL,
    lease_token uuid,
    lease_until timestamptz,
    attempts    integer     NOT NULL DEFAULT 0,
    last_error  text        NOT NULL DEFAULT '',
    -- NULL while no pass is under way.
    started_at  timestamptz,
    finished_at timestamptz,
    passes      bigint      NOT NULL DEFAULT 0,
    -- What this pass has looked at and found to differ, by kind; and all of them.
    listed      bigint      NOT NULL DEFAULT 0,
    drift       jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(drift) = 'object'),
    drift_total jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(drift_total) = 'object'),
    PRIMARY KEY (name, livemode)
);

-- What the list of subscriptions shows of each, and when Stripe last showed it.
-- NULL until the next sync.
ALTER TABLE subscriptions
    ADD COLUMN latest_invoice_id     text,
    ADD COLUMN latest_invoice_status text,
    ADD COLUMN seen_at               timestamptz;

-- +goose Down
ALTER TABLE subscriptions DROP COLUMN latest_invoice_id, DROP COLUMN latest_invoice_status, DROP COLUMN seen_at;
DROP TABLE sweeps;
