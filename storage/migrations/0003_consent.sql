-- +goose Up

-- A row for each scope that a user allowed a client, and one with an empty scope for the grant itself.
CREATE TABLE consent (
	subject    TEXT   NOT NULL,
	client     TEXT   NOT NULL,
	scope      TEXT   NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (subject, client, scope)
);
CREATE INDEX consent_client ON consent (client);
