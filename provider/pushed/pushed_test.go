package pushed_test

import (
	"net/url"
	"reflect"
	"testing"
	"time"

	"vestibule/provider/pushed"
)

// The request is what the client asks for; what it authenticates with is none of it.
func TestParameters(t *testing.T) {
	form := url.Values{
		"client_id": {"other"}, "client_secret": {"s"}, "client_assertion": {"a"}, "client_assertion_type": {"t"}, "state": {"st"}, "scope": {"openid"},
	}
	got, want := pushed.Parameters(form, "shop"), url.Values{"client_id": {"shop"}, "state": {"st"}, "scope": {"openid"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the request is %v, want %v", got, want)
	}
	if form.Get("client_secret") != "s" || form.Get("client_id") != "other" {
		t.Errorf("the form was changed to %v", form)
	}
}

// A network that pushes too much is stopped for a minute, and no other.
func TestQuota(t *testing.T) {
	var q pushed.Quota
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	taken := 0
	for q.Take("192.0.2.1", now) {
		if taken++; taken > 10_000 {
			t.Fatal("there is no bound")
		}
	}
	if taken < 100 {
		t.Errorf("%d requests are too few for a network that many users share", taken)
	}
	if !q.Take("192.0.2.2", now) {
		t.Error("another network is stopped too")
	}
	if q.Take("192.0.2.1", now.Add(59*time.Second)) {
		t.Error("it may go on within the minute")
	}
	if !q.Take("192.0.2.1", now.Add(time.Minute)) {
		t.Error("it is stopped for ever")
	}
}
