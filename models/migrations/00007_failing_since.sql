-- Since when a subject's sync fails: after a day it is given up, until its next event.

-- +goose Up
ALTER TABLE sync_subjects ADD COLUMN failing_since timestamptz;

-- What has failed or was given up, for `membership events list`.
CREATE INDEX sync_subjects_failing ON sync_subjects (id) WHERE failing_since IS NOT NULL OR dead_at IS NOT NULL;

-- +goose Down
DROP INDEX sync_subjects_failing;
ALTER TABLE sync_subjects DROP COLUMN failing_since;
