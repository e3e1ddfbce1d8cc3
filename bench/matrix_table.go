package main

import (
	"fmt"
	"io"
	"strings"
)

// printMatrix prints the table as Markdown.
func printMatrix(out io.Writer, peers []string, rows []matrixRow, results []map[string]matrixResult) error {
	var b strings.Builder
	fmt.Fprintf(&b, "| Camera | %s |\n| --- |%s\n", strings.Join(peers, " | "), strings.Repeat(" --- |", len(peers)))
	behind := 0
	for i, row := range rows {
		fmt.Fprintf(&b, "| %s |", row.name)
		for _, peer := range peers {
			fmt.Fprintf(&b, " %s |", results[i][peer].cell(len(row.film.audio) > 0))
		}
		b.WriteString("\n")
		if worse(results[i], peers) {
			behind++
		}
	}
	fmt.Fprintf(&b, "\n%d rows. In %d of them another recorder kept more pictures, or sound closer to them.\n", len(rows), behind)
	_, err := io.WriteString(out, b.String())
	return err
}

// cell is what a recorder kept: pictures, and how far sound is from them.
func (r matrixResult) cell(withSound bool) string {
	s := fmt.Sprintf("%d of %d", r.kept, r.of)
	switch {
	case !withSound:
	case r.sound:
		s += fmt.Sprintf(", %.0f ms", r.error*1000)
	default:
		s += ", no sound"
	}
	return s
}

// worse reports whether another recorder kept more pictures, or sound when this one kept none, or sound that is closer to the pictures by
// what could be heard: 40 ms.
func worse(r map[string]matrixResult, peers []string) bool {
	mine := r[matrixNVR]
	for _, peer := range peers {
		other := r[peer]
		if other.kept > mine.kept || other.kept == 0 && mine.kept == 0 {
			return true
		}
		if other.kept == mine.kept && other.sound && (!mine.sound || mine.error > max(other.error+0.01, 0.04)) {
			return true
		}
	}
	return false
}
