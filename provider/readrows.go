package provider

import "sync"

// readRows remembers interactions as they are in the store, because a page and the form on it come in turn. What was
// written is here only from its commit on: until then it may be taken back. That a row has moved on meanwhile, here
// or in another process, shows when it is saved.
type readRows struct {
	mu    sync.Mutex
	known map[string]Interaction
}

// readRowsSize bounds the memory; a row is about a kilobyte.
const readRowsSize = 4096

// get returns a copy of the row if it is remembered at that version or a later one.
func (r *readRows) get(id string, version int64) *Interaction {
	r.mu.Lock()
	defer r.mu.Unlock()
	ix, ok := r.known[id]
	if !ok || ix.Version < version {
		return nil
	}
	ix.Login = ix.Login.Clone()
	return &ix
}

func (r *readRows) put(ix *Interaction) {
	row := *ix
	row.Login = ix.Login.Clone()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil || len(r.known) >= readRowsSize {
		r.known = map[string]Interaction{}
	}
	r.known[ix.ID] = row
}

func (r *readRows) drop(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.known, id)
}
