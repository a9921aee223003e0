-- Times come from the application's clock, never from SQL. Amounts are bigint in
-- the currency's smallest unit, beside their currency (ISO 4217, lower case, as
-- Stripe writes it). Every row that mirrors Stripe carries account ('' is the
-- publisher's own) and livemode.

-- +goose Up

-- Who reads -------------------------------------------------------------------

CREATE TABLE members (
    id                  uuid        PRIMARY KEY,
    -- The proven or first claimed address, in canonical form. NULL for a
    -- provisional member: one made by a purchase under an address that another
    -- member owns, until its buyer proves the address and merges the two.
    email               text,
    email_verified_at   timestamptz,
    provisional_email   text,
    name                text        NOT NULL,
    locale              text        NOT NULL,
    entitlement_version bigint      NOT NULL DEFAULT 0,
    created_at          timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL,
    CONSTRAINT members_email_canonical CHECK (email ~ '^[^[:space:]A-Z@]+@[^[:space:]A-Z@]+$' AND octet_length(email) <= 254),
    CONSTRAINT members_provisional_canonical CHECK (provisional_email ~ '^[^[:space:]A-Z@]+@[^[:space:]A-Z@]+$' AND octet_length(provisional_email) <= 254),
    CONSTRAINT members_one_address CHECK ((email IS NULL) <> (provisional_email IS NULL)),
    CONSTRAINT members_verified_has_email CHECK (email_verified_at IS NULL OR email IS NOT NULL)
);
CREATE UNIQUE INDEX members_email ON members (email);
CREATE INDEX members_provisional_email ON members (provisional_email) WHERE provisional_email IS NOT NULL;

-- What is sold ----------------------------------------------------------------

CREATE TABLE features (
    id          text        PRIMARY KEY CHECK (id ~ '^[a-z0-9-]+:[a-z0-9-]+$'),
    description text        NOT NULL,
    created_at  timestamptz NOT NULL
);

CREATE TABLE plans (
    id          text        PRIMARY KEY CHECK (id ~ '^[a-z0-9-]+$'),
    name        text        NOT NULL,
    description text        NOT NULL,
    rank        integer     NOT NULL CHECK (rank >= 0),
    grace_days  integer     NOT NULL CHECK (grace_days BETWEEN 0 AND 28),
    -- A plan that nobody buys: who is given it.
    given_to    text        CHECK (given_to IN ('newsletter')),
    retired_at  timestamptz,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL
);
CREATE UNIQUE INDEX plans_given_to ON plans (given_to) WHERE given_to IS NOT NULL AND retired_at IS NULL;

CREATE TABLE plan_features (
    plan_id    text NOT NULL REFERENCES plans (id),
    feature_id text NOT NULL REFERENCES features (id),
    PRIMARY KEY (plan_id, feature_id)
);
CREATE INDEX plan_features_feature ON plan_features (feature_id);

-- Stripe's products that are ours: one per plan, one for donations.
CREATE TABLE products (
    id         text        PRIMARY KEY,
    account    text        NOT NULL,
    livemode   boolean     NOT NULL,
    kind       text        NOT NULL CHECK (kind IN ('plan', 'donation')),
    plan_id    text        REFERENCES plans (id),
    created_at timestamptz NOT NULL,
    CONSTRAINT products_plan CHECK ((kind = 'plan') = (plan_id IS NOT NULL))
);
CREATE UNIQUE INDEX products_one_per_plan ON products (account, livemode, plan_id) WHERE kind = 'plan';
CREATE UNIQUE INDEX products_one_for_donations ON products (account, livemode) WHERE kind = 'donation';
CREATE INDEX products_plan_id ON products (plan_id) WHERE plan_id IS NOT NULL;

-- A price never changes: another amount is another row, and the retired one keeps
-- granting to those who hold it.
CREATE TABLE prices (
    id         text        PRIMARY KEY,
    account    text        NOT NULL,
    livemode   boolean     NOT NULL,
    product_id text        NOT NULL REFERENCES products (id),
    plan_id    text        NOT NULL REFERENCES plans (id),
    "interval" text        NOT NULL CHECK ("interval" IN ('month', 'year')),
    currency   text        NOT NULL CHECK (currency ~ '^[a-z]{3}$'),
    amount     bigint      NOT NULL CHECK (amount > 0),
    retired_at timestamptz,
    created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX prices_one_sold ON prices (plan_id, "interval", currency, account, livemode) WHERE retired_at IS NULL;
CREATE INDEX prices_product ON prices (product_id);

CREATE TABLE donation_options (
    currency text    PRIMARY KEY CHECK (currency ~ '^[a-z]{3}$'),
    position integer NOT NULL,
    minimum  bigint  NOT NULL CHECK (minimum > 0),
    maximum  bigint  NOT NULL,
    once     boolean NOT NULL,
    monthly  boolean NOT NULL,
    CONSTRAINT donation_options_bounds CHECK (maximum >= minimum),
    CONSTRAINT donation_options_offered CHECK (once OR monthly)
);

CREATE TABLE donation_presets (
    currency text   NOT NULL REFERENCES donation_options (currency) ON DELETE CASCADE,
    amount   bigint NOT NULL CHECK (amount > 0),
    PRIMARY KEY (currency, amount)
);

-- Stripe's present state, as we last fetched it ---------------------------------

CREATE TABLE customers (
    id         text        PRIMARY KEY,
    account    text        NOT NULL,
    livemode   boolean     NOT NULL,
    member_id  uuid        REFERENCES members (id),
    deleted    boolean     NOT NULL,
    created_at timestamptz NOT NULL,
    synced_at  timestamptz
);
CREATE INDEX customers_member ON customers (member_id) WHERE member_id IS NOT NULL;

CREATE TABLE subscriptions (
    id                   text        PRIMARY KEY,
    account              text        NOT NULL,
    livemode             boolean     NOT NULL,
    customer_id          text        NOT NULL REFERENCES customers (id),
    kind                 text        NOT NULL CHECK (kind IN ('membership', 'donation', 'foreign')),
    price_id             text        NOT NULL,
    status               text        NOT NULL CHECK (status IN ('incomplete', 'incomplete_expired', 'trialing', 'active', 'past_due', 'canceled', 'unpaid', 'paused')),
    current_period_start timestamptz NOT NULL,
    current_period_end   timestamptz NOT NULL,
    -- The end of the last period that a settled invoice paid for. Not
    -- current_period_end: Stripe moves that before it tries the card.
    paid_through         timestamptz,
    -- The first failed charge of the open invoice, while past_due.
    failed_at            timestamptz,
    cancel_at_period_end boolean     NOT NULL,
    cancel_at            timestamptz,
    canceled_at          timestamptz,
    ended_at             timestamptz,
    trial_end            timestamptz,
    pause_collection     text        CHECK (pause_collection IN ('keep_as_draft', 'mark_uncollectible', 'void')),
    created_at           timestamptz NOT NULL,
    synced_at            timestamptz NOT NULL
);
CREATE INDEX subscriptions_customer ON subscriptions (customer_id);
CREATE INDEX subscriptions_price ON subscriptions (price_id);

-- Buying ------------------------------------------------------------------------

-- One row per gift that somebody set out to make: a single one, or a monthly one
-- whose charges are many payments. It counts when a payment of it succeeded.
CREATE TABLE donations (
    id              uuid        PRIMARY KEY,
    account         text        NOT NULL,
    livemode        boolean     NOT NULL,
    member_id       uuid        REFERENCES members (id),
    donor_email     text        NOT NULL,
    donor_name      text        NOT NULL,
    anonymous       boolean     NOT NULL,
    message         text        NOT NULL CHECK (char_length(message) <= 500),
    "interval"      text        NOT NULL CHECK ("interval" IN ('once', 'month')),
    currency        text        NOT NULL CHECK (currency ~ '^[a-z]{3}$'),
    amount          bigint      NOT NULL CHECK (amount > 0),
    campaign        text        NOT NULL,
    subscription_id text REFERENCES subscriptions (id),
    created_at      timestamptz NOT NULL,
    CONSTRAINT donations_once_has_no_subscription CHECK ("interval" <> 'once' OR subscription_id IS NULL)
);
CREATE UNIQUE INDEX donations_subscription_id ON donations (subscription_id);
CREATE INDEX donations_member ON donations (member_id, created_at) WHERE member_id IS NOT NULL;

CREATE TABLE checkout_intents (
    id           uuid        PRIMARY KEY,
    account      text        NOT NULL,
    livemode     boolean     NOT NULL,
    kind         text        NOT NULL CHECK (kind IN ('membership', 'donation')),
    status       text        NOT NULL CHECK (status IN ('open', 'completed', 'expired')),
    -- Who buys; for a guest NULL until the payment tells us an address.
    member_id    uuid        REFERENCES members (id),
    price_id     text        REFERENCES prices (id),
    donation_id  uuid REFERENCES donations (id),
    -- Part of Stripe's idempotency key co_<id>_<attempt>.
    attempt      integer     NOT NULL CHECK (attempt >= 1),
    session_id   text,
    session_url  text        NOT NULL,
    form_nonce   text        NOT NULL,
    -- SHA-256 of the cookie that the buying browser holds: only that browser may
    -- come back as the buyer.
    browser_hash bytea       NOT NULL CHECK (octet_length(browser_hash) = 32),
    return_to    text        NOT NULL,
    locale       text        NOT NULL,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    -- When the buying browser came back and was let in, at most once.
    consumed_at  timestamptz,
    CONSTRAINT checkout_intents_what CHECK ((kind = 'membership') = (price_id IS NOT NULL) AND (kind = 'donation') = (donation_id IS NOT NULL))
);
CREATE UNIQUE INDEX checkout_intents_donation_id ON checkout_intents (donation_id);
CREATE UNIQUE INDEX checkout_intents_session_id ON checkout_intents (session_id);
CREATE UNIQUE INDEX checkout_intents_form_nonce ON checkout_intents (form_nonce);
CREATE UNIQUE INDEX checkout_intents_one_open ON checkout_intents (member_id) WHERE kind = 'membership' AND status = 'open';
CREATE INDEX checkout_intents_price ON checkout_intents (price_id) WHERE price_id IS NOT NULL;
CREATE INDEX checkout_intents_member ON checkout_intents (member_id) WHERE member_id IS NOT NULL;

-- The ledger: one row per payment intent, in absolute amounts copied from the
-- fetched charge, so that applying a state twice changes nothing.
CREATE TABLE payments (
    id                uuid        PRIMARY KEY,
    account           text        NOT NULL,
    livemode          boolean     NOT NULL,
    payment_intent_id text        NOT NULL,
    charge_id         text,
    customer_id       text        REFERENCES customers (id),
    member_id         uuid        REFERENCES members (id),
    kind              text        NOT NULL CHECK (kind IN ('membership', 'donation')),
    donation_id       uuid        REFERENCES donations (id),
    subscription_id   text        REFERENCES subscriptions (id),
    invoice_id        text,
    status            text        NOT NULL CHECK (status IN ('pending', 'succeeded', 'failed')),
    currency          text        NOT NULL CHECK (currency ~ '^[a-z]{3}$'),
    amount            bigint      NOT NULL CHECK (amount > 0),
    refunded          bigint      NOT NULL CHECK (refunded >= 0),
    disputed          bigint      NOT NULL CHECK (disputed >= 0),
    -- Stripe's fee in the currency it was settled in; NULL until Stripe tells.
    fee               bigint,
    fee_currency      text        CHECK (fee_currency ~ '^[a-z]{3}$'),
    paid_at           timestamptz,
    created_at        timestamptz NOT NULL,
    synced_at         timestamptz NOT NULL,
    CONSTRAINT payments_refunded_at_most CHECK (refunded <= amount),
    CONSTRAINT payments_donation CHECK ((kind = 'donation') = (donation_id IS NOT NULL)),
    CONSTRAINT payments_paid CHECK ((status = 'succeeded') = (paid_at IS NOT NULL)),
    CONSTRAINT payments_fee CHECK ((fee IS NULL) = (fee_currency IS NULL))
);
CREATE UNIQUE INDEX payments_payment_intent_id ON payments (payment_intent_id);
CREATE UNIQUE INDEX payments_charge_id ON payments (charge_id);
CREATE UNIQUE INDEX payments_invoice_id ON payments (invoice_id);
CREATE INDEX payments_member ON payments (member_id, created_at) WHERE member_id IS NOT NULL;
CREATE INDEX payments_customer ON payments (customer_id) WHERE customer_id IS NOT NULL;
CREATE INDEX payments_donation_id ON payments (donation_id) WHERE donation_id IS NOT NULL;
CREATE INDEX payments_subscription ON payments (subscription_id) WHERE subscription_id IS NOT NULL;
CREATE INDEX payments_paid_at ON payments (paid_at) WHERE paid_at IS NOT NULL;

CREATE TABLE refunds (
    id         text        PRIMARY KEY,
    account    text        NOT NULL,
    livemode   boolean     NOT NULL,
    payment_id uuid        NOT NULL REFERENCES payments (id),
    status     text        NOT NULL CHECK (status IN ('pending', 'requires_action', 'succeeded', 'failed', 'canceled')),
    currency   text        NOT NULL CHECK (currency ~ '^[a-z]{3}$'),
    amount     bigint      NOT NULL CHECK (amount > 0),
    reason     text        NOT NULL,
    created_at timestamptz NOT NULL,
    synced_at  timestamptz NOT NULL
);
CREATE INDEX refunds_payment ON refunds (payment_id);

CREATE TABLE disputes (
    id         text        PRIMARY KEY,
    account    text        NOT NULL,
    livemode   boolean     NOT NULL,
    payment_id uuid        NOT NULL REFERENCES payments (id),
    status     text        NOT NULL CHECK (status IN ('warning_needs_response', 'warning_under_review', 'warning_closed', 'needs_response', 'under_review', 'won', 'lost')),
    currency   text        NOT NULL CHECK (currency ~ '^[a-z]{3}$'),
    amount     bigint      NOT NULL CHECK (amount > 0),
    reason     text        NOT NULL,
    created_at timestamptz NOT NULL,
    synced_at  timestamptz NOT NULL
);
CREATE INDEX disputes_payment ON disputes (payment_id);

-- Staying equal to Stripe ---------------------------------------------------------

-- A subject is what one sync brings up to date: a customer, or the payment intent
-- of a guest. dirty counts what came in, synced what was applied; a subject is due
-- while dirty > synced.
CREATE TABLE sync_subjects (
    id          text        PRIMARY KEY,
    account     text        NOT NULL,
    livemode    boolean     NOT NULL,
    kind        text        NOT NULL CHECK (kind IN ('customer', 'payment_intent')),
    dirty       bigint      NOT NULL,
    claimed     bigint      NOT NULL DEFAULT 0,
    synced      bigint      NOT NULL DEFAULT 0,
    lease_token uuid,
    lease_until timestamptz,
    attempts    integer     NOT NULL DEFAULT 0,
    next_at     timestamptz NOT NULL,
    -- When to look once more, in case a read lagged its event.
    settle_at   timestamptz,
    dead_at     timestamptz,
    last_error  text        NOT NULL DEFAULT '',
    synced_at   timestamptz,
    CONSTRAINT sync_subjects_counts CHECK (synced <= claimed AND claimed <= dirty)
);
CREATE INDEX sync_subjects_due ON sync_subjects (next_at) WHERE dirty > synced AND dead_at IS NULL;
CREATE INDEX sync_subjects_settle ON sync_subjects (settle_at) WHERE settle_at IS NOT NULL AND dead_at IS NULL;

-- The inbox: ids and a hash, never the payload, because state is fetched anew.
CREATE TABLE stripe_events (
    id           text        PRIMARY KEY,
    account      text        NOT NULL,
    livemode     boolean     NOT NULL,
    type         text        NOT NULL,
    api_version  text        NOT NULL,
    object_type  text        NOT NULL,
    object_id    text        NOT NULL,
    -- Set when the other mode's event came to our endpoint: kept, not processed.
    quarantined  boolean     NOT NULL,
    subject_id   text        REFERENCES sync_subjects (id),
    -- The subject's dirty count with this event in it: the event is processed once
    -- the subject's synced count has reached it.
    dirty        bigint      NOT NULL,
    body_hash    bytea       NOT NULL CHECK (octet_length(body_hash) = 32),
    created_at   timestamptz NOT NULL,
    received_at  timestamptz NOT NULL
);
CREATE INDEX stripe_events_received ON stripe_events (received_at);
CREATE INDEX stripe_events_subject ON stripe_events (subject_id) WHERE subject_id IS NOT NULL;

-- Who may read what, why, until when ------------------------------------------------

CREATE TABLE grants (
    id             uuid        PRIMARY KEY,
    member_id      uuid        NOT NULL REFERENCES members (id),
    source         text        NOT NULL CHECK (source IN ('subscription', 'payment', 'gift', 'complimentary', 'newsletter', 'trial', 'staff', 'group')),
    -- What gave it: a subscription's id, a payment's, a member's own choice.
    source_ref     text        NOT NULL,
    -- Which part of it: the price that paid for this stretch of a subscription.
    part           text        NOT NULL,
    account        text        NOT NULL,
    livemode       boolean     NOT NULL,
    plan_id        text        NOT NULL,
    -- Frozen as they were sold: a later change of the plan takes nothing away.
    tier           text        NOT NULL,
    rank           integer     NOT NULL,
    features       jsonb       NOT NULL CHECK (jsonb_typeof(features) = 'array'),
    valid_from     timestamptz NOT NULL,
    valid_until    timestamptz,
    grace_until    timestamptz,
    grace_reason   text        NOT NULL,
    revoked_at     timestamptz,
    revoked_reason text        NOT NULL,
    -- When it took effect, and when we learned of it: "as of" needs both.
    effective_at   timestamptz NOT NULL,
    recorded_at    timestamptz NOT NULL,
    CONSTRAINT grants_source_once UNIQUE (member_id, source, source_ref, part),
    CONSTRAINT grants_span CHECK (valid_until >= valid_from),
    CONSTRAINT grants_grace CHECK (grace_until IS NULL OR grace_until >= valid_until),
    CONSTRAINT grants_grace_reason CHECK ((grace_until IS NULL) = (grace_reason = '')),
    CONSTRAINT grants_revoked_reason CHECK ((revoked_at IS NULL) = (revoked_reason = ''))
);
CREATE INDEX grants_source ON grants (source, source_ref);

-- Append-only: what each grant looked like from each change on.
CREATE TABLE grant_events (
    id             uuid        PRIMARY KEY,
    grant_id       uuid        NOT NULL REFERENCES grants (id),
    member_id      uuid        NOT NULL REFERENCES members (id),
    change         text        NOT NULL CHECK (change IN ('granted', 'extended', 'shortened', 'revoked', 'restored', 'changed')),
    reason         text        NOT NULL,
    tier           text        NOT NULL,
    rank           integer     NOT NULL,
    features       jsonb       NOT NULL CHECK (jsonb_typeof(features) = 'array'),
    valid_from     timestamptz NOT NULL,
    valid_until    timestamptz,
    grace_until    timestamptz,
    grace_reason   text        NOT NULL,
    revoked_at     timestamptz,
    revoked_reason text        NOT NULL,
    effective_at   timestamptz NOT NULL,
    recorded_at    timestamptz NOT NULL
);
CREATE INDEX grant_events_grant ON grant_events (grant_id, recorded_at);
CREATE INDEX grant_events_member ON grant_events (member_id, recorded_at);

-- Signing in ------------------------------------------------------------------------

CREATE TABLE sign_in_attempts (
    id          uuid        PRIMARY KEY,
    kind        text        NOT NULL CHECK (kind IN ('sign_in', 'newsletter')),
    email       text        NOT NULL,
    -- The mailed link and code are HMACs over this and the server's pepper, so
    -- that nothing secret is stored.
    seed        bytea       NOT NULL CHECK (octet_length(seed) = 32),
    cookie_hash bytea       NOT NULL CHECK (octet_length(cookie_hash) = 32),
    tries       integer     NOT NULL DEFAULT 0,
    return_to   text        NOT NULL,
    locale      text        NOT NULL,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    consumed_at timestamptz
);
CREATE INDEX sign_in_attempts_live ON sign_in_attempts (email, created_at) WHERE consumed_at IS NULL;
CREATE INDEX sign_in_attempts_expiry ON sign_in_attempts (expires_at);

CREATE TABLE sessions (
    id             uuid        PRIMARY KEY,
    member_id      uuid        NOT NULL REFERENCES members (id),
    -- The refresh token is an HMAC over id, generation and this seed.
    seed           bytea       NOT NULL CHECK (octet_length(seed) = 32),
    generation     bigint      NOT NULL DEFAULT 0,
    -- Whether the current generation has been presented yet, when first, and how
    -- often its parent came again since: a lost answer is not theft.
    presented_at   timestamptz,
    parent_uses    integer     NOT NULL DEFAULT 0,
    -- Limited: may read what its member may read, and nothing else, until the
    -- address is proven.
    limited        boolean     NOT NULL,
    user_agent     text        NOT NULL,
    created_at     timestamptz NOT NULL,
    rotated_at     timestamptz NOT NULL,
    last_seen_at   timestamptz NOT NULL,
    idle_until     timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    revoked_at     timestamptz,
    revoked_reason text        NOT NULL,
    CONSTRAINT sessions_revoked CHECK ((revoked_at IS NULL) = (revoked_reason = ''))
);
CREATE INDEX sessions_member ON sessions (member_id, created_at);
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE signing_keys (
    kid            text        PRIMARY KEY,
    alg            text        NOT NULL CHECK (alg IN ('ES256', 'EdDSA')),
    public_jwk     jsonb       NOT NULL,
    -- AES-256-GCM, sealed under a key that is not in this database.
    sealed_private bytea       NOT NULL,
    state          text        NOT NULL CHECK (state IN ('pending', 'active', 'retiring', 'retired', 'revoked')),
    created_at     timestamptz NOT NULL,
    activated_at   timestamptz,
    retiring_at    timestamptz,
    ended_at       timestamptz
);
CREATE UNIQUE INDEX signing_keys_one_active ON signing_keys (state) WHERE state = 'active';
CREATE UNIQUE INDEX signing_keys_one_pending ON signing_keys (state) WHERE state = 'pending';

-- +goose Down
DROP TABLE signing_keys, sessions, sign_in_attempts, grant_events, grants, stripe_events, sync_subjects,
    disputes, refunds, payments, checkout_intents, donations, subscriptions, customers,
    donation_presets, donation_options, prices, products, plan_features, plans, features, members;
