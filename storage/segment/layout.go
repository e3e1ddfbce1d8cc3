package segment

import (
	"fmt"
	"time"

	"keepwatch.internal/internal/media"
)

// Part is the share of one segment in what is served: some of its fragments, in order, at least one.
type Part struct {
	Run     *media.Run
	Entries []media.Entry
}

// Piece is the share of one fragment in what is served: its bytes [Skip, Skip+Keep), at the offset At.
type Piece struct {
	At         int64
	Offset     int64 // of the fragment in its segment's file
	Start      int64 // wall clock of its first picture, µs
	Seq        uint64
	Part       int32
	Size       uint32 // of the fragment, bytes
	Skip, Keep uint32
}

// Place returns where the fragment lies in its segment's file.
func (p Piece) Place() Place { return Place{p.Start, p.Offset, p.Size} }

// Layout describes a file that exists only while it is served: the bytes of segments that it consists of.
type Layout struct {
	Head       []byte // what the file begins with
	Pieces     []Piece
	Size       int64 // bytes of the file
	Start, End time.Time
	Run        media.RunID // of the first part
	MIME       string
	Audio      bool // there is sound in the file
	Silent     bool // the fragments have sound, and are served without it
}

func newLayout(parts []Part, audio bool) Layout {
	run, last := parts[0].Run, parts[len(parts)-1].Entries
	l := Layout{Start: parts[0].Entries[0].Start.Round(0).UTC(), End: last[len(last)-1].End().UTC(), Run: run.ID, MIME: run.SilentMIME()}
	if l.Audio = audio && run.Audio != nil; l.Audio {
		l.MIME = run.MIME()
	}
	return l
}

// Progressive lays out a plain MP4: its header, then the payload of each fragment. All parts have the same coding.
func Progressive(parts []Part, audio bool) (Layout, error) {
	l := newLayout(parts, audio)
	n := 0
	for i := range parts {
		n += len(parts[i].Entries)
	}
	entries := make([]media.Entry, 0, n)
	for i := range parts {
		entries = append(entries, parts[i].Entries...)
	}
	var err error
	if l.Head, err = media.ProgressiveHeader(parts[0].Run, entries, l.Audio); err != nil {
		return Layout{}, fmt.Errorf("clip header: %w", err)
	}
	l.lay(parts, func(e *media.Entry) (skip, keep int64) {
		keep = e.VideoBytes()
		if l.Audio {
			keep += e.AudioBytes()
		}
		return int64(e.Payload), keep
	})
	return l, nil
}

// Fragmented lays out the init header and the fragments of parts of one run, for Media Source Extensions. The key is that of the
// parts' camera.
func Fragmented(parts []Part, audio bool, key media.LabelKey) Layout {
	l := newLayout(parts, audio)
	run := parts[0].Run
	l.Head = run.Init
	l.Silent = run.Audio != nil && !l.Audio
	if l.Silent {
		l.Head = run.SilentInit(key)
	}
	l.lay(parts, func(e *media.Entry) (skip, keep int64) {
		if l.Silent {
			return 0, media.SilentSize(e)
		}
		return 0, int64(e.Size)
	})
	return l
}

// lay places the share of every fragment behind the header.
func (l *Layout) lay(parts []Part, share func(*media.Entry) (skip, keep int64)) {
	l.Size = int64(len(l.Head))
	for i := range parts {
		for k := range parts[i].Entries {
			e := &parts[i].Entries[k]
			skip, keep := share(e)
			if keep > 0 {
				l.Pieces = append(l.Pieces, Piece{At: l.Size, Offset: e.Offset, Start: micros(e.Start), Seq: e.Seq,
					Part: int32(i), Size: e.Size, Skip: uint32(skip), Keep: uint32(keep)})
			}
			l.Size += keep
		}
	}
}

// Cut returns a piece of its fragment, which was verified. The key is that of the fragment's camera.
func (l *Layout) Cut(p Piece, fragment []byte, key media.LabelKey) ([]byte, error) {
	if l.Silent {
		var err error
		if fragment, err = media.SilentFragment(key, fragment); err != nil {
			return nil, err
		}
		if len(fragment) != int(p.Keep) {
			return nil, fmt.Errorf("silent fragment of %d bytes, expected %d", len(fragment), p.Keep)
		}
	}
	return fragment[p.Skip : p.Skip+p.Keep : p.Skip+p.Keep], nil
}

// Payload returns where the pictures begin in what is served of a fragment. Without its sound they are all of its payload.
func (l *Layout) Payload(e *media.Entry) int64 {
	if l.Silent {
		return media.SilentSize(e) - e.VideoBytes()
	}
	return int64(e.Payload)
}
