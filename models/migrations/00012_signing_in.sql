-- How often one may ask, and changing one's address.

-- +goose Up

-- What is left of an hour's budget, as the instant until which it is used up (GCRA).
-- The key is an HMAC over what is counted and for whom: no address stands here.
-- Unlogged: after a crash everybody begins anew, and nothing is lost by it.
CREATE UNLOGGED TABLE sign_in_limits (
    key        bytea       PRIMARY KEY CHECK (octet_length(key) = 32),
    used_until timestamptz NOT NULL
);
CREATE INDEX sign_in_limits_used_until ON sign_in_limits (used_until);

-- Asked for too often: kept like any other and never mailed, so that the answer is
-- the same and costs the same.
ALTER TABLE sign_in_attempts ADD COLUMN limited boolean NOT NULL DEFAULT false;

-- A wish to have another address. It comes true once both addresses have said so; the
-- old one can take it back for a week.
CREATE TABLE address_changes (
    id               uuid        PRIMARY KEY,
    member_id        uuid        NOT NULL REFERENCES members (id),
    -- The session that asked: it is the one that stays. No reference, because
    -- sessions may be deleted before.
    session_id       uuid        NOT NULL,
    old_email        text        NOT NULL,
    new_email        text        NOT NULL,
    -- The mailed links and the code are HMACs over this and the server's pepper.
    seed             bytea       NOT NULL CHECK (octet_length(seed) = 32),
    tries            integer     NOT NULL DEFAULT 0,
    limited          boolean     NOT NULL,
    locale           text        NOT NULL,
    created_at       timestamptz NOT NULL,
    expires_at       timestamptz NOT NULL,
    undo_until       timestamptz NOT NULL,
    old_confirmed_at timestamptz,
    new_confirmed_at timestamptz,
    done_at          timestamptz,
    undone_at        timestamptz,
    CONSTRAINT address_changes_done CHECK (done_at IS NULL OR (old_confirmed_at IS NOT NULL AND new_confirmed_at IS NOT NULL))
);
CREATE INDEX address_changes_member ON address_changes (member_id, created_at);
CREATE INDEX address_changes_undo ON address_changes (undo_until);

-- +goose Down
DROP TABLE address_changes;
ALTER TABLE sign_in_attempts DROP COLUMN limited;
DROP TABLE sign_in_limits;
