package signin

import (
	"time"

	"vestibule/provider/assurance"
)

// Forecast is a sign-in that nobody makes: it says of a user and what the user has proved what would come next, by the
// decision of the pages. It takes what was proved for young enough, and knows nothing of consent.
type Forecast struct {
	Login      *assurance.Login // what was proved, the password at least
	Required   assurance.Demand // what the client asks for; its Policy is the level that nobody is let through without, whatever is set up
	Enrolled   bool             // the user has an authenticator
	Obliged    bool             // the policy obliges the user to have a second factor
	Remembered bool             // the user said that this browser need not give codes
}

// Owed is what comes before the answer to a client.
type Owed int

// What a Forecast can say.
const (
	OwesNothing Owed = iota
	OwesFactor       // a second factor is given, or a better one than that
	OwesSetup        // an authenticator is set up
)

// Owes is what comes next as of now.
func (f Forecast) Owes(now time.Time) Owed {
	second := f.Login.SecondFactor()
	switch next(facts{
		known: true, password: true, recent: true, second: second, enrolled: f.Enrolled, twoSteps: asksTwoSteps(f.Required),
		obliged:            f.Obliged && !f.Enrolled, // as long as there is none
		remembered:         f.Remembered && sparesCode(f.Required),
		belowRequiredLevel: second && !f.Login.Reaches(f.Required, now),
	}) {
	case stepFactor:
		return OwesFactor
	case stepSetup:
		return OwesSetup
	}
	return OwesNothing
}
