-- +goose Up

-- An event is written with what it records and linked into the chain a moment later.
CREATE TABLE audit (
	id         TEXT   NOT NULL PRIMARY KEY, -- begins with the time
	created_at BIGINT NOT NULL,
	kind       TEXT   NOT NULL,
	outcome    TEXT   NOT NULL,
	subject    TEXT   NOT NULL,
	client     TEXT   NOT NULL,
	session    TEXT   NOT NULL,
	address    TEXT   NOT NULL,
	actor      TEXT   NOT NULL,
	method     TEXT   NOT NULL,
	request    TEXT   NOT NULL,
	detail     TEXT   NOT NULL, -- JSON
	place      BIGINT UNIQUE,   -- in the chain; NULL until it is linked
	hash       BYTEA
);
CREATE INDEX audit_unlinked ON audit (id) WHERE place IS NULL;
CREATE INDEX audit_subject ON audit (subject, id);
CREATE INDEX audit_client ON audit (client, id);
CREATE INDEX audit_kind ON audit (kind, id);

-- Where the chain begins, once old events were removed, and where it ends.
CREATE TABLE audit_chain (
	name  TEXT   NOT NULL PRIMARY KEY, -- first, last
	place BIGINT NOT NULL,
	hash  BYTEA  NOT NULL
);
