package provider_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"vestibule/provider/client"
)

// TestMetadataOfPages tells clients of devices and frames where the host has the pages for them, and of neither where it has not.
func TestMetadataOfPages(t *testing.T) {
	for _, none := range []bool{false, true} {
		o := newOP(t)
		o.noPages = none
		o.restart()
		_, meta := decode(t, o.do(httptest.NewRequest(http.MethodGet, issuer+"/.well-known/openid-configuration", nil)))
		kinds := fmt.Sprint(meta["grant_types_supported"])
		want := client.GrantTypes
		if none {
			want = slices.DeleteFunc(slices.Clone(want), func(kind string) bool { return kind == client.GrantDevice })
		}
		if kinds != fmt.Sprint(want) || meta["frontchannel_logout_supported"] == none || meta["frontchannel_logout_session_supported"] == none ||
			(meta["device_authorization_endpoint"] == nil) != none {
			t.Errorf("without pages: %v; the metadata says %v", none, meta)
		}
		for _, method := range []string{http.MethodPost, http.MethodOptions} {
			if status := o.do(httptest.NewRequest(method, issuer+"/device_authorization", nil)).StatusCode; (status == http.StatusNotFound) != none {
				t.Errorf("without pages: %v; %s of a device is answered %d", none, method, status)
			}
		}
	}
}
