package limiter_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"vestibule/provider/limiter"
)

// sizes are those of the waiting rooms of the program, and some odd ones.
var sizes = []struct{ atOnce, waiting int }{{2, 64}, {4, 128}, {1, 16}, {1, 127}, {0, 0}, {0, 1024}, {3, 1}}

// each runs a test for limiters of all sizes. What the zero values stand for is counted.
func each(t *testing.T, test func(t *testing.T, l *limiter.Limiter, atOnce, all int)) {
	for _, s := range sizes {
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &limiter.Limiter{AtOnce: s.atOnce, Waiting: s.waiting}
				atOnce, waiting := s.atOnce, s.waiting
				if atOnce == 0 {
					atOnce = runtime.GOMAXPROCS(0)
				}
				if waiting == 0 {
					waiting = 256
				}
				test(t, l, atOnce, atOnce+waiting)
				if n := l.Lines(); n != 0 {
					t.Errorf("%d lines are left", n)
				}
			})
		})
	}
}

// The bounds are exact: so many at once, so many more wait, and whoever comes then is busy at once. Another key has bounds
// of its own.
func TestBounds(t *testing.T) {
	each(t, func(t *testing.T, l *limiter.Limiter, atOnce, all int) {
		var running, most, ran atomic.Int64
		leave := make(chan struct{})
		var group sync.WaitGroup
		for range all {
			group.Go(func() {
				done, err := l.Take(t.Context(), "ana")
				if err != nil {
					t.Errorf("take: %v", err)
					return
				}
				defer done()
				most.Store(max(most.Load(), running.Add(1)))
				<-leave
				ran.Add(1)
				running.Add(-1)
			})
		}
		synctest.Wait()
		if running.Load() != int64(atOnce) || l.InLine("ana") != all {
			t.Errorf("%d at once and %d in line, want %d and %d", running.Load(), l.InLine("ana"), atOnce, all)
		}
		if _, err := l.Take(t.Context(), "ana"); !errors.Is(err, limiter.ErrBusy) {
			t.Errorf("one more: %v, want ErrBusy", err)
		}
		if done, err := l.Take(t.Context(), "ben"); err != nil {
			t.Errorf("another key: %v", err)
		} else {
			done()
		}
		close(leave)
		group.Wait()
		if ran.Load() != int64(all) || most.Load() != int64(atOnce) {
			t.Errorf("%d ran, %d at once, want %d and %d", ran.Load(), most.Load(), all, atOnce)
		}
	})
}

// Turns come in the order of arrival, whoever gives up in between, be it the first of those who wait.
func TestFairness(t *testing.T) {
	each(t, func(t *testing.T, l *limiter.Limiter, atOnce, all int) {
		var held []func()
		for range atOnce {
			done, err := l.Take(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, done)
		}
		var mu sync.Mutex
		var order, want []int
		var group sync.WaitGroup
		impatient, giveUp := context.WithCancel(t.Context())
		for i := range all - atOnce {
			ctx := t.Context()
			if i%3 == 0 {
				ctx = impatient
			} else {
				want = append(want, i)
			}
			group.Go(func() {
				err := l.Do(ctx, func() {
					mu.Lock()
					defer mu.Unlock()
					order = append(order, i)
					time.Sleep(time.Second)
				})
				if i%3 == 0 && !errors.Is(err, context.Canceled) || i%3 != 0 && err != nil {
					t.Errorf("%d: %v", i, err)
				}
			})
			synctest.Wait() // it is in line before the next one comes
		}
		giveUp()
		synctest.Wait()
		held[0]() // one at a time, so that their order shows
		group.Wait()
		for _, done := range held[1:] {
			done()
		}
		if !slices.Equal(order, want) {
			t.Errorf("turns came in the order %v, want %v", order, want)
		}
	})
}

// Whoever has gone away gets no turn, though one is free, and leaves nothing behind.
func TestGone(t *testing.T) {
	each(t, func(t *testing.T, l *limiter.Limiter, _, _ int) {
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if err := l.Do(gone, func() { t.Error("it ran") }); !errors.Is(err, context.Canceled) {
			t.Errorf("Do: %v, want context.Canceled", err)
		}
	})
}

// A panic gives the turn back, or a key would be locked for good.
func TestPanic(t *testing.T) {
	each(t, func(t *testing.T, l *limiter.Limiter, atOnce, _ int) {
		for range atOnce + 1 {
			func() {
				defer func() { recover() }()
				l.Do(t.Context(), func() { panic("hash") })
			}()
		}
	})
}

// A place is held from Join on, before its turn has come and whether or not it is waited for.
func TestJoin(t *testing.T) {
	each(t, func(t *testing.T, l *limiter.Limiter, _, all int) {
		var places []*limiter.Place
		for range all {
			p, err := l.Join("shop")
			if err != nil {
				t.Fatal(err)
			}
			places = append(places, p)
		}
		if _, err := l.Join("shop"); !errors.Is(err, limiter.ErrBusy) {
			t.Errorf("one more: %v, want ErrBusy", err)
		}
		places[0].Leave()
		if err := l.Do(t.Context(), func() {}); err != nil {
			t.Errorf("another line: %v", err)
		}
		p, err := l.Join("shop")
		if err != nil {
			t.Fatalf("in a place that was given back: %v", err)
		}
		if err := p.Wait(t.Context()); err != nil {
			t.Errorf("with nobody at it: %v", err)
		}
		p.Leave()
		for _, p := range places[1:] {
			p.Leave()
		}
	})
}
