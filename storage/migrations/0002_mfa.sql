-- +goose Up

-- Subjects are those of any directory of accounts, ours or another: no foreign keys.

-- One row for each subject that ever had a factor. Whoever changes the factors raises the
-- generation first, and so waits for all others who do.
CREATE TABLE enrolment (
	subject    TEXT   NOT NULL PRIMARY KEY,
	generation BIGINT NOT NULL
);

CREATE TABLE authenticator (
	id         TEXT   NOT NULL PRIMARY KEY,
	subject    TEXT   NOT NULL,
	kind       TEXT   NOT NULL, -- totp, ...
	name       TEXT   NOT NULL,
	name_key   TEXT   NOT NULL, -- names that look the same have the same
	key_id     TEXT   NOT NULL,
	secret     BYTEA  NOT NULL, -- sealed
	params     TEXT   NOT NULL, -- what else its kind must know
	counter    BIGINT NOT NULL, -- of the last accepted answer; it only rises
	created_at BIGINT NOT NULL,
	used_at    BIGINT NOT NULL,
	UNIQUE (subject, name_key)
);

CREATE TABLE recovery_set (
	id         TEXT   NOT NULL PRIMARY KEY,
	subject    TEXT   NOT NULL UNIQUE,
	salt       BYTEA  NOT NULL,
	params     TEXT   NOT NULL,
	total      BIGINT NOT NULL,
	created_at BIGINT NOT NULL
);

CREATE TABLE recovery_code (
	set_id  TEXT   NOT NULL REFERENCES recovery_set (id) ON DELETE CASCADE,
	digest  BYTEA  NOT NULL,
	used_at BIGINT NOT NULL, -- 0: live
	PRIMARY KEY (set_id, digest)
);

CREATE TABLE setup (
	owner         TEXT    NOT NULL PRIMARY KEY,
	subject       TEXT    NOT NULL,
	authenticator TEXT    NOT NULL, -- the id to be; empty for recovery codes alone
	kind          TEXT    NOT NULL, -- of the authenticator
	basis         BIGINT  NOT NULL,
	key_id        TEXT    NOT NULL,
	sealed        BYTEA   NOT NULL,
	confirmed     BOOLEAN NOT NULL,
	name          TEXT    NOT NULL,
	name_key      TEXT    NOT NULL,
	created_at    BIGINT  NOT NULL,
	expires_at    BIGINT  NOT NULL
);
CREATE INDEX setup_subject ON setup (subject);
CREATE INDEX setup_expires_at ON setup (expires_at);

CREATE TABLE guess (
	budget        TEXT   NOT NULL PRIMARY KEY,
	ends_at       BIGINT NOT NULL, -- the window
	tries         BIGINT NOT NULL, -- in the window
	most_tries    BIGINT NOT NULL, -- there may be in the window: so many lock
	in_a_row      BIGINT NOT NULL,
	most_in_a_row BIGINT NOT NULL, -- there may be; the highest number: any
	locked_until  BIGINT NOT NULL, -- if tries are as many as there may be: since the last one
	unlocked_at   BIGINT NOT NULL, -- when the lock before that one ended; 0: there was none
	forget_at     BIGINT NOT NULL, -- when the row may mean nothing any more, in whole hours, lest it moves in its index with each guess; 0: it will always
	ids           TEXT   NOT NULL  -- of the last guesses in the window, the latest first, each of which may be taken back once
);
CREATE INDEX guess_forget_at ON guess (forget_at) WHERE forget_at <> 0;
