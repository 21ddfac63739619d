package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"vestibule/mfa/totp"
	"vestibule/provider/operator"
)

// Users are whom Run signs in, and the client that they sign in to, with all their secrets.
type Users struct {
	ClientID string            `json:"client_id"`
	Secret   string            `json:"client_secret"`
	Password string            `json:"password"` // of each of them
	Users    []operator.Seeded `json:"users"`

	path string
}

// unused is when the codes of new users were used last, as the file tells.
const unused = time.Minute

// Create makes the file that Write fills, which must not be there yet and which nobody else may read.
func Create(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

// Write fills the file, and closes it.
func (u Users) Write(file *os.File) error {
	encoder := json.NewEncoder(file)
	encoder.SetIndent("", " ")
	if err := errors.Join(encoder.Encode(u), file.Close()); err != nil {
		return err
	}
	return noteUse(file.Name(), time.Now().Add(-unused))
}

// noteUse has the time of the file say until when codes of the users may have been used: none is taken twice.
func noteUse(path string, at time.Time) error { return os.Chtimes(path, at, at) }

// Read reads a file that Write has written. Whoever else may read it could sign in.
func Read(path string) (Users, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Users{}, err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return Users{}, fmt.Errorf("%s has secrets, and others may read it (%#o); run chmod 600 %s", path, mode, path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return Users{}, err
	}
	u := Users{path: path}
	if err := json.Unmarshal(text, &u); err != nil {
		return Users{}, fmt.Errorf("%s is not a file that vestibule bench seed has written: %w", path, err)
	}
	return u, u.check()
}

// check takes no users but those that were made to measure with.
func (u Users) check() error {
	if u.ClientID != operator.SeedClient || len(u.Users) == 0 {
		return fmt.Errorf("%s is not a file that vestibule bench seed has written", u.path)
	}
	for _, one := range u.Users {
		if !strings.HasPrefix(one.Username, operator.SeedPrefix) {
			return fmt.Errorf("%s names a user whom vestibule bench seed has not made; this measures with none but those", u.path)
		}
		if _, err := totp.ParseSecret(one.Secret, false); err != nil {
			return fmt.Errorf("%s: user %s: %w", u.path, one.Username, err)
		}
	}
	return nil
}
