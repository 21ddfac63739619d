package certification

import (
	"encoding/json"
	"net/http"
	"testing"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/operator"
)

// TestAtOnce: of many who redeem a code of a client with the profile at the same moment one gets tokens at most and all others
// invalid_grant, and what the one got ends. Many may use its refresh token at once, until what that rests on ends.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	servertest.EachDatabase(t, func(t *testing.T, database string) {
		o := newOP(t, database)
		b := newBank(t, o, "bank")
		if !servertest.OnSQLite(database) {
			o.site.Start(2)
		}
		for range 3 {
			code := b.code(t, "scope", "openid offline_access", "prompt", "consent")
			replies := servertest.AtOnce(8, func(int) reply { return b.ask(t, code, b.proof()) })
			if won := given(t, replies); len(won) > 1 {
				t.Errorf("a code is good for %d", len(won))
			}
			b.over(t, replies)
		}
		first := b.signedIn(t, "scope", "openid offline_access", "prompt", "consent")
		refresh := func(int) reply { return b.sendRefresh(t, first.refresh, b.proof()) }
		for _, access := range given(t, servertest.AtOnce(4, refresh)) {
			b.works(t, access, "DPoP")
		}
		replies := servertest.AtOnce(9, func(i int) reply {
			if i == 4 {
				yes := true
				if err := o.site.Operator().UpdateUser(t.Context(), o.user, operator.UserChange{Disabled: &yes}); err != nil {
					t.Error(err)
				}
			}
			return refresh(i)
		})
		given(t, replies)
		b.over(t, append(replies, refresh(0)))
	})
}

// given are the access tokens of the replies. All others are invalid_grant.
func given(t *testing.T, replies []reply) []string {
	t.Helper()
	var all []string
	for _, r := range replies {
		if r.status == http.StatusOK {
			all = append(all, accessOf(r))
			continue
		}
		failed(t, r, http.StatusBadRequest, "invalid_grant")
	}
	return all
}

func accessOf(r reply) string {
	var body struct {
		Access string `json:"access_token"`
	}
	if err := json.Unmarshal(r.body, &body); err != nil {
		return ""
	}
	return body.Access
}

// over fails the test if a token of the replies is still good.
func (b *bank) over(t *testing.T, replies []reply) {
	t.Helper()
	for _, r := range replies {
		access := accessOf(r)
		b.op.site.KeepSecret(access)
		proof := b.proofs.ProofWith(access, http.MethodGet, b.op.endpoint("userinfo_endpoint"))
		if got := b.atUserInfo(t, access, "DPoP", proof); access != "" && got.status != http.StatusUnauthorized {
			t.Errorf("userinfo answers %d to a token that has ended", got.status)
		}
	}
}
