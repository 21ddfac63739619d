-- +goose Up

-- Whose budget it is, so that an operator finds all those of a user.
ALTER TABLE guess ADD COLUMN owner TEXT NOT NULL DEFAULT '';
CREATE INDEX guess_owner ON guess (owner);
UPDATE guess SET owner = substr(budget, 6) WHERE budget LIKE 'totp:%';
UPDATE guess SET owner = substr(budget, 10) WHERE budget LIKE 'recovery:%';
