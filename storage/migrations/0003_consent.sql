-- +goose Up

-- A row for each scope that a user allowed a client, and one with an empty scope for the grant itself. It is for one
-- registration of the client: whoever takes the id later has to ask anew.
CREATE TABLE consent (
	subject      TEXT   NOT NULL,
	client       TEXT   NOT NULL,
	registration TEXT   NOT NULL,
	scope        TEXT   NOT NULL,
	created_at   BIGINT NOT NULL,
	PRIMARY KEY (subject, client, scope)
);
CREATE INDEX consent_client ON consent (client);
