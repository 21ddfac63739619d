package heap

import (
	"io/fs"
	"runtime"
	"runtime/debug"
	"testing"
	"testing/fstest"
)

func TestGroupLimit(t *testing.T) {
	const none = "9223372036854771712\n"
	for name, tt := range map[string]struct {
		files map[string]string
		want  uint64
	}{
		"no control groups":        {nil, 0},
		"version 2":                {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "134217728\n"}, 128 * mib},
		"version 2, none":          {map[string]string{"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "max\n"}, 0},
		"version 2, soft":          {map[string]string{"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "max\n", "sys/fs/cgroup/a/memory.high": "67108864\n"}, 64 * mib},
		"version 2, outer":         {map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "268435456\n", "sys/fs/cgroup/a/memory.max": "134217728\n"}, 128 * mib},
		"version 2, hidden folder": {map[string]string{"proc/self/cgroup": "0::/../x/y\n", "sys/fs/cgroup/memory.max": "134217728\n"}, 128 * mib},
		"version 1":                {map[string]string{"proc/self/cgroup": "3:cpu:/a\n4:memory:/a\n", "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "134217728\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": none}, 128 * mib},
		"version 1, none":          {map[string]string{"proc/self/cgroup": "4:cpu,memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": none}, 0},
		"version 1, hidden folder": {map[string]string{"proc/self/cgroup": "4:memory:/docker/1\n0::/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "134217728"}, 128 * mib},
		"nonsense":                 {map[string]string{"proc/self/cgroup": "\n:\n0::\n", "sys/fs/cgroup/memory.max": "-1"}, 0},
	} {
		if got := groupLimit(folder(tt.files)); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
}

func folder(files map[string]string) fs.FS {
	made := fstest.MapFS{}
	for name, content := range files {
		made[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return made
}

// The environment's word holds, then the limit of a control group, of which an eighth, 24 MiB at least, is for what is not heap.
func TestPlan(t *testing.T) {
	group := func(limit string) fs.FS {
		return folder(map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": limit})
	}
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(256 * mib)) // as GOMEMLIMIT would
	for name, tt := range map[string]struct {
		environ map[string]string
		system  fs.FS
		want    Plan
	}{
		"nothing said":     {nil, folder(nil), Plan{24 * mib, 0, "default"}},
		"GOGC":             {map[string]string{"GOGC": "off", "GOMEMLIMIT": "256MiB"}, group("134217728"), Plan{0, 0, "GOGC"}},
		"GOMEMLIMIT":       {map[string]string{"GOMEMLIMIT": "256MiB"}, group("134217728"), Plan{24 * mib, 244 * mib, "GOMEMLIMIT"}},
		"container":        {nil, group("134217728"), Plan{24 * mib, 104 * mib, "cgroup"}},
		"large container":  {nil, group("1073741824"), Plan{24 * mib, 896 * mib, "cgroup"}},
		"little container": {nil, group("33554432"), Plan{24 * mib, 16 * mib, "cgroup"}},
	} {
		if got := plan(func(name string) string { return tt.environ[name] }, tt.system, 2); got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
}

// Whatever lives and whatever the limit: no collection comes before there was as much allocated as half of what it looks
// through, and 8 MiB. So they cannot follow one another.
func TestNoSpiral(t *testing.T) {
	for _, limit := range []uint64{0, 1, 16 * mib, 100 * mib, 1 << 40} {
		p := Plan{Room: 24 * mib, Limit: limit}
		for live := uint64(0); live < 4096*mib; live = live*5/4 + mib {
			for _, scanned := range []uint64{0, live / 2, live} {
				room := p.room(live, scanned)
				if room < scanned/2 || room < 8*mib {
					t.Fatalf("limit %d, %d live: room for %d", limit, live, room)
				}
				if limit == 0 && room < p.Room {
					t.Errorf("%d live, no limit: room for %d, want %d", live, room, p.Room)
				}
				if least := max(8*mib, scanned/2); limit > 0 && live+least <= limit && live+room > limit {
					t.Errorf("limit %d, %d live: the heap grows to %d", limit, live, live+room)
				}
				// Go takes what live is, but at least 4 MiB, times the percentage.
				if grows := max(live, leastHeap) * uint64(percent(room, live)) / 100; grows < room || grows > room+max(live, leastHeap)/100 {
					t.Errorf("%d live: grows by %d, want %d", live, grows, room)
				}
			}
		}
	}
}

// sink keeps what is allocated from being optimised away.
var sink any

// Near a limit that what lives has passed already, a collection comes every 8 MiB and not with every request.
func TestGrow(t *testing.T) {
	small := Plan{Room: 24 * mib, Limit: mib}
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	for name, tt := range map[string]struct {
		plan   Plan
		cycles uint32 // at most, for 192 MiB
	}{"no limit": {Plan{Room: 24 * mib}, 10}, "beyond the limit": {small, 28}} {
		live := make([]*[1024]byte, 4096) // 4 MiB
		for i := range live {
			live[i] = new([1024]byte)
		}
		runtime.GC()
		tune(tt.plan)
		before := cycles()
		for range 192 << 10 {
			sink = new([1024]byte)
		}
		if n := cycles() - before; n > tt.cycles || n == 0 {
			t.Errorf("%s: %d collections for 192 MiB, want 1 to %d", name, n, tt.cycles)
		}
		runtime.KeepAlive(live)
	}
}

func cycles() uint32 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.NumGC
}
