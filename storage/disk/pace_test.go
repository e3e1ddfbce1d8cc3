package disk

import (
	"context"
	"testing"
	"time"
)

// TestAPaceHoldsReadingBack reads at a rate that a tenth of a second is enough for.
func TestAPaceHoldsReadingBack(t *testing.T) {
	d, _ := open(t)
	if err := WriteFile(d, "footage", make([]byte, 20<<10)); err != nil {
		t.Fatal(err)
	}
	file, err := d.Open("footage")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	ctx, stop := context.WithCancel(t.Context())
	p := &Pace{Rate: 1 << 20}
	f, b := p.File(ctx, file), make([]byte, 20<<10)
	began := time.Now()
	for range 5 {
		if _, err := f.ReadAt(b, 0); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took < 70*time.Millisecond { // the fifth waits for the four before it
		t.Errorf("100 kB at 1 MB/s took %v", took)
	}
	if p.Bytes() != 100<<10 {
		t.Errorf("counted %d bytes", p.Bytes())
	}
	stop()
	if _, err := f.ReadAt(b, 0); err == nil {
		t.Error("reading went on when its context was over")
	}
}
