package storage_test

import (
	"testing"
	"time"

	"vestibule/storage"
)

// The answer to a code is forgotten a minute after its use, and that it was used is not.
func TestPurgeForgetsAnswersToCodes(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		save(t, s, rp.code(rp.id))
		must(t, s.Exchange(t.Context(), rp.id, noon, []byte("answer"), rp.pair(0)))
		for _, tt := range []struct {
			at   time.Duration
			want string
		}{{time.Minute, "answer"}, {time.Minute + time.Second, ""}} {
			purge(t, s, noon.Add(tt.at))
			if got, err := s.Code(t.Context(), rp.id); err != nil || string(got.Replay) != tt.want || !got.UsedAt.Equal(noon) || !got.Used {
				t.Errorf("%v after noon the used code = %+v, %v, want the answer %q", tt.at, got, err, tt.want)
			}
		}
	})
}
