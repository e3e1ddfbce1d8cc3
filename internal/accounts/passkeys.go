package accounts

import (
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"keepwatch.internal/internal/access"
)

const maxPasskeys = 20 // of an account

// ErrBadPasskey is returned for an answer to a ceremony that does not verify, comes twice, or comes too late.
var ErrBadPasskey = errors.New("the passkey was not accepted: try again")

// Relying is the place that a passkey is good for (WebAuthn level 3, section 4, relying party identifier).
type Relying struct {
	ID     string // the host's name
	Origin string // https://name, with its port unless that is 443
}

// PasskeyOrigin returns where the page with the Host header host can have passkeys. Where it can have none the error is an
// *InvalidError whose sentence says why and what to do.
func PasskeyOrigin(host string, secure bool) (Relying, error) {
	invalid := func(sentence string) (Relying, error) {
		return Relying{}, &InvalidError{Field: "host", Sentence: sentence}
	}
	name := strings.ToLower(host)
	if h, _, err := net.SplitHostPort(name); err == nil {
		name = h
	}
	_, notAddress := netip.ParseAddr(strings.Trim(name, "[]"))
	switch {
	case !secure && name != "localhost":
		return invalid("passkeys need an encrypted connection: browsers offer none over plain HTTP. Use an authenticator app, or ask whoever runs the recorder for HTTPS (web.tls)")
	case notAddress == nil:
		return invalid("passkeys belong to a name, and this page was opened by its IP address: open it by a name, such as nvr.local, or use a code app instead")
	case name == "" || len(name) > 253 || strings.ContainsAny(name, "/\\@?#%:[] "):
		return invalid("passkeys need a page that has a name")
	}
	scheme := "https://"
	if !secure {
		scheme = "http://"
	}
	return Relying{ID: name, Origin: scheme + strings.ToLower(host)}, nil
}

// Passkey is a passkey as it is listed.
type Passkey struct {
	ID      int64
	Label   string
	Origin  string // where it was made, and is good
	Created time.Time
	Used    time.Time // zero: never
}

// Answer is what a browser answers to a ceremony.
type Answer struct {
	Ceremony string // as Begin… returned it
	Response []byte // PublicKeyCredential.toJSON()
	Label    string // of a new passkey
}

// holder is an account with its passkeys, as the protocol wants it.
type holder struct {
	account int64
	name    string
	keys    []webauthn.Credential
}

func (h holder) WebAuthnID() []byte                         { return binary.BigEndian.AppendUint64(nil, uint64(h.account)) }
func (h holder) WebAuthnName() string                       { return h.name }
func (h holder) WebAuthnDisplayName() string                { return h.name }
func (h holder) WebAuthnCredentials() []webauthn.Credential { return h.keys }

// party asks for passkeys that verify their user, and so stand for password and second factor at once.
func (at Relying) party() (*webauthn.WebAuthn, error) {
	return webauthn.New(&webauthn.Config{
		RPID: at.ID, RPDisplayName: issuer, RPOrigins: []string{at.Origin},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired,
		},
	})
}

// passkeys registers passkeys and logs in with them.
type passkeys struct {
	*core
	logins     *throttle
	ceremonies *ceremonies
}

// BeginPasskey returns the options for navigator.credentials.create, and the ceremony's name, for the account of the
// viewer's freshly confirmed session.
func (p *passkeys) BeginPasskey(ctx context.Context, v access.Viewer, at Relying) (options json.RawMessage, name string, err error) {
	if err := p.RequireFresh(ctx, v); err != nil {
		return nil, "", err
	}
	h := holder{account: v.AccountID, name: v.Name}
	if h.keys, err = p.credentials(ctx, v.AccountID); err != nil {
		return nil, "", err
	}
	if len(h.keys) >= maxPasskeys {
		return nil, "", &InvalidError{Field: "label", Sentence: fmt.Sprintf("the account has %d passkeys already: remove one first", len(h.keys))}
	}
	party, err := at.party()
	if err != nil {
		return nil, "", fmt.Errorf("passkeys: %w", err)
	}
	known := make([]protocol.CredentialDescriptor, 0, len(h.keys))
	for _, k := range h.keys {
		known = append(known, k.Descriptor())
	}
	creation, data, err := party.BeginRegistration(h, webauthn.WithExclusions(known))
	if err != nil {
		return nil, "", fmt.Errorf("passkeys: %w", err)
	}
	name = p.ceremonies.put(ceremony{data: *data, at: at, account: v.AccountID, by: fmt.Sprint(v.AccountID)}, p.now())
	options, err = json.Marshal(creation.Response)
	return options, name, err
}

// FinishPasskey stores the new passkey. It returns ErrBadPasskey, *InvalidError for the label, ErrNotFresh or ErrNobody.
func (p *passkeys) FinishPasskey(ctx context.Context, v access.Viewer, answer Answer) error {
	if err := checkLabel(answer.Label); err != nil {
		return err
	}
	x, ok := p.ceremonies.take(answer.Ceremony, p.now())
	if !ok || x.account == 0 || x.account != v.AccountID {
		return ErrBadPasskey
	}
	party, err := x.at.party()
	if err != nil {
		return fmt.Errorf("passkeys: %w", err)
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer.Response)
	if err != nil {
		return ErrBadPasskey
	}
	key, err := party.CreateCredential(holder{account: v.AccountID, name: v.Name}, x.data, parsed)
	if err != nil {
		return ErrBadPasskey
	}
	content, err := json.Marshal(key)
	if err != nil {
		return fmt.Errorf("passkeys: %w", err)
	}
	return p.freshly(ctx, v, func(a *amendment) error {
		const insert = `INSERT INTO passkeys (account_id, credential_id, origin, credential, label, created_us)
			SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE NOT EXISTS (SELECT 1 FROM passkeys WHERE credential_id = ?2)`
		err := one(a.ExecContext(ctx, insert, v.AccountID, key.ID, x.at.Origin, string(content), answer.Label, micros(a.now)))
		if errors.Is(err, access.ErrDenied) {
			return ErrBadPasskey
		}
		a.note("passkey added", answer.Label, v.AccountID, nil)
		return err
	})
}

// BeginPasskeyLogin returns the options for navigator.credentials.get, and the ceremony's name. Anybody may ask; the
// address is the caller's.
func (p *passkeys) BeginPasskeyLogin(_ context.Context, at Relying, address string) (options json.RawMessage, name string, err error) {
	party, err := at.party()
	if err != nil {
		return nil, "", fmt.Errorf("passkeys: %w", err)
	}
	assertion, data, err := party.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, "", fmt.Errorf("passkeys: %w", err)
	}
	name = p.ceremonies.put(ceremony{data: *data, at: at, by: access.CallerAddress(address).String()}, p.now())
	options, err = json.Marshal(assertion.Response)
	return options, name, err
}

// PasskeyLogin returns the secret of a new session for the account whose passkey answered. Of the attempt, address and
// agent count. It returns ErrBadPasskey, or *ThrottledError after many failures of the address.
func (p *passkeys) PasskeyLogin(ctx context.Context, answer Answer, t Attempt) (session string, err error) {
	if wait := p.logins.admit("", t.Address, p.now()); wait > 0 {
		return "", &ThrottledError{RetryAfter: wait}
	}
	x, ok := p.ceremonies.take(answer.Ceremony, p.now())
	if !ok || x.account != 0 {
		return "", ErrBadPasskey
	}
	h, key, err := p.verifyLogin(ctx, x, answer.Response)
	if err != nil {
		return "", err
	}
	content, err := json.Marshal(key)
	if err != nil {
		return "", fmt.Errorf("passkeys: %w", err)
	}
	secret, hash := newSecret(sessionPrefix)
	err = p.db.Write(ctx, func(tx *sql.Tx) error {
		now := p.now()
		const use = `UPDATE passkeys SET credential = ?, used_us = ? WHERE credential_id = ? AND account_id = ?`
		if err := one(tx.ExecContext(ctx, use, string(content), micros(now), key.ID, h.account)); err != nil {
			return err
		}
		return insertSession(ctx, tx, newSession{account: h.account, hash: hash[:], now: now, attempt: t})
	})
	if errors.Is(err, access.ErrDenied) { // removed in between
		return "", ErrBadPasskey
	}
	if err != nil {
		return "", fmt.Errorf("log in: %w", err)
	}
	p.logins.takeBack("", t.Address, p.now())
	return secret, nil
}

// verifyLogin returns whose passkey answered, and the passkey with its counter moved on. A counter that went back says that
// there are two of it (WebAuthn level 3, section 6.1.1): neither is let in.
func (p *passkeys) verifyLogin(ctx context.Context, x ceremony, response []byte) (holder, *webauthn.Credential, error) {
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return holder{}, nil, ErrBadPasskey
	}
	party, err := x.at.party()
	if err != nil {
		return holder{}, nil, fmt.Errorf("passkeys: %w", err)
	}
	var h holder
	var broken error
	_, key, err := party.ValidatePasskeyLogin(func(id, handle []byte) (webauthn.User, error) {
		h, broken = p.holderOf(ctx, id)
		return h, broken
	}, x.data, parsed)
	if broken != nil && !errors.Is(broken, ErrBadPasskey) {
		return holder{}, nil, broken
	}
	if err != nil {
		return holder{}, nil, ErrBadPasskey
	}
	if key.Authenticator.CloneWarning {
		p.log.Warn("a passkey was refused: its counter went back, which is a sign of a copy", "account", h.name)
		return holder{}, nil, ErrBadPasskey
	}
	return h, key, nil
}

// holderOf finds the account of a passkey.
func (p *passkeys) holderOf(ctx context.Context, credential []byte) (holder, error) {
	const query = `SELECT a.id, a.name FROM passkeys p JOIN accounts a ON a.id = p.account_id WHERE p.credential_id = ?`
	var h holder
	err := p.db.Read().QueryRowContext(ctx, query, credential).Scan(&h.account, &h.name)
	if errors.Is(err, sql.ErrNoRows) {
		return holder{}, ErrBadPasskey
	}
	if err == nil {
		h.keys, err = p.credentials(ctx, h.account)
	}
	if err != nil {
		return holder{}, fmt.Errorf("passkeys: %w", err)
	}
	return h, nil
}

func (p *passkeys) credentials(ctx context.Context, account int64) ([]webauthn.Credential, error) {
	const query = `SELECT credential FROM passkeys WHERE account_id = ? ORDER BY id`
	rows, err := p.db.Read().QueryContext(ctx, query, account)
	if err != nil {
		return nil, fmt.Errorf("passkeys: %w", err)
	}
	defer rows.Close()
	var all []webauthn.Credential
	for rows.Next() {
		var content []byte
		var key webauthn.Credential
		if err := rows.Scan(&content); err != nil {
			return nil, fmt.Errorf("passkeys: %w", err)
		}
		if err := json.Unmarshal(content, &key); err != nil {
			return nil, fmt.Errorf("passkeys: %w", err)
		}
		all = append(all, key)
	}
	return all, rows.Err()
}

func passkeysOf(ctx context.Context, tx *sql.Tx, account int64) ([]Passkey, error) {
	const query = `SELECT id, label, origin, created_us, used_us FROM passkeys WHERE account_id = ? ORDER BY id`
	rows, err := tx.QueryContext(ctx, query, account)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []Passkey{}
	for rows.Next() {
		var k Passkey
		var created int64
		var used sql.NullInt64
		if err := rows.Scan(&k.ID, &k.Label, &k.Origin, &created, &used); err != nil {
			return nil, err
		}
		k.Created, k.Used = fromMicros(created), orZero(used)
		all = append(all, k)
	}
	return all, rows.Err()
}

// RemovePasskey removes a passkey of the account of the viewer's freshly confirmed session. One that is not there is
// access.ErrDenied.
func (p *passkeys) RemovePasskey(ctx context.Context, v access.Viewer, id int64) error {
	return p.freshly(ctx, v, func(a *amendment) error {
		const remove = `DELETE FROM passkeys WHERE id = ? AND account_id = ?`
		if err := one(a.ExecContext(ctx, remove, id, v.AccountID)); err != nil {
			return err
		}
		a.note("passkey removed", "", v.AccountID, nil)
		return nil
	})
}
