package mfa

// Cheap makes the hash of recovery codes fast enough for many tests.
func (s *Service) Cheap() { s.Memory, s.Passes = 8, 1 }
