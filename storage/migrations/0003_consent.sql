-- +goose Up

-- What a user allowed a client. It is for one registration of the client: whoever takes the id later has to ask anew.
CREATE TABLE consent (
	subject      TEXT   NOT NULL,
	client       TEXT   NOT NULL,
	registration TEXT   NOT NULL,
	scopes       TEXT   NOT NULL, -- each with a space of its own before and after it
	created_at   BIGINT NOT NULL,
	updated_at   BIGINT NOT NULL, -- when a scope was last added
	PRIMARY KEY (subject, client)
);
CREATE INDEX consent_client ON consent (client);
