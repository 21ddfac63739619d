-- +goose Up

-- A registration of a client that was removed. What was written for it is worth nothing from then on, and is deleted a
-- little at a time: a client may have hundreds of thousands of rows.
CREATE TABLE gone_client (
	client       TEXT   NOT NULL,
	registration TEXT   NOT NULL,
	gone_at      BIGINT NOT NULL,
	PRIMARY KEY (client, registration)
);
CREATE INDEX gone_client_gone_at ON gone_client (gone_at);

-- What was ended here, which Ory Hydra is to hear of.
CREATE TABLE revocation (
	id         TEXT   NOT NULL PRIMARY KEY,
	subject    TEXT   NOT NULL,
	client     TEXT   NOT NULL, -- what this one can do for the user; empty: all that the user has open
	due_at     BIGINT NOT NULL, -- when it is to be told, at the earliest
	created_at BIGINT NOT NULL
);
CREATE INDEX revocation_due_at ON revocation (due_at);
CREATE INDEX revocation_created_at ON revocation (created_at);

-- With the registration: the client that has the id now may have as many rows.
DROP INDEX code_client;
CREATE INDEX code_client ON code (client, registration);
DROP INDEX consent_client;
CREATE INDEX consent_client ON consent (client, registration);
