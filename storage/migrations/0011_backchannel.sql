-- +goose Up

ALTER TABLE client ADD COLUMN hears_logouts BOOLEAN NOT NULL DEFAULT FALSE; -- registers a backchannel_logout_uri

-- A client that is still to hear of the end of a session (OpenID Connect Back-Channel Logout 1.0). It is written in the
-- commit that ends the session, and deleted once the client has heard of it, or never will.
CREATE TABLE logout_notice (
	session      TEXT   NOT NULL, -- the sid
	client       TEXT   NOT NULL,
	registration TEXT   NOT NULL, -- of the client that the session had
	subject      TEXT   NOT NULL,
	first_at     BIGINT NOT NULL, -- of the first try; 0: there was none
	due_at       BIGINT NOT NULL, -- of the next try; whoever tries moves it first
	PRIMARY KEY (session, client)
);
CREATE INDEX logout_notice_due_at ON logout_notice (due_at);
CREATE INDEX logout_notice_client ON logout_notice (client, due_at);
