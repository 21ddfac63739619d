package mfa

// Cheap makes the hash of recovery codes fast enough for many tests.
func (s *Service) Cheap() { s.cost = cost{memory: 8, time: 1, threads: 1} }
