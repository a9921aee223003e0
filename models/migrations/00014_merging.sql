-- A purchase that was made under another member's address becomes that member's, or is
-- said not to be theirs.

-- +goose Up
ALTER TABLE members
    -- Who this member has become part of: what they bought is that one's. The row stays,
    -- because histories and links name it, and has no address of its own any more.
    ADD COLUMN merged_into uuid REFERENCES members (id),
    ADD COLUMN merged_at   timestamptz,
    -- When whoever owns the address said that the purchase is not theirs.
    ADD COLUMN disowned_at timestamptz,
    ADD CONSTRAINT members_merged CHECK ((merged_into IS NULL) = (merged_at IS NULL) AND (merged_into IS NULL OR email IS NULL) AND merged_into <> id);
CREATE INDEX members_merged_into ON members (merged_into) WHERE merged_into IS NOT NULL;

-- +goose Down
DROP INDEX members_merged_into;
ALTER TABLE members DROP COLUMN merged_into, DROP COLUMN merged_at, DROP COLUMN disowned_at;
