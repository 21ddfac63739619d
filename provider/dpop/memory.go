package dpop

import (
	"context"
	"sync"
	"time"
)

// Memory is a Once of one process. Its zero value is ready.
type Memory struct {
	Now func() time.Time // nil: time.Now

	mu    sync.Mutex
	began time.Time // when used was
	used  map[string]bool
	older map[string]bool // what was used in the turn before
}

// memoryTurn is longer than any proof is good for.
const memoryTurn = 2 * (Behind + Ahead)

// UseProof implements Once.
func (m *Memory) UseProof(_ context.Context, id string, _ time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if m.Now != nil {
		now = m.Now()
	}
	if m.used == nil || now.Sub(m.began) > memoryTurn {
		m.older, m.used, m.began = m.used, map[string]bool{}, now
	}
	if m.used[id] || m.older[id] {
		return ErrReplayed
	}
	m.used[id] = true
	return nil
}
