package totp

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp"

	"vestibule/mfa"
)

// The secrets of RFC 6238, as its erratum 2866 has them: as long as the hash.
var (
	seed20 = []byte("12345678901234567890")
	seed32 = []byte("12345678901234567890123456789012")
	seed64 = []byte("1234567890123456789012345678901234567890123456789012345678901234")
)

// RFC 4226 appendix D.
func TestCodeHOTP(t *testing.T) {
	d := device{mfa.Credential{Secret: seed20}, Params{"SHA1", 6, 30}}
	for step, want := range []string{
		"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489",
	} {
		if got, err := d.code(int64(step)); got != want || err != nil {
			t.Errorf("code of step %d = %q, %v, want %q", step, got, err, want)
		}
	}
}

// RFC 6238 appendix B.
func TestCodeTOTP(t *testing.T) {
	for _, tt := range []struct {
		seconds              int64
		step                 int64
		sha1, sha256, sha512 string
	}{
		{59, 0x1, "94287082", "46119246", "90693936"},
		{1111111109, 0x23523EC, "07081804", "68084774", "25091201"},
		{1111111111, 0x23523ED, "14050471", "67062674", "99943326"},
		{1234567890, 0x273EF07, "89005924", "91819424", "93441116"},
		{2000000000, 0x3F940AA, "69279037", "90698825", "38618901"},
		{20000000000, 0x27BC86AA, "65353130", "77737706", "47863826"},
	} {
		for _, d := range []struct {
			device
			want string
		}{
			{device{mfa.Credential{Secret: seed20}, Params{"SHA1", 8, 30}}, tt.sha1},
			{device{mfa.Credential{Secret: seed32}, Params{"SHA256", 8, 30}}, tt.sha256},
			{device{mfa.Credential{Secret: seed64}, Params{"SHA512", 8, 30}}, tt.sha512},
		} {
			step := d.step(time.Unix(tt.seconds, 0))
			got, err := d.code(step)
			if step != tt.step || got != d.want || err != nil {
				t.Errorf("%s at %d: step %x, code %q, %v, want %x, %q", d.params.Algorithm, tt.seconds, step, got, err, tt.step, d.want)
			}
		}
	}
}

func TestCodeOfUnknownAlgorithm(t *testing.T) {
	if code, err := (device{mfa.Credential{ID: "a1", Secret: seed20}, Params{"MD5", 6, 30}}).code(1); err == nil {
		t.Errorf("code = %q, want an error", code)
	}
}

func TestJudge(t *testing.T) {
	for _, tt := range []struct {
		name   string
		offset int
		last   int64 // the present step is 100
		want   verdict
	}{
		{"present", 0, 90, right},
		{"previous", -1, 90, right},
		{"next", 1, 90, right},
		{"one too old", -2, 90, expired},
		{"ten too old", -10, 10, expired},
		{"one too early", 2, 90, clockOff},
		{"just accepted", 0, 100, used},
		{"next, just accepted", 1, 101, used},
		{"accepted, and old by now", -3, 97, used},
		{"previous, after the present was accepted", -1, 100, expired},
		{"present, after the next was accepted", 0, 101, expired},
	} {
		if got := judge(tt.offset, 100+int64(tt.offset), tt.last); got != tt.want {
			t.Errorf("%s: judge = %v, want %v", tt.name, got, tt.want)
		}
	}
}

// Whatever matches, and wherever, all codes are made: the work does not tell which device it was.
func TestSearchPrefersTheBest(t *testing.T) {
	now := time.Unix(1_790_000_000, 0)
	spent := device{mfa.Credential{ID: "spent", Secret: seed20}, Params{"SHA1", 6, 30}}
	spent.Counter = spent.step(now)
	live := spent
	live.ID, live.Counter = "live", 0
	code, _ := live.code(live.step(now))
	for _, devices := range [][]device{{spent, live}, {live, spent}} {
		found, err := search(devices, code, now, hint, drift)
		if err != nil || found.verdict != right || found.device.ID != "live" {
			t.Errorf("search = %v in %s, %v, want right in live", found.verdict, found.device.ID, err)
		}
	}
}

func TestWait(t *testing.T) {
	d := device{params: usual}
	for _, tt := range []struct {
		step, now int64
		want      int
	}{
		{10, 300, 30}, {10, 329, 1},
		{11, 300, 60}, // the device is a step ahead
		{9, 310, 20},  // and here a step behind
	} {
		if got := d.wait(tt.step, time.Unix(tt.now, 0)); got != tt.want {
			t.Errorf("wait(%d) at %d = %d, want %d", tt.step, tt.now, got, tt.want)
		}
	}
}

func TestParseCode(t *testing.T) {
	for _, tt := range []struct {
		typed string
		want  string
		err   error
	}{
		{"123456", "123456", nil},
		{" 123 456\n", "123456", nil},
		{"123\u00a0456", "123456", nil},
		{"123\u202f456", "123456", nil},
		{"123-456", "123456", nil},
		{"123–456", "123456", nil},
		{"123\u2212456", "123456", nil},
		{"12.34.56", "123456", nil},
		{"\ufeff123\u200b456\u200e", "123456", nil},
		{"１２３４５６", "123456", nil},
		{"٠١٢٣٤٥", "012345", nil},
		{"۰۱۲۳۴۵", "012345", nil},
		{"12345678", "12345678", nil},
		{"", "", mfa.ErrFormat},
		{"12345", "", mfa.ErrFormat},
		{"1234567", "", mfa.ErrFormat},
		{"123456789", "", mfa.ErrFormat},
		{"123+456", "", mfa.ErrFormat},
		{"-1.5e3", "", mfa.ErrLooksLikeRecovery},
		{"१२३४५६", "", mfa.ErrFormat}, // Devanagari: no keyboard of an authenticator's user types them by default
		{"²³²³²³", "", mfa.ErrFormat},
		{"1234567890", "", mfa.ErrLooksLikeRecovery},
		{"K7QF2-M9XPT-4D8WH", "", mfa.ErrLooksLikeRecovery},
		{"12345o", "", mfa.ErrLooksLikeRecovery},
		{strings.Repeat("1", 100_000), "", mfa.ErrLooksLikeRecovery},
		{"\xff\xfe12345", "", mfa.ErrFormat},
	} {
		got, err := parseCode(tt.typed, []int{6, 8})
		if got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("parseCode(%.20q) = %q, %v, want %q, %v", tt.typed, got, err, tt.want, tt.err)
		}
	}
	if got, err := parseCode("12345678", []int{6}); !errors.Is(err, mfa.ErrFormat) {
		t.Errorf("8 digits where all devices have 6: %q, %v, want mfa.ErrFormat", got, err)
	}
}

func TestURI(t *testing.T) {
	for _, tt := range []struct{ issuer, account, want string }{
		{"Vestibule", "ana", "otpauth://totp/Vestibule:ana?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Vestibule"},
		{"Example ID", "ana+x@example.com",
			"otpauth://totp/Example%20ID:ana%2Bx%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Example%20ID"},
		{"A&B: c", "é/?#",
			"otpauth://totp/A%26B%20c:%C3%A9%2F%3F%23?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=A%26B%20c"},
	} {
		got := uri(tt.issuer, tt.account, seed20, usual)
		if got != tt.want {
			t.Errorf("uri(%q, %q) =\n%s, want\n%s", tt.issuer, tt.account, got, tt.want)
		}
		key, err := otp.NewKeyFromURL(got)
		if err != nil || key.AccountName() != tt.account || key.Issuer() != strings.ReplaceAll(tt.issuer, ":", "") ||
			key.Type() != "totp" || key.Period() != 30 || key.Digits() != otp.DigitsSix || key.Algorithm() != otp.AlgorithmSHA1 {
			t.Errorf("%s reads as %v of %q at %q, %v", got, key.Type(), key.AccountName(), key.Issuer(), err)
		}
	}
}

// What is not the usual stands in the URI, and a library reads it.
func TestURIWithParams(t *testing.T) {
	got := uri("Vestibule", "ana", seed20, Params{"SHA256", 8, 60})
	const want = "otpauth://totp/Vestibule:ana?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Vestibule&algorithm=SHA256&digits=8&period=60"
	if got != want {
		t.Errorf("uri = %s, want %s", got, want)
	}
	key, err := otp.NewKeyFromURL(got)
	if err != nil || key.Period() != 60 || key.Digits() != otp.DigitsEight || key.Algorithm() != otp.AlgorithmSHA256 {
		t.Errorf("it reads as %v, %v, %v, %v", key.Period(), key.Digits(), key.Algorithm(), err)
	}
}
