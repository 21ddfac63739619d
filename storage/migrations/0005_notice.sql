-- +goose Up

-- Mail that is still to be sent. It is written with the event that it tells of and deleted once it was sent.
CREATE TABLE notice (
	id         TEXT   NOT NULL PRIMARY KEY, -- of the event
	subject    TEXT   NOT NULL,
	kind       TEXT   NOT NULL,
	address    TEXT   NOT NULL, -- of the visitor
	actor      TEXT   NOT NULL,
	detail     TEXT   NOT NULL, -- JSON
	recipient  TEXT   NOT NULL, -- empty: the address that the user has when it is sent
	created_at BIGINT NOT NULL,
	due_at     BIGINT NOT NULL  -- of the next try; whoever tries moves it first
);
CREATE INDEX notice_due_at ON notice (due_at);
CREATE INDEX notice_created_at ON notice (created_at);
