package heap

import (
	"context"
	"log/slog"
	"runtime"
)

// rest is what lives in a server under load, beside the memory of hashes.
const rest = 16 * mib

// Tell logs what holds, and warns of a limit below what the server needs when as many hashes of so many KiB run as may: one
// for each core.
func (p Plan) Tell(ctx context.Context, log *slog.Logger, hash int) {
	needs := rest + leastRoom + uint64(runtime.GOMAXPROCS(0))*uint64(hash)<<10
	log.InfoContext(ctx, "memory", "by", p.By, "heap_grows_mib", p.Room/mib, "heap_limit_mib", p.Limit/mib)
	if p.Limit > 0 && p.Limit < needs {
		log.WarnContext(ctx, "too little memory: the process may be killed while passwords are checked; give it more, fewer cores, or a lower hash_memory",
			"heap_limit_mib", p.Limit/mib, "heap_needs_mib", needs/mib)
	}
}
