package view

// Account is the page of the signed-in account.
type Account struct {
	Shell         Shell
	Notice        Notice
	TOTP          bool
	RecoveryWords string
	Passkeys      []PasskeyRow
	NoPasskeys    string // why there can be none here; empty where there can
	Sessions      []SessionRow
	Tokens        []TokenRow
	Actions       []Choice
	Cameras       []CameraChoice
}

type PasskeyRow struct{ ID, Label, Words string }

type SessionRow struct {
	ID, Device, Words string
	Current           bool
}

type TokenRow struct{ ID, Label, Words string }

// Secret is a page with what can be seen once only.
type Secret struct {
	Shell       Shell
	Title, Lead string
	Lines       []string
	Hint        string
	Next        string
}

// Factor is the page that sets up a second factor.
type Factor struct {
	Shell        Shell
	Picture, Key string
	Complaint    string
}
