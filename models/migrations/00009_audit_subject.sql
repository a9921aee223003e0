-- What was done about a guest's payment: it has no member to look by.

-- +goose Up
CREATE INDEX audit_log_subject ON audit_log (subject);

-- +goose Down
DROP INDEX audit_log_subject;
