package account

// Worked is how much work the hasher has done, in KiB times passes.
func (h *Hasher) Worked() uint64 { return h.worked.Load() }
