-- What a token that was signed before must not open any more: the access of a member
-- that was taken, a session that was ended. A row is told until the last such token
-- has run out.

-- +goose Up
CREATE TABLE revocations (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Either a member, whose tokens below this entitlement version are dead …
    member_id  uuid,
    version    bigint,
    -- … or a session, whose tokens all are. No references: what became of either
    -- meanwhile makes no token good again.
    session_id uuid,
    until      timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT revocations_kind CHECK ((session_id IS NULL) = (member_id IS NOT NULL) AND (member_id IS NULL) = (version IS NULL))
);
CREATE INDEX revocations_until ON revocations (until);

-- +goose Down
DROP TABLE revocations;
