package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

// TestHydraSettings starts each of the two servers with the settings of the other, or with none that lead to a Hydra.
func TestHydraSettings(t *testing.T) {
	base := []string{"VESTIBULE_ISSUER=http://localhost:18080", "VESTIBULE_SECRET_KEYS=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "VESTIBULE_DATABASE=sqlite:" + t.TempDir() + "/none.db"}
	for _, tt := range []struct {
		command, setting, want string
	}{
		{"serve", "HYDRA_ADMIN_URL=https://hydra:4445", "run `vestibule hydra`"},
		{"hydra", "NAME=Example", "hydra_admin_url is missing"},
		{"hydra", "HYDRA_ADMIN_URL=hydra:4445", "hydra_admin_url must be an http or https URL"},
		{"hydra", "HYDRA_ADMIN_URL=https://hydra:4445/admin", "must end before /admin"},
	} {
		var out bytes.Buffer
		w := newEnv(append(base, "VESTIBULE_"+tt.setting), strings.NewReader(""), &out, &out)
		if err := run(context.Background(), []string{tt.command}, w); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s with %s: %v, want %q", tt.command, tt.setting, err, tt.want)
		}
	}
}
