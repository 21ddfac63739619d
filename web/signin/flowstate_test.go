package signin

import (
	"encoding/json"
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
