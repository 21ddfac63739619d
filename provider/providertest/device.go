package providertest

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"vestibule/provider"
	"vestibule/provider/device"
	"vestibule/provider/store"
)

// waiting is a device that waits, of the Client as the store has it.
func waiting(t *testing.T, s provider.Store, name string) device.Request {
	t.Helper()
	c, err := s.Client(t.Context(), Client)
	check(t, err)
	return device.Request{
		Signature: "signature " + name, UserCode: "user code " + name, Client: Client, Registration: c.Registration, Network: "192.0.2.1",
		Data: []byte(`{"scopes":["openid"]}`), Created: at, Expires: at.Add(10 * time.Minute),
	}
}

func testDevice(t *testing.T, s provider.Store) {
	ctx := t.Context()
	one := waiting(t, s, "one")
	check(t, s.AddDevice(ctx, one))
	twin := waiting(t, s, "twin")
	twin.UserCode = one.UserCode
	wantErr(t, "a user code twice", s.AddDevice(ctx, twin), store.ErrConflict)
	if got, err := s.Device(ctx, one.Signature); err != nil || !reflect.DeepEqual(got, one) {
		t.Errorf("Device = %+v, %v, want %+v", got, err, one)
	}
	if got, err := s.DeviceByUserCode(ctx, []string{"of an older key", one.UserCode}); err != nil || !reflect.DeepEqual(got, one) {
		t.Errorf("DeviceByUserCode = %+v, %v, want %+v", got, err, one)
	}
	_, err := s.DeviceByUserCode(ctx, []string{one.Signature})
	wantErr(t, "a user code that is none", err, store.ErrNotFound)
	for name, end := range map[string]error{
		"allowed too late": s.AllowDevice(ctx, one.Signature, one.Expires), "denied too late": s.DenyDevice(ctx, one.Signature, one.Expires),
		"allowed, another": s.AllowDevice(ctx, "none", at),
	} {
		wantErr(t, name, end, device.ErrOver)
	}
	check(t, s.DenyDevice(ctx, one.Signature, at))
	if got, err := s.Device(ctx, one.Signature); err != nil || !got.Denied {
		t.Errorf("a denied device is %+v, %v", got, err)
	}
	wantErr(t, "allowed after it was denied", s.AllowDevice(ctx, one.Signature, at), device.ErrOver)
	stray := waiting(t, s, "stray")
	stray.Registration = "another"
	check(t, s.AddDevice(ctx, stray))
	_, err = s.Device(ctx, stray.Signature)
	wantErr(t, "a device of a client that is gone", err, store.ErrNotFound)
	_, err = s.DeviceByUserCode(ctx, []string{stray.UserCode})
	wantErr(t, "the user code of a client that is gone", err, store.ErrNotFound)
}

func testManyDevices(t *testing.T, s provider.Store) {
	ctx := t.Context()
	for i := range device.Most {
		check(t, s.AddDevice(ctx, waiting(t, s, fmt.Sprint(i))))
	}
	more := waiting(t, s, "more")
	wantErr(t, "one too many", s.AddDevice(ctx, more), device.ErrMany)
	more.Network = ""
	check(t, s.AddDevice(ctx, more))
	later := waiting(t, s, "later")
	later.Created, later.Expires = at.Add(10*time.Minute), at.Add(20*time.Minute)
	check(t, s.AddDevice(ctx, later))
}

// testDeviceOnce: of many who allow and deny at once, one does.
func testDeviceOnce(t *testing.T, s provider.Store) {
	ctx := t.Context()
	check(t, s.AddDevice(ctx, waiting(t, s, "one")))
	turn := make(chan bool, racers)
	for i := range racers {
		turn <- i%2 == 0
	}
	won := race(t, func() error {
		if <-turn {
			return s.AllowDevice(ctx, "signature one", at)
		}
		return s.DenyDevice(ctx, "signature one", at)
	}, device.ErrOver)
	got, err := s.Device(ctx, "signature one")
	if won != 1 || err == nil && !got.Denied || err != nil && !errors.Is(err, store.ErrNotFound) {
		t.Errorf("%d won, and the device is %+v, %v", won, got, err)
	}
}
