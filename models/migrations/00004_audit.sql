-- What staff and operators did by hand, and why. Append-only.

-- +goose Up
CREATE TABLE audit_log (
    id        uuid        PRIMARY KEY,
    at        timestamptz NOT NULL,
    -- Who did it, as far as we can tell: 'cli:night-shift', 'console:ada@example.news'.
    actor     text        NOT NULL CHECK (actor <> ''),
    -- What was done, such as 'grant.added'.
    action    text        NOT NULL CHECK (action ~ '^[a-z_]+\.[a-z_]+$'),
    -- To what: a grant's id, a payment's, a subject's.
    subject   text        NOT NULL CHECK (subject <> ''),
    member_id uuid        REFERENCES members (id),
    before    jsonb,
    after     jsonb,
    reason    text        NOT NULL
);
CREATE INDEX audit_log_member ON audit_log (member_id, at) WHERE member_id IS NOT NULL;
CREATE INDEX audit_log_at ON audit_log (at);

-- +goose Down
DROP TABLE audit_log;
