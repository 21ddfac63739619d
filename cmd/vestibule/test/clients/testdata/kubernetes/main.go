// Program kubernetes authenticates bearer tokens as kube-apiserver does that was started with --authentication-config. That
// file is its argument. It writes a line when it is ready, then reads a token from each line, and writes what the token is
// worth as a line of JSON.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apiserver/pkg/apis/apiserver"
	"k8s.io/apiserver/pkg/apis/apiserver/install"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/plugin/pkg/authenticator/token/oidc"
)

func main() {
	if err := run(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// verdict is what a token is worth.
type verdict struct {
	User   string   `json:"user"`
	Groups []string `json:"groups"`
	Error  string   `json:"error"`
}

func run(ctx context.Context, file string) error {
	one, err := start(ctx, file)
	if err != nil {
		return err
	}
	if err := ready(one); err != nil {
		return err
	}
	fmt.Println("{}")
	out := json.NewEncoder(os.Stdout)
	tokens := bufio.NewScanner(os.Stdin)
	tokens.Buffer(nil, 1<<20)
	for tokens.Scan() {
		if err := out.Encode(judge(ctx, one, tokens.Text())); err != nil {
			return err
		}
	}
	return tokens.Err()
}

// start reads the file as kube-apiserver does, strictly.
func start(ctx context.Context, file string) (oidc.AuthenticatorTokenWithHealthCheck, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	scheme := runtime.NewScheme()
	install.Install(scheme)
	read, err := runtime.Decode(serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDecoder(), data)
	if err != nil {
		return nil, err
	}
	config, ok := read.(*apiserver.AuthenticationConfiguration)
	if !ok || len(config.JWT) != 1 {
		return nil, fmt.Errorf("%s is no configuration of one issuer", file)
	}
	return oidc.New(ctx, oidc.Options{JWTAuthenticator: config.JWT[0]}) // trusting the authorities of the system
}

// ready waits until the metadata of the issuer has been read.
func ready(one oidc.AuthenticatorTokenWithHealthCheck) (err error) {
	for range 600 {
		if err = one.HealthCheck(); err == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return err
}

func judge(ctx context.Context, one authenticator.Token, token string) verdict {
	answer, ok, err := one.AuthenticateToken(ctx, token)
	switch {
	case err != nil:
		return verdict{Error: err.Error()}
	case !ok:
		return verdict{Error: "not of this issuer"}
	}
	return verdict{User: answer.User.GetName(), Groups: answer.User.GetGroups()}
}
