package signin

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"vestibule/provider/assurance"
	"vestibule/provider/interaction"
)

// TestForget has no answer of one user count for the next.
func TestForget(t *testing.T) {
	left := 3
	fl := &flow{ix: &interaction.Interaction{Login: assurance.PasswordLogin("s-ana", 0, time.Now()), Consented: true}}
	fl.state = flowState{
		accountState: accountState{AccountLabel: "ana@example.com", Username: "ana"},
		loginState:   loginState{AccountChosen: true, SessionOpened: true, FromSession: true},
		setupState:   setupState{CodesLeft: &left, SetupRequested: setupCodes}, consentState: consentState{ConsentOwed: true},
		ownState: ownState{ReturnPath: "/account/security"},
	}
	fl.forget()
	got, err := json.Marshal(fl.state)
	if want := `{"username":"ana","return_path":"/account/security"}`; err != nil || string(got) != want {
		t.Errorf("what is left is %s, %v, want %s", got, err, want)
	}
	if fl.ix.Login != nil || fl.ix.Consented {
		t.Errorf("what is left is %+v", fl.ix)
	}
}

// TestRemembered: what a page remembers without JSON is what JSON would say, and one request changes nothing of another's.
func TestRemembered(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	fl := &flow{ix: &interaction.Interaction{}, state: flowState{accountState: accountState{Username: "ana"}}}
	fl.state.lock("login", at)
	if err := fl.pack(); err != nil {
		t.Fatal(err)
	}
	first, err := newFlow(fl.ix)
	if err != nil {
		t.Fatal(err)
	}
	first.state.lock("totp", at)
	second, err := newFlow(fl.ix)
	if err != nil {
		t.Fatal(err)
	}
	read, err := newFlow(&interaction.Interaction{UI: fl.ix.UI})
	if err != nil || !reflect.DeepEqual(second.state, read.state) {
		t.Errorf("remembered is %+v, read %+v, %v", second.state, read.state, err)
	}
}
