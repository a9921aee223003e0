-- What a grant depends on becomes kept facts, and what follows from them a policy
-- that the publisher may change: both together tell every grant without Stripe.

-- +goose Up

-- What its trial gives and its invoices paid for, a list of models.Stretch. NULL
-- until a sync by a program that keeps it.
ALTER TABLE subscriptions ADD COLUMN stretches jsonb CHECK (jsonb_typeof(stretches) = 'array');
-- The synced_at of the sync that wrote the stretches. Where the two differ, a program
-- that does not know of them wrote the row since, and they may be out of date.
ALTER TABLE subscriptions ADD COLUMN facts_at timestamptz;
-- Which version of the policy its grants follow.
ALTER TABLE subscriptions ADD COLUMN policy_version bigint NOT NULL DEFAULT 0;
CREATE INDEX subscriptions_without_facts ON subscriptions (id) WHERE facts_at IS DISTINCT FROM synced_at;
CREATE INDEX subscriptions_policy_version ON subscriptions (policy_version, id) WHERE kind = 'membership';

-- One row: the policy in force. Who changed it, and from what, is in audit_log.
CREATE TABLE policy (
    id                      integer     PRIMARY KEY CHECK (id = 1),
    version                 bigint      NOT NULL CHECK (version > 0),
    -- NULL: it is as it was shipped.
    changed_at              timestamptz,
    renewal_slack_days      integer     NOT NULL CHECK (renewal_slack_days BETWEEN 0 AND 14),
    renewal_processing_days integer     NOT NULL CHECK (renewal_processing_days BETWEEN 0 AND 60),
    longest_grace_days      integer     NOT NULL CHECK (longest_grace_days BETWEEN 0 AND 90),
    first_processing        text        NOT NULL CHECK (first_processing IN ('nothing', 'access')),
    canceled_at_once        text        NOT NULL CHECK (canceled_at_once IN ('end', 'keep')),
    refund                  text        NOT NULL CHECK (refund IN ('revoke', 'keep')),
    dispute                 text        NOT NULL CHECK (dispute IN ('suspend', 'keep')),
    dispute_lost            text        NOT NULL CHECK (dispute_lost IN ('revoke', 'keep')),
    CONSTRAINT policy_dispute CHECK (dispute = 'keep' OR dispute_lost = 'revoke')
);
INSERT INTO policy VALUES (1, 1, NULL, 3, 21, 28, 'nothing', 'end', 'revoke', 'suspend', 'revoke');

-- +goose Down
DROP TABLE policy;
ALTER TABLE subscriptions DROP COLUMN policy_version, DROP COLUMN facts_at, DROP COLUMN stretches;
