package server

import (
	"net/http"
	"runtime/pprof"
	"strconv"
	"time"
)

const (
	profilePath = "/debug/pprof/"
	profileTime = 30 * time.Second // what go tool pprof expects
	profileMost = 2 * time.Minute
)

// profiles serves what go tool pprof reads. It is written here because importing net/http/pprof would put profiles on the
// http.DefaultServeMux of every program that imports this package.
func profiles(mux *http.ServeMux) {
	mux.HandleFunc("GET "+profilePath+"profile", profileCPU)
	mux.HandleFunc("GET "+profilePath+"{name}", func(w http.ResponseWriter, r *http.Request) {
		p := pprof.Lookup(r.PathValue("name"))
		if p == nil {
			http.NotFound(w, r)
			return
		}
		debug, _ := strconv.Atoi(r.FormValue("debug")) // none is binary
		asProfile(w, debug > 0)
		p.WriteTo(w, debug) // whoever asked may have gone
	})
}

// profileCPU takes as long as the parameter seconds says. One is taken at a time.
func profileCPU(w http.ResponseWriter, r *http.Request) {
	length := profileTime
	if text := r.FormValue("seconds"); text != "" {
		n, err := strconv.Atoi(text)
		if length = time.Duration(n) * time.Second; err != nil || length <= 0 || length > profileMost {
			http.Error(w, "seconds should be from 1 to "+strconv.Itoa(int(profileMost/time.Second)), http.StatusBadRequest)
			return
		}
	}
	// The limits of the listener are for answers that are there at once.
	answer, end := http.NewResponseController(w), time.Now().Add(length+answerTime)
	answer.SetReadDeadline(end)
	answer.SetWriteDeadline(end)
	asProfile(w, false)
	if err := pprof.StartCPUProfile(w); err != nil {
		http.Error(w, "another profile is being taken", http.StatusConflict)
		return
	}
	defer pprof.StopCPUProfile()
	select {
	case <-r.Context().Done():
	case <-time.After(length):
	}
}

func asProfile(w http.ResponseWriter, text bool) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Type", "application/octet-stream")
	if text {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	}
}
