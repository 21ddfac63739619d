package fetch

// Known is how many addresses something is known of.
func (c *Cache[T]) Known() int { return len(c.known) }
