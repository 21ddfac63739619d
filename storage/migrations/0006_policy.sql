-- +goose Up

-- From here on NOT NULL columns have a default: they are added to rows that are there.

ALTER TABLE account ADD COLUMN groups TEXT NOT NULL DEFAULT '';
ALTER TABLE account ADD COLUMN attributes TEXT NOT NULL DEFAULT ''; -- JSON: name of a standard claim to its value
ALTER TABLE account ADD COLUMN signed_in_at BIGINT NOT NULL DEFAULT 0; -- last sign-in with the password
ALTER TABLE account ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0; -- raised by what ends all sessions, and all sign-ins under way

-- An account that another program keeps, which has signed in here. Its epoch is that of the program and what is counted here.
CREATE TABLE account_elsewhere (
	subject TEXT   NOT NULL PRIMARY KEY,
	endings BIGINT NOT NULL -- how often all that it had open here was ended
);

-- A user whose factors an operator took away sets up new ones only with a link from the operator.
ALTER TABLE enrolment ADD COLUMN blocked BOOLEAN NOT NULL DEFAULT FALSE;

-- A browser that is not asked for a code. It ends when the user's factors change.
CREATE TABLE browser (
	id         BYTEA  NOT NULL PRIMARY KEY, -- SHA-256 of the cookie
	subject    TEXT   NOT NULL,
	generation BIGINT NOT NULL, -- of the factors it was remembered with
	epoch      BIGINT NOT NULL, -- of the account
	agent      TEXT   NOT NULL,
	created_at BIGINT NOT NULL,
	seen_at    BIGINT NOT NULL,
	expires_at BIGINT NOT NULL
);
CREATE INDEX browser_subject ON browser (subject);
CREATE INDEX browser_expires_at ON browser (expires_at);
