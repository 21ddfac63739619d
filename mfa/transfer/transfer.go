// Package transfer is authenticator apps on their way from one server to another: a file that is sealed with a
// passphrase. What other products have made, one secret at a time, totp.ParseSecret reads.
package transfer

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"

	"vestibule/mfa/totp"
)

// version is that of the form below. It rises when an older program would misread a newer file.
const version = 1

// ShortestPassphrase is how many characters a passphrase needs to keep secrets for years: a file can be attacked without
// any limit of guesses.
const ShortestPassphrase = 12

// largest is far above a million users, in bytes.
const largest = 1 << 30

// Faults of a file.
var (
	// ErrSealed reports a file that does not open: it is none of ours, was altered, or has another passphrase. See Sealed.
	ErrSealed = errors.New("cannot be opened")
	// ErrForm reports a file that opens, and holds what this program does not understand.
	ErrForm = errors.New("was altered, or another version has made it")
)

// Sealed is a file that does not open. It is an ErrSealed.
type Sealed struct {
	Cause error // what age says
}

func (e *Sealed) Error() string { return ErrSealed.Error() + ": " + e.Cause.Error() }

// Unwrap makes a Sealed an ErrSealed.
func (e *Sealed) Unwrap() error { return ErrSealed }

// Backup is authenticators with their secrets in the open. Recovery codes are not among them.
type Backup struct {
	Made  time.Time
	Users []User
}

// User is one user's authenticators.
type User struct {
	Subject        string          `json:"subject"`
	Username       string          `json:"username"`
	Authenticators []totp.Portable `json:"authenticators"`
}

// file is what lies, encrypted, in a file.
type file struct {
	Version int       `json:"version"`
	Made    time.Time `json:"made"`
	Users   []User    `json:"users"`
}

// Seal writes the backup in the armored age format, encrypted with a passphrase. The age tool opens it too.
func (b Backup) Seal(to io.Writer, passphrase string) error {
	recipient, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return err
	}
	armored := armor.NewWriter(to)
	sealed, err := age.Encrypt(armored, recipient)
	if err != nil {
		return err
	}
	if b.Users == nil {
		b.Users = []User{}
	}
	if err := json.NewEncoder(sealed).Encode(file{version, b.Made.UTC(), b.Users}); err != nil {
		return err
	}
	return errors.Join(sealed.Close(), armored.Close())
}

// Open reads what Seal has written, armored or not. ErrSealed, ErrForm, or what the reader says.
func Open(from io.Reader, passphrase string) (Backup, error) {
	identity, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return Backup{}, err
	}
	content := bufio.NewReader(io.LimitReader(from, largest))
	head, err := content.Peek(len(armor.Header))
	if err != nil && !errors.Is(err, io.EOF) {
		return Backup{}, err
	}
	var sealed io.Reader = content
	if string(head) == armor.Header {
		sealed = armor.NewReader(content)
	}
	plain, err := age.Decrypt(sealed, identity)
	if err != nil {
		return Backup{}, &Sealed{err}
	}
	return parse(plain)
}

func parse(plain io.Reader) (Backup, error) {
	var f file
	decoder := json.NewDecoder(plain)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&f); err != nil || f.Version != version {
		return Backup{}, ErrForm
	}
	return Backup{f.Made, f.Users}, nil
}
