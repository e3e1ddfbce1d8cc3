package accounts

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/audit"
)

const (
	totpPeriod    = 30 // seconds, as every authenticator app has it
	recoveryCodes = 10
	recoveryRunes = 16 // of five bits each
	issuer        = "Keepwatch"
)

// factors keeps second factors: codes by time, and recovery codes.
type factors struct {
	*core
	key []byte // secrets are encrypted under it
}

// Factors are the second factors and passkeys of an account.
type Factors struct {
	TOTP     bool
	Recovery int // recovery codes that are left
	Passkeys []Passkey
}

// TOTPKey is what an authenticator app is given. It is shown once.
type TOTPKey struct {
	Secret string // base32, to be typed
	URL    string // otpauth://…, for a QR code
}

// String shows no secret.
func (TOTPKey) String() string { return "TOTP key" }

// Factors returns what the account of the viewer's session has. It returns ErrNobody or access.ErrDenied.
func (fs *factors) Factors(ctx context.Context, v access.Viewer) (f Factors, err error) {
	err = fs.readOwn(ctx, v, func(tx *sql.Tx) error {
		const query = `SELECT EXISTS (SELECT 1 FROM totp WHERE account_id = ?1 AND confirmed), (SELECT count(*) FROM recovery_codes WHERE account_id = ?1)`
		if err := tx.QueryRowContext(ctx, query, v.AccountID).Scan(&f.TOTP, &f.Recovery); err != nil {
			return err
		}
		f.Passkeys, err = passkeysOf(ctx, tx, v.AccountID)
		return err
	})
	return f, err
}

// BeginTOTP creates a new secret for the account of the viewer's freshly confirmed session. It replaces an earlier one once
// ConfirmTOTP has seen a code of it. It returns ErrNotFresh, ErrNobody or access.ErrDenied.
func (fs *factors) BeginTOTP(ctx context.Context, v access.Viewer) (TOTPKey, error) {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: issuer, AccountName: v.Name, Period: totpPeriod, SecretSize: 20, Rand: rand.Reader})
	if err != nil {
		return TOTPKey{}, fmt.Errorf("create a second factor: %w", err)
	}
	err = fs.freshly(ctx, v, func(a *amendment) error {
		sealed, err := fs.encrypt(v.AccountID, key.Secret())
		if err != nil {
			return err
		}
		const insert = `INSERT OR REPLACE INTO totp (account_id, confirmed, secret, step, created_us) VALUES (?, 0, ?, 0, ?)`
		_, err = a.ExecContext(ctx, insert, v.AccountID, sealed, micros(a.now))
		return err
	})
	if err != nil {
		return TOTPKey{}, err
	}
	return TOTPKey{Secret: key.Secret(), URL: key.URL()}, nil
}

// ConfirmTOTP activates the secret of BeginTOTP if the code is right, and returns ten recovery codes. They replace all earlier
// ones and are shown once. It returns ErrBadFactor, ErrNotFresh, ErrNobody or access.ErrDenied.
func (fs *factors) ConfirmTOTP(ctx context.Context, v access.Viewer, code string) (recovery []string, err error) {
	err = fs.freshly(ctx, v, func(a *amendment) error {
		if err := fs.takeTOTP(ctx, a.Tx, totpAttempt{account: v.AccountID, code: tidy(code), now: a.now}); err != nil {
			return err
		}
		const drop = `DELETE FROM totp WHERE account_id = ? AND confirmed`
		if _, err := a.ExecContext(ctx, drop, v.AccountID); err != nil {
			return err
		}
		const confirmed = `UPDATE totp SET confirmed = 1 WHERE account_id = ?`
		if _, err := a.ExecContext(ctx, confirmed, v.AccountID); err != nil {
			return err
		}
		a.note("second factor on", "", v.AccountID, nil)
		recovery, err = newRecoveryCodes(ctx, a, v.AccountID)
		return err
	})
	if err != nil {
		return nil, err
	}
	return recovery, nil
}

// NewRecoveryCodes replaces the recovery codes of the account of the viewer's freshly confirmed session. It
// returns access.ErrDenied for an account without a second factor.
func (fs *factors) NewRecoveryCodes(ctx context.Context, v access.Viewer) (recovery []string, err error) {
	err = fs.freshly(ctx, v, func(a *amendment) error {
		has, err := hasTOTP(ctx, a, v.AccountID)
		if err != nil {
			return err
		}
		if !has {
			return access.ErrDenied
		}
		a.note("recovery codes made", "", v.AccountID, nil)
		recovery, err = newRecoveryCodes(ctx, a, v.AccountID)
		return err
	})
	if err != nil {
		return nil, err
	}
	return recovery, nil
}

// RemoveTOTP removes the second factor and its recovery codes from the account of the viewer's freshly confirmed session.
func (fs *factors) RemoveTOTP(ctx context.Context, v access.Viewer) error {
	return fs.freshly(ctx, v, func(a *amendment) error { return removeTOTP(ctx, a, v.AccountID) })
}

// TOTPOff removes the second factor, its recovery codes and the passkeys from an account. The console does this for people who
// lost them. It returns ErrNoUser.
func (fs *factors) TOTPOff(ctx context.Context, name string) error {
	return fs.amend(ctx, audit.Console(), func(a *amendment) error {
		id, _, err := findAccount(ctx, a.Tx, name)
		if err != nil {
			return err
		}
		const drop = `DELETE FROM passkeys WHERE account_id = ?`
		if _, err := a.ExecContext(ctx, drop, id); err != nil {
			return err
		}
		return removeTOTP(ctx, a, id)
	})
}

func removeTOTP(ctx context.Context, a *amendment, account int64) error {
	const dropKeys = `DELETE FROM totp WHERE account_id = ?`
	if _, err := a.ExecContext(ctx, dropKeys, account); err != nil {
		return err
	}
	const dropCodes = `DELETE FROM recovery_codes WHERE account_id = ?`
	if _, err := a.ExecContext(ctx, dropCodes, account); err != nil {
		return err
	}
	a.note("second factor off", "", account, nil)
	return nil
}

func newRecoveryCodes(ctx context.Context, a *amendment, account int64) ([]string, error) {
	const drop = `DELETE FROM recovery_codes WHERE account_id = ?`
	if _, err := a.ExecContext(ctx, drop, account); err != nil {
		return nil, err
	}
	const insert = `INSERT INTO recovery_codes (account_id, hash) VALUES (?, ?)`
	codes := make([]string, 0, recoveryCodes)
	for range recoveryCodes {
		c := rand.Text()[:recoveryRunes]
		hash := sha256.Sum256([]byte(c))
		if _, err := a.ExecContext(ctx, insert, account, hash[:]); err != nil {
			return nil, err
		}
		codes = append(codes, c[:4]+"-"+c[4:8]+"-"+c[8:12]+"-"+c[12:])
	}
	return codes, nil
}

func hasTOTP(ctx context.Context, q rowQuerier, account int64) (has bool, err error) {
	const query = `SELECT EXISTS (SELECT 1 FROM totp WHERE account_id = ? AND confirmed)`
	err = q.QueryRowContext(ctx, query, account).Scan(&has)
	return has, err
}

// tidy corrects what people type: upper case, without spaces and hyphens, and in recovery codes no digits that look like
// letters.
func tidy(code string) string {
	typed := strings.NewReplacer("-", "", " ", "").Replace(strings.ToUpper(code))
	if len(typed) == recoveryRunes {
		return strings.NewReplacer("0", "O", "1", "I").Replace(typed)
	}
	return typed
}

// isRecovery distinguishes recovery codes, which cannot be guessed, from codes of six digits, which can.
func isRecovery(tidied string) bool { return len(tidied) == recoveryRunes }

// takeFactor takes a code of the account's second factor, once; accounts without one need none. It returns ErrNeedsCode or
// ErrBadFactor.
func (fs *factors) takeFactor(ctx context.Context, tx *sql.Tx, x totpAttempt) error {
	has, err := hasTOTP(ctx, tx, x.account)
	switch {
	case err != nil || !has:
		return err
	case x.code == "":
		return ErrNeedsCode
	case !isRecovery(x.code):
		x.confirmed = true
		return fs.takeTOTP(ctx, tx, x)
	}
	hash := sha256.Sum256([]byte(x.code))
	const take = `DELETE FROM recovery_codes WHERE account_id = ? AND hash = ?`
	err = one(tx.ExecContext(ctx, take, x.account, hash[:]))
	if errors.Is(err, access.ErrDenied) {
		return ErrBadFactor
	}
	return err
}

// totpAttempt is a code, tidied, for the active secret or for the one that waits to be confirmed.
type totpAttempt struct {
	account   int64
	confirmed bool
	code      string
	now       time.Time
}

// takeTOTP accepts the code of the current step or a neighbouring one (RFC 6238 section 5.2), if that step is after the last
// one accepted.
func (fs *factors) takeTOTP(ctx context.Context, tx *sql.Tx, x totpAttempt) error {
	const query = `SELECT secret, step FROM totp WHERE account_id = ? AND confirmed = ?`
	var sealed []byte
	var last int64
	switch err := tx.QueryRowContext(ctx, query, x.account, x.confirmed).Scan(&sealed, &last); {
	case errors.Is(err, sql.ErrNoRows):
		return ErrBadFactor
	case err != nil:
		return err
	}
	secret, err := fs.decrypt(x.account, sealed)
	if err != nil {
		return err
	}
	current := x.now.Unix() / totpPeriod
	var found int64
	for step := current - 1; step <= current+1; step++ {
		code, err := codeOf(secret, step)
		if err != nil {
			return err
		}
		if subtle.ConstantTimeCompare([]byte(code), []byte(x.code)) == 1 && step > last {
			found = step
		}
	}
	if found == 0 {
		return ErrBadFactor
	}
	const take = `UPDATE totp SET step = ? WHERE account_id = ? AND confirmed = ?`
	_, err = tx.ExecContext(ctx, take, found, x.account, x.confirmed)
	return err
}

func codeOf(secret string, step int64) (string, error) {
	code, err := totp.GenerateCodeCustom(secret, time.Unix(step*totpPeriod, 0),
		totp.ValidateOpts{Period: totpPeriod, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
	if err != nil {
		return "", fmt.Errorf("second factor: %w", err)
	}
	return code, nil
}

// encrypt seals a secret of an account with AES-256-GCM; the account is part of what is sealed.
func (fs *factors) encrypt(account int64, secret string) ([]byte, error) {
	gcm, err := fs.gcm()
	if err != nil {
		return nil, err
	}
	return gcm.Seal(nil, nil, []byte(secret), binary.BigEndian.AppendUint64(nil, uint64(account))), nil
}

func (fs *factors) decrypt(account int64, sealed []byte) (string, error) {
	gcm, err := fs.gcm()
	if err != nil {
		return "", err
	}
	secret, err := gcm.Open(nil, nil, sealed, binary.BigEndian.AppendUint64(nil, uint64(account)))
	if err != nil {
		return "", errors.New("the secret of a second factor cannot be decrypted with this master key: restore the key, or run nvr user totp-off NAME")
	}
	return string(secret), nil
}

func (fs *factors) gcm() (cipher.AEAD, error) {
	block, err := aes.NewCipher(fs.key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
