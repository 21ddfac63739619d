package server_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"

	"vestibule/mfa"
)

// The program ends all that one of its users has open.
func ExampleServer_EndAccess() {
	folder, err := os.MkdirTemp("", "wiki")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	ctx, user, admin := context.Background(), "s-ana", "maria"
	s, err := provide(ctx, http.NewServeMux(), "http://127.0.0.1:8080", folder, mfa.NewKey(), staff{"ana": {user, "correct horse"}})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	if err := s.EndAccess(ctx, user, "wiki:"+admin, "a stolen laptop"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(s.EndAccess(ctx, user, "wiki:"+admin, ""))
	// Output:
	// reason is missing; say why
}
