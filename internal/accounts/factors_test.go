package accounts

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
)

// enrolled gives alice a second factor and returns its secret and her recovery codes.
func enrolled(t *testing.T, b *bench) (secret string, recovery []string, v access.Viewer) {
	t.Helper()
	b.user(t, "alice", true)
	_, v = b.session(t, "alice")
	key, err := b.BeginTOTP(t.Context(), v)
	must(t, err)
	if !strings.HasPrefix(key.URL, "otpauth://totp/Keepwatch:alice?") || !strings.Contains(key.URL, key.Secret) || strings.Contains(fmt.Sprint(key), key.Secret) {
		t.Errorf("key %q", key.URL)
	}
	recovery, err = b.ConfirmTOTP(t.Context(), v, b.code(t, key.Secret, 0))
	must(t, err)
	b.clock.advance(2 * totpPeriod * time.Second) // the code that confirmed is used up
	return key.Secret, recovery, v
}

// code is what an app shows so many steps from now.
func (b *bench) code(t *testing.T, secret string, steps int64) string {
	t.Helper()
	code, err := codeOf(secret, b.clock.now().Unix()/totpPeriod+steps)
	must(t, err)
	return code
}

func (b *bench) try(t *testing.T, code, address string) error {
	t.Helper()
	session, err := b.Login(t.Context(), Attempt{Username: "alice", Password: goodPassword, Code: code, Address: address})
	if (session == "") != (err != nil) {
		t.Errorf("session %q, %v", session, err)
	}
	return err
}

func TestACodeIsAskedAfterTheRightPasswordAlone(t *testing.T) {
	b := newBench(t)
	secret, _, _ := enrolled(t, b)
	if _, err := b.Login(t.Context(), Attempt{Username: "alice", Password: "not the password", Address: home}); err != ErrBadLogin {
		t.Errorf("a wrong password: %v", err)
	}
	wrong := Attempt{Username: "alice", Password: "not the password", Code: b.code(t, secret, 0), Address: home}
	if _, err := b.Login(t.Context(), wrong); err != ErrBadLogin {
		t.Errorf("a wrong password with the right code: %v", err)
	}
	if err := b.try(t, "", home); err != ErrNeedsCode {
		t.Errorf("without a code: %v", err)
	}
	for _, bad := range []string{"1", "12345", "abcdef", "AAAA-AAAA-AAAA-AAAA", strings.Repeat("9", 1000)} {
		if err := b.try(t, bad, "10.0.0.9"); err != ErrBadFactor {
			t.Errorf("code %.10q: %v", bad, err)
		}
	}
	must(t, b.try(t, " "+b.code(t, secret, 0)[:3]+" "+b.code(t, secret, 0)[3:], home))
}

func TestACodeIsGoodOnceAndForAMinuteAndAHalf(t *testing.T) {
	b := newBench(t)
	secret, _, _ := enrolled(t, b)
	code := b.code(t, secret, 0)
	must(t, b.try(t, code, home))
	if err := b.try(t, code, home); err != ErrBadFactor {
		t.Errorf("a second time: %v", err)
	}
	if err := b.try(t, b.code(t, secret, -1), home); err != ErrBadFactor {
		t.Errorf("an older one after it: %v", err)
	}
	must(t, b.try(t, b.code(t, secret, 1), home)) // a clock that is ahead
	b.clock.advance(10 * totpPeriod * time.Second)
	for _, steps := range []int64{-2, 2} {
		if err := b.try(t, b.code(t, secret, steps), home); err != ErrBadFactor {
			t.Errorf("%d steps away: %v", steps, err)
		}
	}
	must(t, b.try(t, b.code(t, secret, -1), home))
	other := b.again(t) // another process knows what was used
	if _, err := other.Login(t.Context(), Attempt{Username: "alice", Password: goodPassword, Code: b.code(t, secret, -1), Address: home}); err != ErrBadFactor {
		t.Errorf("in another process: %v", err)
	}
}

func TestARecoveryCodeIsGoodOnce(t *testing.T) {
	b := newBench(t)
	_, recovery, v := enrolled(t, b)
	if len(recovery) != recoveryCodes {
		t.Fatalf("%d codes", len(recovery))
	}
	must(t, b.try(t, strings.ToLower(recovery[3]), home))
	if err := b.try(t, recovery[3], home); err != ErrBadFactor {
		t.Errorf("a second time: %v", err)
	}
	if f, err := b.Factors(t.Context(), v); err != nil || !f.TOTP || f.Recovery != recoveryCodes-1 {
		t.Errorf("factors %+v, %v", f, err)
	}
	_, err := b.NewRecoveryCodes(t.Context(), v)
	must(t, err)
	if err := b.try(t, recovery[4], home); err != ErrBadFactor {
		t.Errorf("an old one after new ones: %v", err)
	}
}

// TestGuessingCodesDoesNotPay lets somebody who knows the password guess from a thousand addresses, while the owner, who has
// logged in from home before, and who holds recovery codes, comes in throughout.
func TestGuessingCodesDoesNotPay(t *testing.T) {
	b := newBench(t)
	secret, recovery, _ := enrolled(t, b)
	guesses := 0
	for n := range 1000 {
		switch err := b.try(t, "000000", fmt.Sprintf("10.1.%d.%d", n/250, n%250)); {
		case err == ErrBadFactor:
			guesses++
		case !isThrottled(err):
			t.Fatal(err)
		}
		b.clock.advance(time.Second)
		if n%100 == 50 {
			must(t, b.try(t, b.code(t, secret, 0), home))
		}
	}
	if limit := codeTries + 1000/60 + 6; guesses > limit || guesses < codeTries {
		t.Errorf("%d guesses were answered in 1,000 s, at most %d", guesses, limit)
	}
	must(t, b.try(t, recovery[0], "10.9.9.9"))
}

func isThrottled(err error) bool {
	_, ok := errors.AsType[*ThrottledError](err)
	return ok
}

func TestASecondFactorComesAndGoesByItsOwnerOrTheConsole(t *testing.T) {
	b := newBench(t)
	_, _, v := enrolled(t, b)
	if _, err := b.ConfirmTOTP(t.Context(), v, "000000"); err != ErrBadFactor {
		t.Errorf("confirmed without a beginning: %v", err)
	}
	key, err := b.BeginTOTP(t.Context(), v)
	must(t, err)
	if err := b.try(t, b.code(t, key.Secret, 0), home); err != ErrBadFactor {
		t.Errorf("a secret that is not confirmed counts: %v", err)
	}
	if _, err := b.ConfirmTOTP(t.Context(), v, "000000"); err != ErrBadFactor {
		t.Errorf("confirmed with a wrong code: %v", err)
	}
	b.clock.advance(FreshFor)
	for what, err := range map[string]error{
		"begin":    second(b.BeginTOTP(t.Context(), v)),
		"confirm":  second(b.ConfirmTOTP(t.Context(), v, b.code(t, key.Secret, 0))),
		"recovery": second(b.NewRecoveryCodes(t.Context(), v)),
		"remove":   b.RemoveTOTP(t.Context(), v),
	} {
		if err != ErrNotFresh {
			t.Errorf("%s, ten minutes after the password: %v", what, err)
		}
	}
	must(t, b.Confirm(t.Context(), v, goodPassword, home))
	must(t, b.RemoveTOTP(t.Context(), v))
	must(t, b.try(t, "", home))
	if _, err := b.NewRecoveryCodes(t.Context(), v); err != access.ErrDenied {
		t.Errorf("recovery codes without a factor: %v", err)
	}
	enrolKey, err := b.BeginTOTP(t.Context(), v)
	must(t, err)
	_, err = b.ConfirmTOTP(t.Context(), v, b.code(t, enrolKey.Secret, 0))
	must(t, err)
	must(t, b.TOTPOff(t.Context(), "alice"))
	must(t, b.try(t, "", home))
}

func second[T any](_ T, err error) error { return err }

func TestTheSecretOfASecondFactorIsReadableWithTheKeyAndTheAccountAlone(t *testing.T) {
	b := newBench(t)
	secret, _, _ := enrolled(t, b)
	b.user(t, "bob", false)
	var sealed []byte
	must(t, b.db.Read().QueryRow("SELECT secret FROM totp").Scan(&sealed))
	if strings.Contains(string(sealed), secret) {
		t.Error("the secret stands in the database")
	}
	b.exec(t, "INSERT INTO totp SELECT 2, 1, secret, 0, 0 FROM totp") // moved to another account
	if _, err := b.Login(t.Context(), Attempt{Username: "bob", Password: goodPassword, Code: b.code(t, secret, 0), Address: home}); err == nil {
		t.Error("another account's secret counts")
	}
	b.factors.key = deriveKey([32]byte{1}, "factors")
	if err := b.try(t, b.code(t, secret, 0), home); err == nil || !strings.Contains(err.Error(), "totp-off") {
		t.Errorf("with another master key: %v", err)
	}
}
