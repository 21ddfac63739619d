package storage

import (
	"context"
	"time"

	"vestibule/provider/device"
)

const deviceColumns = `signature, user_code, client, registration, network, data, created_at, expires_at, denied`

func scanDevice(r row) (device.Request, error) {
	var d device.Request
	var created, expires int64
	err := r.Scan(&d.Signature, &d.UserCode, &d.Client, &d.Registration, &d.Network, &d.Data, &created, &expires, &d.Denied)
	d.Created, d.Expires = instant(created), instant(expires)
	return d, err
}

// AddDevice inserts the request of a device: store.ErrConflict if another has its user code, device.ErrMany if too many of its
// network wait. The count takes no lock: some that come at once may all be let in.
func (s *Store) AddDevice(ctx context.Context, d device.Request) error {
	return s.exec(ctx, device.ErrMany, `INSERT INTO device (`+deviceColumns+`)
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9
		WHERE (SELECT count(*) FROM device WHERE network = $5 AND network <> '' AND expires_at > $7) < $10`,
		d.Signature, d.UserCode, d.Client, d.Registration, d.Network, d.Data, micros(d.Created), micros(d.Expires), d.Denied, device.Most)
}

// deviceRegistered is true of a request whose client still is the one that it was made for.
const deviceRegistered = `EXISTS (SELECT 1 FROM client WHERE client.id = device.client AND client.registration = device.registration)`

// Device returns the request with that signature, denied or expired or not, or store.ErrNotFound. Of a client that is gone there
// is none.
func (s *Store) Device(ctx context.Context, signature string) (device.Request, error) {
	return one(ctx, s, scanDevice, `SELECT `+deviceColumns+` FROM device WHERE signature = $1 AND `+deviceRegistered, signature)
}

// DeviceByUserCode returns the request with one of these, denied or expired or not, or store.ErrNotFound.
func (s *Store) DeviceByUserCode(ctx context.Context, userCodes []string) (device.Request, error) {
	return one(ctx, s, scanDevice, `SELECT `+deviceColumns+` FROM device
		WHERE user_code IN `+places(0, len(userCodes))+` AND `+deviceRegistered, anys(userCodes)...)
}

// waits is true of a request that was neither denied nor has expired.
const waits = ` WHERE signature = $1 AND denied = FALSE AND expires_at > $2`

// AllowDevice removes the request: device.ErrOver if at that time it does not wait.
func (s *Store) AllowDevice(ctx context.Context, signature string, at time.Time) error {
	return s.exec(ctx, device.ErrOver, `DELETE FROM device`+waits, signature, micros(at))
}

// DenyDevice marks the request: device.ErrOver if at that time it does not wait.
func (s *Store) DenyDevice(ctx context.Context, signature string, at time.Time) error {
	return s.exec(ctx, device.ErrOver, `UPDATE device SET denied = TRUE`+waits, signature, micros(at))
}
