package audit

import (
	"crypto/sha256"
	"encoding/binary"

	"keepwatch.internal/internal/access"
)

// The kinds of entry. Their numbers are in the database.
const (
	viewEntry   = 1
	changeEntry = 2
)

// entry is a row of the log.
type entry struct {
	id       int64
	kind     int
	written  int64
	viewer   access.Viewer // who did it: Kind, AccountID, GrantID and Name count
	camera   []byte        // nil: about no camera
	action   access.Action
	first    int64
	last     int64
	from, to int64
	address  string
	bytes    int64
	subject  int64
	what     string
	detail   string
	hash     []byte
}

// link is the entry's hash: SHA-256 over the hash of the entry before and over every field, in an encoding that no two sets of
// fields share. docs/threat-model.md says what it proves.
func (e *entry) link(before []byte) []byte {
	h := sha256.New()
	h.Write(before)
	for _, n := range []int64{e.id, int64(e.kind), e.written, int64(e.viewer.Kind), e.viewer.AccountID, e.viewer.GrantID,
		int64(e.action), e.first, e.last, e.from, e.to, e.bytes, e.subject} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(n)))
	}
	for _, s := range []string{string(e.camera), e.viewer.Name, e.address, e.what, e.detail} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(s))))
		h.Write([]byte(s))
	}
	return h.Sum(nil)
}

const entryColumns = `id, kind, written_us, viewer_kind, account_id, grant_id, name, camera, action, first_us, last_us,
	from_us, to_us, address, bytes, subject_id, what, detail, hash`

func (e *entry) fields() []any {
	return []any{&e.id, &e.kind, &e.written, &e.viewer.Kind, &e.viewer.AccountID, &e.viewer.GrantID, &e.viewer.Name, &e.camera,
		&e.action, &e.first, &e.last, &e.from, &e.to, &e.address, &e.bytes, &e.subject, &e.what, &e.detail, &e.hash}
}

func (e *entry) values() []any {
	var camera any
	if e.camera != nil {
		camera = e.camera
	}
	return []any{e.id, e.kind, e.written, e.viewer.Kind, e.viewer.AccountID, e.viewer.GrantID, e.viewer.Name, camera,
		e.action, e.first, e.last, e.from, e.to, e.address, e.bytes, e.subject, e.what, e.detail, e.hash}
}
