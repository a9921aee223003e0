-- What we owe Stripe: a subscription to be cancelled, a payment to be given back.
-- Written with the facts that call for it, carried out outside any transaction, each
-- once.

-- +goose Up
CREATE TABLE errands (
    id              uuid        PRIMARY KEY,
    livemode        boolean     NOT NULL,
    kind            text        NOT NULL CHECK (kind IN ('cancel_subscription', 'refund_payment')),
    -- At Stripe: the subscription's id, or the payment intent's.
    target          text        NOT NULL,
    cause           text        NOT NULL CHECK (cause IN ('duplicate', 'dispute_lost')),
    -- waiting: staff decide. refused: Stripe would not, for a day.
    status          text        NOT NULL CHECK (status IN ('waiting', 'owed', 'done', 'refused', 'dismissed')),
    subscription_id text        NOT NULL REFERENCES subscriptions (id),
    customer_id     text        NOT NULL REFERENCES customers (id),
    member_id       uuid        NOT NULL REFERENCES members (id),
    -- Part of Stripe's idempotency key er_<id>_<spent>: how many keys Stripe answers
    -- no more but with an error.
    spent           integer     NOT NULL DEFAULT 0,
    attempts        integer     NOT NULL DEFAULT 0,
    next_at         timestamptz NOT NULL,
    lease_token     uuid,
    lease_until     timestamptz,
    last_error      text        NOT NULL DEFAULT '',
    -- By the real clock, as are next_at and the lease.
    owed_at         timestamptz NOT NULL,
    done_at         timestamptz,
    CONSTRAINT errands_once UNIQUE (kind, target, cause)
);
CREATE INDEX errands_due ON errands (next_at) WHERE status = 'owed';
CREATE INDEX errands_subscription ON errands (subscription_id);
CREATE INDEX errands_customer ON errands (customer_id);
CREATE INDEX errands_member ON errands (member_id);

-- The checkout that a subscription was bought by, as its metadata says. No reference:
-- metadata is typed by people, too.
ALTER TABLE subscriptions ADD COLUMN intent_id uuid;

-- +goose Down
ALTER TABLE subscriptions DROP COLUMN intent_id;
DROP TABLE errands;
