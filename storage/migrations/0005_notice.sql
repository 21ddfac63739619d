-- +goose Up

-- Mail that is still to be sent, or was sent a short while ago.
CREATE TABLE notice (
	id         TEXT   NOT NULL PRIMARY KEY, -- of the event that it tells of
	subject    TEXT   NOT NULL,
	kind       TEXT   NOT NULL,
	detail     TEXT   NOT NULL, -- JSON
	created_at BIGINT NOT NULL,
	tries      BIGINT NOT NULL,
	due_at     BIGINT NOT NULL  -- of the next try; whoever tries moves it first
);
CREATE INDEX notice_due_at ON notice (due_at);
