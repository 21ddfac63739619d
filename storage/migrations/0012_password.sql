-- +goose Up

ALTER TABLE account ADD COLUMN password_at BIGINT NOT NULL DEFAULT 0; -- when the password was set; 0: not known
