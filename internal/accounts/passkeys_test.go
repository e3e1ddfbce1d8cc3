package accounts

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
)

var (
	b64  = base64.RawURLEncoding
	here = Relying{ID: "nvr.local", Origin: "https://nvr.local:8443"}
)

// authenticator is a security key made of software: ES256, "none" attestation, one passkey.
type authenticator struct {
	key     *ecdsa.PrivateKey
	id      []byte
	user    []byte
	counter uint32
	flags   byte
	origin  string
}

func newAuthenticator(t *testing.T) *authenticator {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return &authenticator{key: key, id: random(32), flags: 0x05, origin: here.Origin} // user present, user verified
}

// asked is what of a ceremony's options it looks at.
type asked struct {
	Challenge string `json:"challenge"`
	RPID      string `json:"rpId"`
	RP        struct {
		ID string `json:"id"`
	} `json:"rp"`
	User struct {
		ID string `json:"id"`
	} `json:"user"`
	UserVerification       string `json:"userVerification"`
	AuthenticatorSelection struct {
		ResidentKey      string `json:"residentKey"`
		UserVerification string `json:"userVerification"`
	} `json:"authenticatorSelection"`
}

func (a *authenticator) clientData(kind, challenge string) []byte {
	b, _ := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": a.origin, "crossOrigin": false})
	return b
}

// data is the authenticator data (WebAuthn level 3, section 6.1).
func (a *authenticator) data(rpID string, flags byte) []byte {
	hash := sha256.Sum256([]byte(rpID))
	return binary.BigEndian.AppendUint32(append(hash[:], flags), a.counter)
}

// create answers navigator.credentials.create.
func (a *authenticator) create(t *testing.T, options json.RawMessage) []byte {
	t.Helper()
	var o asked
	must(t, json.Unmarshal(options, &o))
	if o.RP.ID != here.ID || o.AuthenticatorSelection.ResidentKey != "required" || o.AuthenticatorSelection.UserVerification != "required" {
		t.Errorf("options %s", options)
	}
	var err error
	a.user, err = b64.DecodeString(o.User.ID)
	must(t, err)
	point, err := a.key.PublicKey.Bytes()
	must(t, err)
	x, y := point[1:33], point[33:65]
	cose := append([]byte{0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20}, x...) // RFC 9053: EC2, ES256, P-256
	cose = append(append(cose, 0x22, 0x58, 0x20), y...)
	data := append(a.data(o.RP.ID, a.flags|0x40), make([]byte, 16)...)
	data = append(binary.BigEndian.AppendUint16(data, uint16(len(a.id))), a.id...)
	data = append(data, cose...)
	object := append([]byte{0xa3}, cborText("fmt")...) // RFC 8949: a map of three
	object = append(append(object, cborText("none")...), cborText("attStmt")...)
	object = append(append(object, 0xa0), cborText("authData")...)
	object = append(binary.BigEndian.AppendUint16(append(object, 0x59), uint16(len(data))), data...)
	return a.answer(map[string]string{
		"clientDataJSON": b64.EncodeToString(a.clientData("webauthn.create", o.Challenge)), "attestationObject": b64.EncodeToString(object),
	})
}

func cborText(s string) []byte { return append([]byte{0x60 | byte(len(s))}, s...) }

// get answers navigator.credentials.get.
func (a *authenticator) get(t *testing.T, options json.RawMessage) []byte {
	t.Helper()
	var o asked
	must(t, json.Unmarshal(options, &o))
	if o.RPID != here.ID || o.UserVerification != "required" {
		t.Errorf("options %s", options)
	}
	a.counter++
	client, data := a.clientData("webauthn.get", o.Challenge), a.data(o.RPID, a.flags)
	hash := sha256.Sum256(client)
	digest := sha256.Sum256(append(data, hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, a.key, digest[:])
	must(t, err)
	return a.answer(map[string]string{"clientDataJSON": b64.EncodeToString(client), "authenticatorData": b64.EncodeToString(data),
		"signature": b64.EncodeToString(signature), "userHandle": b64.EncodeToString(a.user)})
}

func (a *authenticator) answer(response map[string]string) []byte {
	id := b64.EncodeToString(a.id)
	b, _ := json.Marshal(map[string]any{"id": id, "rawId": id, "type": "public-key", "response": response,
		"clientExtensionResults": map[string]any{}})
	return b
}

// register gives the viewer the authenticator's passkey.
func (b *bench) register(t *testing.T, v access.Viewer, a *authenticator) error {
	t.Helper()
	options, ceremony, err := b.BeginPasskey(t.Context(), v, here)
	must(t, err)
	return b.FinishPasskey(t.Context(), v, Answer{Ceremony: ceremony, Response: a.create(t, options), Label: "laptop"})
}

func (b *bench) passkeyLogin(t *testing.T, a *authenticator) (access.Viewer, error) {
	t.Helper()
	options, ceremony, err := b.BeginPasskeyLogin(t.Context(), here, home)
	must(t, err)
	session, err := b.PasskeyLogin(t.Context(), Answer{Ceremony: ceremony, Response: a.get(t, options)}, Attempt{Address: home, Agent: "Firefox"})
	if err != nil {
		return access.Viewer{}, err
	}
	return b.BySession(t.Context(), session)
}

func TestAPasskeyLogsItsAccountInWithoutAPassword(t *testing.T) {
	b := newBench(t)
	b.user(t, "alice", true)
	b.user(t, "bob", false)
	_, alice := b.session(t, "alice")
	_, bob := b.session(t, "bob")
	phone, laptop := newAuthenticator(t), newAuthenticator(t)
	must(t, b.register(t, alice, phone))
	must(t, b.register(t, bob, laptop))
	again := *phone // keeps its own note of whose it is
	if err := b.register(t, bob, &again); err != ErrBadPasskey {
		t.Errorf("a passkey of another account: %v", err)
	}
	for range 2 {
		v, err := b.passkeyLogin(t, phone)
		if err != nil || v.Name != "alice" || v.AccountID != alice.AccountID {
			t.Fatalf("viewer %+v, %v", v, err)
		}
	}
	f, err := b.Factors(t.Context(), alice)
	if err != nil || len(f.Passkeys) != 1 || f.Passkeys[0].Label != "laptop" || f.Passkeys[0].Origin != here.Origin || f.Passkeys[0].Used.IsZero() {
		t.Fatalf("factors %+v, %v", f, err)
	}
	if err := b.RemovePasskey(t.Context(), bob, f.Passkeys[0].ID); err != access.ErrDenied {
		t.Errorf("bob removes alice's: %v", err)
	}
	must(t, b.RemovePasskey(t.Context(), alice, f.Passkeys[0].ID))
	if _, err := b.passkeyLogin(t, phone); err != ErrBadPasskey {
		t.Errorf("a removed one: %v", err)
	}
	must(t, b.RemoveUser(t.Context(), "bob"))
	if _, err := b.passkeyLogin(t, laptop); err != ErrBadPasskey {
		t.Errorf("one of a removed account: %v", err)
	}
}

func TestAPasskeysAnswerIsTakenOnceFromItsPlaceAndInTime(t *testing.T) {
	b := newBench(t)
	b.user(t, "alice", true)
	_, alice := b.session(t, "alice")
	a := newAuthenticator(t)
	must(t, b.register(t, alice, a))
	login := func(spoil func(options json.RawMessage, ceremony string) Answer) error {
		options, ceremony, err := b.BeginPasskeyLogin(t.Context(), here, home)
		must(t, err)
		session, err := b.PasskeyLogin(t.Context(), spoil(options, ceremony), Attempt{Address: home})
		if (session == "") != (err != nil) {
			t.Errorf("session %q, %v", session, err)
		}
		return err
	}
	good := func(options json.RawMessage, ceremony string) Answer {
		return Answer{Ceremony: ceremony, Response: a.get(t, options)}
	}
	var replayed Answer
	must(t, login(func(o json.RawMessage, c string) Answer { replayed = good(o, c); return replayed }))
	for name, spoil := range map[string]func(json.RawMessage, string) Answer{
		"replayed":          func(json.RawMessage, string) Answer { return replayed },
		"answer of another": func(_ json.RawMessage, c string) Answer { return Answer{Ceremony: c, Response: replayed.Response} },
		"no ceremony":       func(o json.RawMessage, _ string) Answer { return Answer{Response: a.get(t, o)} },
		"nonsense":          func(_ json.RawMessage, c string) Answer { return Answer{Ceremony: c, Response: []byte("{}")} },
		"too late":          func(o json.RawMessage, c string) Answer { b.clock.advance(ceremonyTime); return good(o, c) },
		"another origin": func(o json.RawMessage, c string) Answer {
			a.origin = "https://nvr.local.evil.example"
			return good(o, c)
		},
		"another port":       func(o json.RawMessage, c string) Answer { a.origin = "https://nvr.local:9443"; return good(o, c) },
		"user not verified":  func(o json.RawMessage, c string) Answer { a.flags = 0x01; return good(o, c) },
		"counter went back":  func(o json.RawMessage, c string) Answer { a.counter = 0; return good(o, c) },
		"another's key":      func(o json.RawMessage, c string) Answer { a.key = newAuthenticator(t).key; return good(o, c) },
		"another's handle":   func(o json.RawMessage, c string) Answer { a.user = make([]byte, 8); return good(o, c) },
		"unknown passkey":    func(o json.RawMessage, c string) Answer { a.id = random(32); return good(o, c) },
		"without its handle": func(o json.RawMessage, c string) Answer { a.user = nil; return good(o, c) },
	} {
		t.Run(name, func(t *testing.T) {
			before := *a
			if err := login(spoil); err != ErrBadPasskey && !isThrottled(err) {
				t.Errorf("got %v", err)
			}
			counter := a.counter
			*a = before
			a.counter = max(before.counter, counter)
			b.passkeys.logins = newThrottle()
			must(t, login(good))
		})
	}
}

func TestARegistrationIsForItsSessionAlone(t *testing.T) {
	b := newBench(t)
	b.user(t, "alice", true)
	b.user(t, "bob", false)
	_, alice := b.session(t, "alice")
	_, bob := b.session(t, "bob")
	a := newAuthenticator(t)
	options, ceremony, err := b.BeginPasskey(t.Context(), alice, here)
	must(t, err)
	answer := Answer{Ceremony: ceremony, Response: a.create(t, options)}
	if err := b.FinishPasskey(t.Context(), bob, answer); err != ErrBadPasskey {
		t.Errorf("bob finishes what alice began: %v", err)
	}
	if err := b.FinishPasskey(t.Context(), alice, answer); err != ErrBadPasskey {
		t.Errorf("after that it is over: %v", err)
	}
	_, login, err := b.BeginPasskeyLogin(t.Context(), here, home)
	must(t, err)
	if err := b.FinishPasskey(t.Context(), alice, Answer{Ceremony: login, Response: answer.Response}); err != ErrBadPasskey {
		t.Errorf("a registration for a login: %v", err)
	}
	b.clock.advance(FreshFor)
	if _, _, err := b.BeginPasskey(t.Context(), alice, here); err != ErrNotFresh {
		t.Errorf("ten minutes after the password: %v", err)
	}
}

func TestCeremoniesAreBoundedAndPushOutTheirOwn(t *testing.T) {
	c := newCeremonies()
	now := time.Now()
	first := c.put(ceremony{by: "owner"}, now)
	for n := range 5000 {
		c.put(ceremony{by: "flood"}, now.Add(time.Duration(n)))
	}
	if len(c.open) != 1+maxPerOrigin {
		t.Errorf("%d are open", len(c.open))
	}
	if _, ok := c.take(first, now); !ok {
		t.Error("a flood from elsewhere pushed out the owner's")
	}
	for n := range 3 * maxCeremonies {
		c.put(ceremony{by: string(rune('a' + n))}, now)
	}
	if len(c.open) > maxCeremonies {
		t.Errorf("%d are open", len(c.open))
	}
}

func TestPasskeysNeedANameAndEncryption(t *testing.T) {
	for _, x := range []struct {
		host   string
		secure bool
		want   Relying
		says   string
	}{
		{"nvr.local:8443", true, here, ""},
		{"NVR.example.net", true, Relying{"nvr.example.net", "https://nvr.example.net"}, ""},
		{"localhost:8080", false, Relying{"localhost", "http://localhost:8080"}, ""},
		{"nvr.local", false, Relying{}, "encrypted"},
		{"192.168.1.5:8443", true, Relying{}, "IP address"},
		{"[fd00::5]:8443", true, Relying{}, "IP address"},
		{"", true, Relying{}, "a name"},
		{"a/b", true, Relying{}, "a name"},
	} {
		got, err := PasskeyOrigin(x.host, x.secure)
		if got != x.want || (err == nil) != (x.says == "") || err != nil && !strings.Contains(err.Error(), x.says) {
			t.Errorf("%q: %+v, %v", x.host, got, err)
		}
	}
}
