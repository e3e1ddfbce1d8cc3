package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// testedRows is what a test records, of all rows of the matrix: those whose times are hard to get right, and one of each other kind.
var testedRows = []string{
	"H.264", "H.264, B-frames", "H.264, interlaced, B-frames", "H.265, B-frames", "B-frames with G.711", "sound comes 0.5 s late",
	"G.722", "SDP: unknown medium", "digest, a nonce per request", "backlog of 3 s", "marker on every slice", "packets of another session",
}

func TestOddCamerasAreKeptWholeAndInSync(t *testing.T) {
	m := &matrix{dir: t.TempDir(), peers: []string{matrixNVR}, films: map[string]*source{}}
	var err error
	if m.nvr, err = buildNVR(t.Context(), m.dir); err != nil {
		t.Fatal(err)
	}
	rows := slices.DeleteFunc(chosenRows(""), func(row matrixRow) bool { return !slices.Contains(testedRows, row.name) })
	if len(rows) != len(testedRows) {
		t.Fatalf("%d of %d rows", len(rows), len(testedRows))
	}
	results := make([]map[string]matrixResult, len(rows))
	if err := m.record(t.Context(), rows, results); err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		r := results[i][matrixNVR]
		if r.kept != r.of || r.of == 0 || !r.sound || r.error > 0.04 {
			t.Errorf("%s: %s", row.name, r.cell(true))
		}
	}
}

func TestTheJudgeFindsWhatIsMissingAndWhatIsShifted(t *testing.T) {
	dir := t.TempDir()
	film := filepath.Join(dir, "film.nut")
	if err := plain().encode(t.Context(), film); err != nil {
		t.Fatal(err)
	}
	var s source
	var err error
	if s.pictures, err = picturesOf(t.Context(), film); err != nil {
		t.Fatal(err)
	}
	if s.sound, err = soundOf(t.Context(), film); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		args     string
		kept     int
		from, to float64 // the error
	}{
		{"copied", "-i FILM -c copy", 350, 0, 0.004},
		{"sound 200 ms late", "-i FILM -itsoffset 0.2 -i FILM -map 0:v -map 1:a -c copy", 350, 0.196, 0.204},
		{"sound 200 ms early", "-i FILM -itsoffset -0.2 -i FILM -map 0:v -map 1:a -c copy", 350, 0.196, 0.204},
		{"the first five seconds", "-i FILM -t 5 -c copy", 125, 0, 0.004},
		{"the last nine seconds", "-ss 5 -i FILM -c copy", 225, 0, 0.03}, // ffmpeg cuts sound by frames of AAC
	} {
		out := filepath.Join(dir, strings.ReplaceAll(c.name, " ", "-")+".mp4")
		args := append([]string{"-nostdin", "-v", "error"}, strings.Fields(strings.ReplaceAll(c.args, "FILM", film))...)
		if said, err := exec.CommandContext(t.Context(), "ffmpeg", append(args, out)...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, said)
		}
		r := s.compare(t.Context(), []string{out})
		if r.kept < c.kept-1 || r.kept > c.kept+1 || !r.sound || r.error < c.from || r.error > c.to {
			t.Errorf("%s: %s", c.name, r.cell(true))
		}
	}
}

func TestTheMatrixHasManyRowsWithNamesOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, row := range chosenRows("") {
		if seen[row.name] {
			t.Errorf("two rows are called %q", row.name)
		}
		seen[row.name] = true
	}
	if len(seen) < 60 {
		t.Errorf("%d rows", len(seen))
	}
	var out bytes.Buffer
	rows := []matrixRow{{name: "camera", film: plain()}, {name: "other", film: silent()}}
	results := []map[string]matrixResult{{"nvr": {kept: 9, of: 10, sound: true, error: 0.012}, "ffmpeg -c copy": {kept: 10, of: 10}},
		{"nvr": {kept: 10, of: 10}, "ffmpeg -c copy": {kept: 10, of: 10}}}
	if err := printMatrix(&out, []string{"nvr", "ffmpeg -c copy"}, rows, results); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| camera | 9 of 10, 12 ms | 10 of 10, no sound |", "| other | 10 of 10 | 10 of 10 |", "2 rows. In 1 of them"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
