-- Which payment pages ran out within the last hour: so many left ones are an alarm.

-- +goose Up
CREATE INDEX checkout_intents_expires ON checkout_intents (expires_at);

-- +goose Down
DROP INDEX checkout_intents_expires;
