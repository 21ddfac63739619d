package providertest

import (
	"context"
	"slices"
	"time"

	"vestibule/provider/device"
	"vestibule/provider/store"
)

// AddDevice implements device.Store.
func (m *Memory) AddDevice(ctx context.Context, d device.Request) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	wait := 0
	for _, other := range m.devices {
		if other.UserCode == d.UserCode || other.Signature == d.Signature {
			return store.ErrConflict
		}
		if d.Network != "" && other.Network == d.Network && other.Expires.After(d.Created) {
			wait++
		}
	}
	if wait >= device.Most {
		return device.ErrMany
	}
	m.devices[d.Signature] = d
	return nil
}

// Device implements device.Store.
func (m *Memory) Device(ctx context.Context, signature string) (device.Request, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return device.Request{}, err
	}
	defer leave()
	d, err := found(m.devices, signature)
	if err == nil && m.clients[d.Client].Registration != d.Registration {
		return device.Request{}, store.ErrNotFound
	}
	return d, err
}

// DeviceByUserCode implements device.Store.
func (m *Memory) DeviceByUserCode(ctx context.Context, userCodes []string) (device.Request, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return device.Request{}, err
	}
	defer leave()
	for _, d := range m.devices {
		if slices.Contains(userCodes, d.UserCode) && m.clients[d.Client].Registration == d.Registration {
			return d, nil
		}
	}
	return device.Request{}, store.ErrNotFound
}

// AllowDevice implements device.Store.
func (m *Memory) AllowDevice(ctx context.Context, signature string, at time.Time) error {
	return m.endDevice(ctx, signature, at, func(device.Request) { delete(m.devices, signature) })
}

// DenyDevice implements device.Store.
func (m *Memory) DenyDevice(ctx context.Context, signature string, at time.Time) error {
	return m.endDevice(ctx, signature, at, func(d device.Request) {
		d.Denied = true
		m.devices[signature] = d
	})
}

func (m *Memory) endDevice(ctx context.Context, signature string, at time.Time, end func(device.Request)) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	d, ok := m.devices[signature]
	if !ok || d.Denied || !d.Expires.After(at) {
		return device.ErrOver
	}
	end(d)
	return nil
}
