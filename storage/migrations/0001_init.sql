-- +goose Up

-- Times are microseconds since 1970, 0 for never. Lists are joined by spaces, structures are JSON.
-- What names an account or a client elsewhere has no foreign key: accounts may live in a directory
-- outside, and a client's row would be locked by each of its sign-ins.

CREATE TABLE account (
	subject        TEXT    NOT NULL PRIMARY KEY,
	username       TEXT    NOT NULL,
	name           TEXT    NOT NULL,
	email          TEXT    NOT NULL,
	email_verified BOOLEAN NOT NULL,
	disabled       BOOLEAN NOT NULL,
	password_hash  TEXT    NOT NULL,
	created_at     BIGINT  NOT NULL,
	updated_at     BIGINT  NOT NULL
);

-- What users sign in with, in its one spelling: user names and e-mail addresses, which share one name space.
CREATE TABLE account_name (
	name    TEXT NOT NULL PRIMARY KEY,
	subject TEXT NOT NULL REFERENCES account (subject) ON DELETE CASCADE
);
CREATE INDEX account_name_subject ON account_name (subject);

CREATE TABLE client (
	id           TEXT   NOT NULL PRIMARY KEY,
	registration TEXT   NOT NULL, -- another one each time that the id is registered
	secret_hash  TEXT   NOT NULL,
	previous_secrets TEXT NOT NULL, -- JSON: their hashes, and until when each is good; empty: there is none
	metadata     TEXT   NOT NULL, -- JSON: what it registers
	created_at   BIGINT NOT NULL,
	updated_at   BIGINT NOT NULL,
	management_hash TEXT    NOT NULL, -- of the token with which it manages its registration; empty: it does not
	strange         BOOLEAN NOT NULL  -- it has registered itself
);
CREATE INDEX client_strange ON client (updated_at) WHERE strange = TRUE;

-- What clients may register themselves with. One that was used up stays, to tell how often it was used, until it is over.
CREATE TABLE initial_token (
	id         TEXT   NOT NULL PRIMARY KEY,
	hash       TEXT   NOT NULL UNIQUE,
	uses       BIGINT NOT NULL,
	uses_left  BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL
);
CREATE INDEX initial_token_expires_at ON initial_token (expires_at);

-- How many clients a network has registered since then. The empty one is all together: its row is what registrations wait for.
CREATE TABLE registration_count (
	network    TEXT   NOT NULL PRIMARY KEY,
	started_at BIGINT NOT NULL,
	clients    BIGINT NOT NULL
);
CREATE INDEX registration_count_started_at ON registration_count (started_at);

-- What an API is known by, in the words of its registration: no two by the same.
CREATE TABLE resource (
	uri    TEXT NOT NULL PRIMARY KEY,
	client TEXT NOT NULL REFERENCES client (id) ON DELETE CASCADE
);
CREATE INDEX resource_client ON resource (client);

CREATE TABLE signing_key (
	id         TEXT   NOT NULL PRIMARY KEY,
	algorithm  TEXT   NOT NULL,
	public     BYTEA  NOT NULL,
	key_id     TEXT   NOT NULL,
	private    BYTEA  NOT NULL,
	number     BIGINT NOT NULL, -- 1 for the first of its algorithm, and so on
	created_at BIGINT NOT NULL,
	signs_at   BIGINT NOT NULL, -- from when on, until the next of its algorithm does
	retired_at BIGINT NOT NULL  -- when it was taken away; 0: it was not
);
-- Processes that make a key at once agree on one.
CREATE UNIQUE INDEX signing_key_number ON signing_key (algorithm, number);

-- What pairwise subjects are made with: one row, which is never replaced.
CREATE TABLE pairwise_key (
	id         TEXT   NOT NULL PRIMARY KEY,
	key_id     TEXT   NOT NULL,
	sealed     BYTEA  NOT NULL,
	created_at BIGINT NOT NULL
);

CREATE TABLE interaction (
	id         TEXT   NOT NULL PRIMARY KEY,
	data       TEXT   NOT NULL,
	version    BIGINT NOT NULL,
	expires_at BIGINT NOT NULL
);
CREATE INDEX interaction_expires_at ON interaction (expires_at);

-- An authorization request that its client has pushed, until a browser comes for it.
CREATE TABLE pushed_request (
	signature    TEXT   NOT NULL PRIMARY KEY,
	client       TEXT   NOT NULL,
	registration TEXT   NOT NULL, -- of the client
	data         BYTEA  NOT NULL,
	expires_at   BIGINT NOT NULL
);
CREATE INDEX pushed_request_expires_at ON pushed_request (expires_at);

-- A code is also the record of its family of tokens, and of what the family rests on: that session, if it has no
-- refresh tokens, and that registration of the client. It outlives the tokens, so that a family that was revoked
-- stays so. It also says which clients are in a session.
--
-- The one refresh token that the family has is in it as well, and is replaced in place, however often: an older one says
-- itself of which family and generation it is. What changes with a refresh has no index.
CREATE TABLE code (
	signature    TEXT    NOT NULL PRIMARY KEY,
	family       TEXT    NOT NULL UNIQUE,
	client       TEXT    NOT NULL,
	registration TEXT    NOT NULL, -- of the client
	subject      TEXT    NOT NULL,
	session      TEXT    NOT NULL, -- the sid
	allowed      TEXT    NOT NULL, -- by the user: scopes, and the API
	offline      BOOLEAN NOT NULL, -- was exchanged for refresh tokens too, which outlive the session
	data         BYTEA,
	created_at   BIGINT  NOT NULL,
	expires_at   BIGINT  NOT NULL,
	used         BOOLEAN NOT NULL, -- was exchanged, or stands for an answer without a code
	revoked      BOOLEAN NOT NULL, -- what it rested on has ended
	generation         BIGINT NOT NULL DEFAULT 0,  -- how often its refresh token was replaced: the tokens of earlier ones are dead
	refresh            TEXT   NOT NULL DEFAULT '', -- signature of its refresh token; empty: it has none
	refresh_data       BYTEA,
	refresh_made_at    BIGINT NOT NULL DEFAULT 0,
	refresh_expires_at BIGINT NOT NULL DEFAULT 0,
	keep_until         BIGINT NOT NULL             -- what is used is remembered beyond its own end
);
CREATE INDEX code_keep_until ON code (keep_until);
CREATE INDEX code_client ON code (client);
CREATE INDEX code_subject ON code (subject);
CREATE INDEX code_session ON code (session);

-- What else an access token stands for is in the code of its family.
CREATE TABLE access_token (
	signature  TEXT    NOT NULL PRIMARY KEY,
	family     TEXT    NOT NULL,
	generation BIGINT  NOT NULL, -- that its family was in: dead once that is in another
	data       BYTEA,
	created_at BIGINT  NOT NULL,
	expires_at BIGINT  NOT NULL,
	ended      BOOLEAN NOT NULL, -- was revoked alone
	spent      TEXT    NOT NULL, -- signature of the refresh token that was used up for it; empty: none was
	replay     BYTEA             -- the answer that whoever used that got, sealed
);
CREATE INDEX access_token_family ON access_token (family, generation);
CREATE INDEX access_token_expires_at ON access_token (expires_at);
CREATE INDEX access_token_replay ON access_token (created_at) WHERE replay IS NOT NULL;

-- A device that waits for its user (RFC 8628). What it is allowed becomes a code with the same signature.
CREATE TABLE device (
	signature    TEXT    NOT NULL PRIMARY KEY,
	user_code    TEXT    NOT NULL UNIQUE, -- an HMAC of it
	client       TEXT    NOT NULL,
	registration TEXT    NOT NULL,
	network      TEXT    NOT NULL, -- that asked; empty: of a client that keeps a secret
	data         BYTEA,
	created_at   BIGINT  NOT NULL,
	expires_at   BIGINT  NOT NULL,
	denied       BOOLEAN NOT NULL
);
CREATE INDEX device_expires_at ON device (expires_at);
CREATE INDEX device_network ON device (network, expires_at);

-- What may come once, such as a proof of possession of a key, and has. It is forgotten when it is too old to come again.
CREATE TABLE used_proof (
	id         TEXT   NOT NULL PRIMARY KEY,
	expires_at BIGINT NOT NULL
);
CREATE INDEX used_proof_expires_at ON used_proof (expires_at);

-- What a client has signed to say who it is, and may not send again.
CREATE TABLE client_assertion (
	client     TEXT   NOT NULL,
	id         TEXT   NOT NULL, -- stands for the jti
	expires_at BIGINT NOT NULL, -- from when on nobody would take it any more
	PRIMARY KEY (client, id)
);
CREATE INDEX client_assertion_expires_at ON client_assertion (expires_at);

CREATE TABLE session (
	id         BYTEA  NOT NULL PRIMARY KEY,
	sid        TEXT   NOT NULL, -- stays when the id changes
	subject    TEXT   NOT NULL,
	login      TEXT   NOT NULL,
	agent      TEXT   NOT NULL, -- what its browser is called
	address    TEXT   NOT NULL, -- of the visitor, when the id was given
	created_at BIGINT NOT NULL,
	seen_at    BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	version    BIGINT NOT NULL
);
CREATE INDEX session_sid ON session (sid);
CREATE INDEX session_subject ON session (subject);
CREATE INDEX session_expires_at ON session (expires_at);
