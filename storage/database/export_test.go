package database

// Waiting is how many reads wait for a trip of others.
func Waiting(d *DB) int {
	s := d.conn.(*postgres).reads
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.waiting)
}

// Trips is how often a connection to PostgreSQL was taken.
func Trips(d *DB) int64 { return d.conn.(*postgres).pool.Stat().AcquireCount() }

// InUse is how many connections to PostgreSQL are taken.
func InUse(d *DB) int { return int(d.conn.(*postgres).pool.Stat().AcquiredConns()) }

// WaitingCommits is how many commits wait for others.
func WaitingCommits(d *DB) int {
	c := d.conn.(*postgres).commits
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.waiting)
}

// Patient has reads and commits wait for others as long as it takes. Nobody may use d yet.
func Patient(d *DB) {
	p := d.conn.(*postgres)
	p.reads.patience, p.commits.patience = 0, 0
}
