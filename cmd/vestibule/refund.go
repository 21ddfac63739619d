package main

import "context"

// refund is the part of the server that gives guesses back which it could not finish.
func (a *app) refund(ctx context.Context) error {
	a.refunds.Run(ctx)
	return nil
}

// refundRest gives back what is owed when the server has stopped; what cannot be given back then stays counted.
func (a *app) refundRest() {
	if a.refunds.Owed() == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	if err := a.refunds.Settle(ctx); err != nil {
		a.log.ErrorContext(ctx, "give the last guesses back", "error", err)
	}
}
