package client

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"time"
)

// filled is a client in which every field says something.
func filled(t *testing.T) Client {
	t.Helper()
	var c Client
	v := reflect.ValueOf(&c).Elem()
	for i := range v.NumField() {
		fill(t, v.Type().Field(i).Name, v.Field(i))
	}
	return c
}

func fill(t *testing.T, name string, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.String:
		v.SetString("some " + name)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, name, v.Elem())
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte(`{"some":"thing"}`))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(t, "first", v.Index(0))
		fill(t, "second", v.Index(1))
		if v.Type() == reflect.TypeFor[Words]() { // which have no spaces
			v.Set(reflect.ValueOf(Words{"first", "second"}))
		}
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string][]string{"aal2": {"gold"}}))
	default:
		if v.Type() == reflect.TypeFor[PreviousSecret]() {
			v.Set(reflect.ValueOf(PreviousSecret{Hash: "some " + name}))
			return
		}
		if v.Type() != reflect.TypeFor[time.Time]() {
			t.Fatalf("no value for %s, a %s", name, v.Type())
		}
		v.Set(reflect.ValueOf(time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)))
	}
}

// TestDocument keeps every field in JSON, but for those that stores keep beside it.
func TestDocument(t *testing.T) {
	c := filled(t)
	data, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	got := Client{Registration: c.Registration, SecretHash: c.SecretHash, FirstParty: true, Created: c.Created, Updated: c.Updated,
		ManagementHash: c.ManagementHash, PreviousSecrets: c.PreviousSecrets}
	if err := json.Unmarshal(data, &got); err != nil || !reflect.DeepEqual(got, c) {
		t.Errorf("read again it is %+v, %v", got, err)
	}
	if data, err = json.Marshal(Client{}); err != nil || string(data) != `{"client_id":""}` {
		t.Errorf("nothing is %s, %v", data, err)
	}
}

// TestDifferences names each field that differs, by the name that its JSON has.
func TestDifferences(t *testing.T) {
	c := filled(t)
	if got, err := Differences(c, c); err != nil || got != nil {
		t.Errorf("the same differs in %q, %v", got, err)
	}
	other := c
	other.RedirectURIs, other.Name, other.Scopes, other.Updated = []string{"https://shop.example.com/cb"}, "", Words{"openid"}, time.Time{}
	want := []string{"client_name", "redirect_uris", "scope"}
	for _, pair := range [][2]Client{{c, other}, {other, c}} {
		if got, err := Differences(pair[0], pair[1]); err != nil || !slices.Equal(got, want) {
			t.Errorf("they differ in %q, %v; want %q", got, err, want)
		}
	}
}
