package main

import (
	"time"

	"vestibule/provider/audit"
	"vestibule/storage"
	"vestibule/web/notice"
)

// commandAuditor records what an operator does with a command. It writes notices always: a command does not know whether
// the servers send mail. What no server sends is purged.
func commandAuditor(db *storage.Store, now func() time.Time) *audit.Log {
	return &audit.Log{Store: db, Now: now, Actor: actor(), Hooks: []audit.Hook{notice.Hook(db)}}
}
