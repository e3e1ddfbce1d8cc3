package web

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"image/png"
	"net/http"
	"net/url"
	"strconv"

	"github.com/pquerna/otp"

	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/web/view"
)

const qrPixels = 232

// addFactors adds what the account has beside its password.
func (h *accountPages) addFactors(r *http.Request, v *view.Account) error {
	f, err := h.accounts.Factors(r.Context(), viewerOf(r))
	if err != nil {
		return err
	}
	v.TOTP = f.TOTP
	v.RecoveryWords = fmt.Sprintf("%s left in case you lose your phone.", counted(f.Recovery, "recovery code"))
	if f.Recovery == 1 {
		v.RecoveryWords = "1 recovery code left: create new ones."
	}
	for _, k := range f.Passkeys {
		words := "created " + h.site.when(k.Created) + ", for " + k.Origin
		if !k.Used.IsZero() {
			words += ", last used " + h.site.lastUsed(k.Used)
		}
		label := k.Label
		if label == "" {
			label = "Passkey"
		}
		v.Passkeys = append(v.Passkeys, view.PasskeyRow{ID: strconv.FormatInt(k.ID, 10), Label: label, Words: words})
	}
	if _, err := accounts.PasskeyOrigin(r.Host, infoOf(r).secure); err != nil {
		v.NoPasskeys = sentence(err.Error())
	}
	return nil
}

// beginTOTP shows the key for the authenticator app, once.
func (h *accountPages) beginTOTP(r *http.Request, _ url.Values) (outcome, error) {
	key, err := h.accounts.BeginTOTP(r.Context(), viewerOf(r))
	if err != nil {
		return outcome{}, err
	}
	picture, err := qrCode(key.URL)
	if err != nil {
		return outcome{}, err
	}
	return outcome{once: view.FactorPage(view.Factor{Shell: h.shell(r, "Second factor", "account"), Picture: picture, Key: key.Secret})}, nil
}

// qrCode draws an address as a QR code, as the URL of a picture that is in the page itself.
func qrCode(address string) (string, error) {
	key, err := otp.NewKeyFromURL(address)
	if err != nil {
		return "", err
	}
	img, err := key.Image(qrPixels, qrPixels)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return "", err
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes()), nil
}

// confirmTOTP switches the second factor on and shows the recovery codes, once.
func (h *accountPages) confirmTOTP(r *http.Request, form url.Values) (outcome, error) {
	codes, err := h.accounts.ConfirmTOTP(r.Context(), viewerOf(r), form.Get("code"))
	if errors.Is(err, accounts.ErrBadFactor) {
		return outcome{}, problem(http.StatusBadRequest, "Wrong code. Check that your phone's clock is right, then set it up again.")
	}
	return h.recoveryCodes(r, codes), err
}

func (h *accountPages) newRecoveryCodes(r *http.Request, _ url.Values) (outcome, error) {
	codes, err := h.accounts.NewRecoveryCodes(r.Context(), viewerOf(r))
	return h.recoveryCodes(r, codes), err
}

func (h *accountPages) recoveryCodes(r *http.Request, codes []string) outcome {
	return outcome{once: view.SecretPage(view.Secret{Shell: h.shell(r, "Recovery codes", "account"), Title: "Your recovery codes",
		Lead:  "Store them somewhere safe: each signs you in once instead of a code from the app. They can't be shown again, and older codes no longer work.",
		Lines: codes, Next: "/account?done=totp-on#totp"})}
}

func (h *accountPages) removeTOTP(r *http.Request, _ url.Values) (outcome, error) {
	return outcome{next: "/account?done=totp-off#totp"}, h.accounts.RemoveTOTP(r.Context(), viewerOf(r))
}

// beginPasskey asks the browser for a new passkey.
func (h *accountPages) beginPasskey(r *http.Request, _ url.Values) (outcome, error) {
	at, err := accounts.PasskeyOrigin(r.Host, infoOf(r).secure)
	if err != nil {
		return outcome{}, err
	}
	options, ceremony, err := h.accounts.BeginPasskey(r.Context(), viewerOf(r), at)
	if err != nil {
		return outcome{}, err
	}
	return outcome{once: view.PasskeyPage(view.Passkey{Shell: withScript(h.shell(r, "New passkey", "door-page"), "passkey"), Title: "New passkey", New: true,
		Lead: "Your browser will ask where to save it, and for your fingerprint, face or PIN.", Options: string(options), Ceremony: ceremony,
		Label: deviceWords(r.UserAgent())})}, nil
}

func (h *accountPages) finishPasskey(r *http.Request, form url.Values) (outcome, error) {
	err := h.accounts.FinishPasskey(r.Context(), viewerOf(r),
		accounts.Answer{Ceremony: form.Get("ceremony"), Response: []byte(form.Get("response")), Label: form.Get("label")})
	if errors.Is(err, accounts.ErrBadPasskey) {
		return outcome{}, problem(http.StatusBadRequest, sentence(err.Error()))
	}
	return outcome{next: "/account?done=passkey-new#passkeys"}, err
}

func (h *accountPages) removePasskey(r *http.Request, form url.Values) (outcome, error) {
	id, err := strconv.ParseInt(form.Get("passkey"), 10, 64)
	if err != nil {
		return outcome{}, notFound()
	}
	return outcome{next: "/account?done=passkey#passkeys"}, h.accounts.RemovePasskey(r.Context(), viewerOf(r), id)
}
