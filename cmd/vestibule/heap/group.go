package heap

import (
	"bufio"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// groupLimit is the most memory that this process may have with all others of its control groups, the outer ones too, of
// version 2 or 1; 0: there is no limit, or no control groups. What is seen from inside a container may lack the folders that
// the process is said to be in: then those above count.
func groupLimit(system fs.FS) uint64 {
	list, err := system.Open("proc/self/cgroup")
	if err != nil {
		return 0
	}
	defer list.Close()
	var least uint64
	for lines := bufio.NewScanner(list); lines.Scan(); {
		field := strings.SplitN(lines.Text(), ":", 3) // its number, what it controls, its path
		if len(field) != 3 {
			continue
		}
		switch {
		case field[1] == "":
			least = lower(least, limitAbove(system, "sys/fs/cgroup", field[2], "memory.max", "memory.high"))
		case slices.Contains(strings.Split(field[1], ","), "memory"):
			least = lower(least, limitAbove(system, "sys/fs/cgroup/memory", field[2], "memory.limit_in_bytes"))
		}
	}
	return least
}

// limitAbove is the lowest limit of a group and those above it.
func limitAbove(system fs.FS, mount, group string, files ...string) uint64 {
	var least uint64
	for dir := path.Join("/", group); ; dir = path.Dir(dir) { // Join leaves no .. in it
		for _, file := range files {
			least = lower(least, limitIn(system, path.Join(mount, dir, file)))
		}
		if dir == "/" {
			return least
		}
	}
}

// limitIn is the limit in a file; 0: there is none. Version 2 calls that max, version 1 writes a number that no machine has.
func limitIn(system fs.FS, file string) uint64 {
	content, err := fs.ReadFile(system, file)
	if err != nil {
		return 0
	}
	limit, err := strconv.ParseUint(strings.TrimSpace(string(content)), 10, 64)
	if err != nil || limit >= 1<<60 {
		return 0
	}
	return limit
}

// lower is the lower one of two limits, of which 0 is none.
func lower(a, b uint64) uint64 {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}
