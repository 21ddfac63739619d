-- +goose Up

CREATE TABLE consent (
	subject    TEXT   NOT NULL,
	client     TEXT   NOT NULL,
	scopes     TEXT   NOT NULL,
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	PRIMARY KEY (subject, client)
);
CREATE INDEX consent_client ON consent (client);
