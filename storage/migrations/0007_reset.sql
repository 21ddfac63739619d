-- +goose Up

-- A reset of a user's second factor that an operator has announced.
CREATE TABLE reset (
	id         TEXT   NOT NULL PRIMARY KEY,
	subject    TEXT   NOT NULL UNIQUE,
	reason     TEXT   NOT NULL,
	actor      TEXT   NOT NULL,
	created_at BIGINT NOT NULL,
	due_at     BIGINT NOT NULL
);
CREATE INDEX reset_due_at ON reset (due_at);

-- A link that lets a user enrol once.
CREATE TABLE enrol_link (
	id         BYTEA  NOT NULL PRIMARY KEY, -- SHA-256 of the link's token
	subject    TEXT   NOT NULL,
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	used_at    BIGINT NOT NULL -- 0: live
);
CREATE INDEX enrol_link_subject ON enrol_link (subject);
CREATE INDEX enrol_link_expires_at ON enrol_link (expires_at);
