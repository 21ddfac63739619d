package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"syscall"
	"time"
)

// discover reads the metadata of the issuer, and makes sure that it knows the client.
func discover(ctx context.Context, issuer string, users Users, clients int) (*serverAt, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 0, clients
	s := &serverAt{users: users, transport: transport, http: &http.Client{Transport: transport, Timeout: patience}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, issuer+"/.well-known/openid-configuration", nil)
	if err != nil {
		return nil, err
	}
	if err := s.awake(request); err != nil {
		return nil, fmt.Errorf("read the metadata of %s: %w", issuer, err)
	}
	if s.Issuer != issuer {
		return nil, fmt.Errorf("%s says that it is %s; give that as the issuer", issuer, s.Issuer)
	}
	return s, s.knowsClient(ctx)
}

// starting is how long a server may take that was started right before.
const starting = 10 * time.Second

// awake reads the metadata, as soon as the server listens.
func (s *serverAt) awake(request *http.Request) error {
	for began := time.Now(); ; time.Sleep(pause) {
		err := s.read(request, s)
		if !errors.Is(err, syscall.ECONNREFUSED) || time.Since(began) > starting || request.Context().Err() != nil {
			return err
		}
	}
}

// knowsClient makes sure that the users were made in the database of this server.
func (s *serverAt) knowsClient(ctx context.Context) error {
	if _, err := s.introspect(ctx, "none"); err != nil {
		return fmt.Errorf("%s does not know the client of the users file; vestibule bench seed makes users in the database of a server: %w", s.Issuer, err)
	}
	return nil
}
