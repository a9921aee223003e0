-- Article services on domains of their own, and the codes that their readers bring
-- them from us.

-- +goose Up

CREATE TABLE clients (
    id               uuid        PRIMARY KEY,
    name             text        NOT NULL CHECK (name <> ''),
    -- The origin that tokens are for, and the one address there that codes are sent to.
    audience         text        NOT NULL,
    callback         text        NOT NULL,
    -- SHA-256: the secrets are 32 random bytes. The old one is good for a while after
    -- a change.
    secret_hash      bytea       NOT NULL CHECK (octet_length(secret_hash) = 32),
    old_secret_hash  bytea       CHECK (octet_length(old_secret_hash) = 32),
    old_secret_until timestamptz,
    created_at       timestamptz NOT NULL,
    revoked_at       timestamptz,
    CONSTRAINT clients_callback CHECK (starts_with(callback, audience || '/')),
    CONSTRAINT clients_old_secret CHECK ((old_secret_hash IS NULL) = (old_secret_until IS NULL))
);
-- A reader is sent back to an article service by its origin.
CREATE UNIQUE INDEX clients_audience ON clients (audience) WHERE revoked_at IS NULL;

-- Each is good once, for one client, within a minute.
CREATE TABLE client_codes (
    hash        bytea       PRIMARY KEY CHECK (octet_length(hash) = 32),
    client_id   uuid        NOT NULL REFERENCES clients (id),
    -- No reference: sessions may be deleted before.
    session_id  uuid        NOT NULL,
    -- What the browser's own secret must hash to (RFC 7636).
    challenge   text        NOT NULL CHECK (length(challenge) = 43),
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    used_at     timestamptz,
    replayed_at timestamptz,
    CONSTRAINT client_codes_replayed CHECK (replayed_at IS NULL OR used_at IS NOT NULL)
);
CREATE INDEX client_codes_client ON client_codes (client_id);
CREATE INDEX client_codes_expires_at ON client_codes (expires_at);

-- +goose Down
DROP TABLE client_codes;
DROP TABLE clients;
