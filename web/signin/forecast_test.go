package signin

import (
	"testing"
	"time"

	"vestibule/provider/assurance"
)

// TestForecast: what an operator is told agrees with what the pages ask.
func TestForecast(t *testing.T) {
	now := time.Now()
	login := func(second ...assurance.Authentication) *assurance.Login {
		l := assurance.PasswordLogin("s", 0, now)
		l.Authentications = append(l.Authentications, second...)
		return l
	}
	password := login()
	code := login(assurance.Authentication{Method: "totp", Time: now, AMR: []string{"otp"}})
	recovery := login(assurance.Authentication{Method: assurance.MethodRecovery, Time: now})
	key := login(assurance.Authentication{Method: "key", Time: now, AMR: []string{"hwk"}, PhishingResistant: true})
	two, resistant := assurance.Demand{PreferredACR: assurance.LevelTwo}, assurance.Demand{PreferredACR: assurance.LevelPhishingResistant}
	old := login(assurance.Authentication{Method: "totp", Time: now.Add(-reauthTime), AMR: []string{"otp"}})
	app, weak := assurance.Demand{Policy: assurance.LevelTwo}, assurance.Demand{EssentialACR: assurance.LevelTwo, WeakRecovery: true}
	for _, tt := range []struct {
		name string
		f    Forecast
		want Owed
	}{
		{"password", Forecast{Login: password}, OwesNothing},
		{"password, authenticator", Forecast{Login: password, Enrolled: true}, OwesFactor},
		{"remembered", Forecast{Login: password, Enrolled: true, Remembered: true}, OwesNothing},
		{"remembered, group obliges", Forecast{Login: password, Enrolled: true, Obliged: true, Remembered: true}, OwesNothing},
		{"remembered, client asks", Forecast{Login: password, Required: two, Enrolled: true, Remembered: true}, OwesFactor},
		{"remembered, app obliges", Forecast{Login: password, Required: app, Enrolled: true, Obliged: true, Remembered: true}, OwesFactor},
		{"client asks, none there", Forecast{Login: password, Required: two}, OwesSetup},
		{"policy obliges, none there", Forecast{Login: password, Obliged: true}, OwesSetup},
		{"code", Forecast{Login: code, Required: two, Enrolled: true, Obliged: true}, OwesNothing},
		{"code where a key is wanted and there", Forecast{Login: code, Required: resistant, Enrolled: true, Resistant: true}, OwesFactor},
		{"code where a key is wanted", Forecast{Login: code, Required: resistant, Enrolled: true}, OwesSetup},
		{"young code of a session where a key is wanted", Forecast{Login: code, InSession: true, Required: resistant, Enrolled: true}, OwesSetup},
		{"old code of a session where a key is wanted", Forecast{Login: old, InSession: true, Required: resistant, Enrolled: true}, OwesFactor},
		{"code where a key is obliged to", Forecast{Login: code, Required: assurance.Demand{Policy: assurance.LevelPhishingResistant}, Enrolled: true, Obliged: true}, OwesSetup},
		{"code where two steps are wanted", Forecast{Login: code, Required: two, Enrolled: true}, OwesNothing},
		{"password where a key is wanted", Forecast{Login: password, Required: resistant, Enrolled: true}, OwesFactor},
		{"recovery code where a key is wanted", Forecast{Login: recovery, Required: resistant, Enrolled: true, Resistant: true}, OwesSetup},
		{"key where one is wanted", Forecast{Login: key, Required: resistant, Enrolled: true}, OwesNothing},
		{"recovery code", Forecast{Login: recovery, Required: two, Enrolled: true}, OwesNothing},
		{"recovery code that does not count, of a session", Forecast{Login: recovery, InSession: true, Required: weak, Enrolled: true}, OwesFactor},
		{"recovery code that does not count", Forecast{Login: recovery, Required: weak, Enrolled: true}, OwesSetup},
	} {
		if got := tt.f.Owes(now); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
