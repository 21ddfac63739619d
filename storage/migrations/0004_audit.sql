-- +goose Up

-- An event is written once, with what it records, and linked into the chain a moment later.
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
	detail     TEXT   NOT NULL  -- JSON
);
-- By the time, which is in the id as well, and a third as long.
CREATE INDEX audit_subject ON audit (subject, created_at);
CREATE INDEX audit_client ON audit (client, created_at);
CREATE INDEX audit_kind ON audit (kind, created_at);

-- The events that are not linked yet. To mark them in their own table would write each event, and its entry in each index, a
-- second time.
CREATE TABLE audit_waiting (
	id TEXT NOT NULL PRIMARY KEY
);

-- The chain: events that were linked in one commit.
CREATE TABLE audit_link (
	place  BIGINT NOT NULL PRIMARY KEY, -- of the last of them
	newest TEXT   NOT NULL, -- the highest of their ids
	ids    TEXT   NOT NULL, -- in their order
	hashes BYTEA  NOT NULL  -- one after the other
);
CREATE INDEX audit_link_newest ON audit_link (newest);

-- Where the chain begins, once old events were removed, and where it ends.
CREATE TABLE audit_chain (
	name  TEXT   NOT NULL PRIMARY KEY, -- first, last
	place BIGINT NOT NULL,
	hash  BYTEA  NOT NULL
);
