package view

import "unicode"

// Unbroken returns the text with its numbers tied to their units, so that no line ends between them.
func Unbroken(text string) string {
	b := []rune(text)
	for i := 1; i+1 < len(b); i++ {
		if b[i] == ' ' && unicode.IsDigit(b[i-1]) && (unicode.IsLetter(b[i+1]) || b[i+1] == '%') {
			b[i] = '\u00a0'
		}
	}
	return string(b)
}
