package server

import "context"

// Settle gives guesses back that could not be finished, because the database did not answer: the fault is not the user's.
// Serve does so as soon as the database is back, and once more at its end.
func (s *Server) Settle(ctx context.Context) error { return s.refunds.Settle(ctx) }

// refundRest gives back what is owed when the server has stopped; what cannot be given back then stays counted.
func (s *Server) refundRest() {
	if s.refunds.Owed() == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	if err := s.Settle(ctx); err != nil {
		s.log.ErrorContext(ctx, "give the last guesses back", "error", err)
	}
}
