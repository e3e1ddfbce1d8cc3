package view

// AuditLog is a list of entries of the record of views.
type AuditLog struct {
	Shell           Shell
	Title           string
	Back, BackWords string
	Day, Today, All string
	Rows            []AuditEntry
	Changes         []AuditEntry // of who may see; on the first page
	None            string
	Older           string
	Footer          string
}

type AuditEntry struct{ Who, What, When, Amount string }
