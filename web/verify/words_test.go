package verify

import (
	"errors"
	"testing"

	"vestibule/mfa/totp"
	"vestibule/web/catalogue"
	"vestibule/web/ui"
)

func TestWordsOfCodes(t *testing.T) {
	set, err := catalogue.Default()
	if err != nil {
		t.Fatal(err)
	}
	english := set.Choose("", "")
	for _, tt := range []struct {
		digits    []int
		ask, says string
	}{
		{nil, "Enter the 6-digit code from your authenticator app", "The code is 6 digits, like 123 456"},
		{[]int{6}, "Enter the 6-digit code from your authenticator app", "The code is 6 digits, like 123 456"},
		{[]int{8}, "Enter the 8-digit code from your authenticator app", "The code is 8 digits, like 1234 5678"},
		{[]int{6, 8}, "Enter the code from your authenticator app", "The code is 6 or 8 digits, like 123 456"},
	} {
		ask := AskCode(Unusual(tt.digits, 6)).Text(english)
		says := ui.Message{ID: "totp.format", Args: FormatArgs(&totp.Format{Digits: tt.digits})}.Text(english)
		if ask != tt.ask || says != tt.says {
			t.Errorf("digits %v: %q, %q", tt.digits, ask, says)
		}
	}
	if got := FormatArgs(errors.New("other"))["digits"]; got != "6" {
		t.Errorf("without a word about digits it says %s", got)
	}
}
