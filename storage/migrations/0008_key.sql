-- +goose Up

-- To find what an old secret key has sealed, and which keys are in use, without reading every row.
CREATE INDEX authenticator_key_id ON authenticator (key_id, id);
CREATE INDEX setup_key_id ON setup (key_id, owner);
