package operator

import (
	"context"
	"strings"
	"time"

	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/claims"
)

// UserChange is what of a user changes. What is nil stays as it is.
type UserChange struct {
	Email    *string // empty: none; a new one is not verified
	Name     *string // empty: none
	Groups   *[]string
	Disabled *bool   // true shuts the user out, and ends all that the user has open
	Password *string // a new one ends all that the user has open

	EmailVerified *bool              // whether somebody has made sure that the address is the user's
	Attributes    *claims.Attributes // those to change; an empty value takes one away
}

// Check says all that is wrong with it at once, as an *Invalid. The password is checked when it is set.
func (c UserChange) Check() error {
	if c == (UserChange{}) {
		return invalid(errNothing)
	}
	var faults []error
	if c.Email != nil && *c.Email != "" {
		faults = append(faults, checkEmail(*c.Email))
	}
	if c.Name != nil {
		faults = append(faults, checkFullName(*c.Name))
	}
	if c.Groups != nil {
		faults = append(faults, checkGroups(*c.Groups))
	}
	if c.Attributes != nil {
		faults = append(faults, checkAttributes(*c.Attributes))
	}
	return invalid(faults...)
}

// UpdateUser changes a user as FindUser has returned one. A new password has an event of its own, in the same commit.
// *Invalid also if there is no address that could be verified; *account.NameTaken if another user signs in with the
// address; store.ErrNotFound if the user is gone.
func (o *Operator) UpdateUser(ctx context.Context, user account.Account, c UserChange) error {
	if err := c.Check(); err != nil {
		return err
	}
	if c.verifiesNothing(user) {
		return broken(rule{true, "email-verified", "cannot be said of a user without an address; give one with it"})
	}
	hash := ""
	if c.Password != nil {
		changed := user
		c.edit(&changed, o.now())
		var err error
		if hash, err = o.hash(ctx, changed, *c.Password); err != nil {
			return err
		}
	}
	return o.Atomic(ctx, func(ctx context.Context) error {
		if err := o.editUser(ctx, user, c); err != nil || hash == "" {
			return err
		}
		return o.changePassword(ctx, user.Subject, hash)
	})
}

// verifiesNothing reports whether the change says of no address that it is verified.
func (c UserChange) verifiesNothing(user account.Account) bool {
	if c.Email != nil {
		user.Email = strings.TrimSpace(*c.Email)
	}
	return c.EmailVerified != nil && *c.EmailVerified && user.Email == ""
}

// Disable shuts a user out, and ends all that the user has open.
func (o *Operator) Disable(ctx context.Context, user account.Account) error {
	yes := true
	return o.UpdateUser(ctx, user, UserChange{Disabled: &yes})
}

// Enable lets a disabled user in again.
func (o *Operator) Enable(ctx context.Context, user account.Account) error {
	no := false
	return o.UpdateUser(ctx, user, UserChange{Disabled: &no})
}

// editUser changes all but the password, in the commit of ctx.
func (o *Operator) editUser(ctx context.Context, user account.Account, c UserChange) error {
	now := o.now()
	detail := c.edit(&user, now)
	if len(detail) == 0 {
		return nil
	}
	e := audit.Event{Kind: audit.EventAdminUserUpdated, Subject: user.Subject, Detail: detail}
	return o.commit(ctx, e, func(ctx context.Context) error {
		if err := o.Accounts.UpdateAccount(ctx, user); err != nil || c.Disabled == nil {
			return err
		}
		if *c.Disabled {
			return o.Accounts.DisableAccount(ctx, user.Subject, now)
		}
		return o.Accounts.EnableAccount(ctx, user.Subject, now)
	})
}

// edit changes the account as it is in memory and says what it has changed.
func (c UserChange) edit(a *account.Account, now time.Time) map[string]string {
	detail := map[string]string{}
	if c.Email != nil && strings.TrimSpace(*c.Email) != a.Email {
		a.Email, a.EmailVerified, detail["email"] = strings.TrimSpace(*c.Email), false, "changed"
	}
	if c.EmailVerified != nil && *c.EmailVerified != a.EmailVerified {
		a.EmailVerified, detail["email_verified"] = *c.EmailVerified, yesNo(*c.EmailVerified)
	}
	if c.Name != nil && strings.TrimSpace(*c.Name) != a.Name {
		a.Name, detail["name"] = strings.TrimSpace(*c.Name), "changed"
	}
	if c.Attributes != nil {
		fresh := a.Attributes.With(*c.Attributes)
		if changed := a.Attributes.Changed(fresh); len(changed) > 0 {
			a.Attributes, detail["attributes"] = fresh, strings.Join(changed, " ") // their values are the user's own business
		}
	}
	if c.Groups != nil {
		a.Groups = canonicalGroups(*c.Groups)
		detail["groups"] = strings.Join(a.Groups, " ")
	}
	if c.Disabled != nil {
		detail["disabled"] = yesNo(*c.Disabled)
	}
	a.Updated = now
	return detail
}

func (o *Operator) changePassword(ctx context.Context, subject, hash string) error {
	e := audit.Event{Kind: audit.EventPasswordChanged, Subject: subject}
	return o.commit(ctx, e, func(ctx context.Context) error { return o.Accounts.ChangePassword(ctx, subject, hash, o.now()) })
}

// yesNo is how the detail of an event says whether.
func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}
