package testcam

// residual writes one block of transform coefficients in scanning order by CAVLC (H.264 clause 9.2) and returns how many
// are not zero. nC is the context of clause 9.2.1; -1 for the four DC coefficients of chroma.
func (w *bitWriter) residual(coeffs []int32, nC int) int {
	var levels, runs [16]int32
	total, zeros, run := 0, 0, int32(0)
	for i := len(coeffs) - 1; i >= 0; i-- { // from the highest frequency down
		if coeffs[i] == 0 {
			if total > 0 {
				zeros++
				run++
			}
			continue
		}
		if total > 0 {
			runs[total-1] = run
		}
		run = 0
		levels[total] = coeffs[i]
		total++
	}
	ones := 0
	for ones < min(total, 3) && (levels[ones] == 1 || levels[ones] == -1) {
		ones++
	}
	w.coeffToken(total, ones, nC)
	if total == 0 {
		return 0
	}
	for _, level := range levels[:ones] {
		w.put(uint32(level)>>31, 1)
	}
	w.levels(levels[ones:total], total > 10 && ones < 3, ones < 3)
	if total < len(coeffs) {
		table := totalZeros
		if len(coeffs) == 4 {
			table = totalZerosChromaDC
		}
		w.code(table[total-1][zeros])
	}
	for i := 0; i < total-1 && zeros > 0; i++ {
		w.code(runBefore[min(zeros, 7)-1][runs[i]])
		zeros -= int(runs[i])
	}
	return total
}

func (w *bitWriter) coeffToken(total, ones, nC int) {
	switch {
	case nC < 0:
		w.code(coeffTokenChromaDC[total][ones])
	case nC < 2:
		w.code(coeffToken0[total][ones])
	case nC < 4:
		w.code(coeffToken2[total][ones])
	case nC < 8:
		w.code(coeffToken4[total][ones])
	case total == 0:
		w.put(3, 6)
	default:
		w.put(uint32(total-1)<<2|uint32(ones), 6)
	}
}

// levels writes the levels that are not trailing ones. long says that suffixes begin at one bit; short says that the
// first level cannot be ±1, because it would then be a trailing one. Clause 9.2.2.
func (w *bitWriter) levels(levels []int32, long, short bool) {
	suffix := 0
	if long {
		suffix = 1
	}
	for i, level := range levels {
		abs := max(level, -level)
		code := uint32(2*abs - 2)
		if level < 0 {
			code++
		}
		if i == 0 && short {
			code -= 2
		}
		w.level(code, suffix)
		if suffix == 0 {
			suffix = 1
		}
		if suffix < 6 && abs > 3<<(suffix-1) {
			suffix++
		}
	}
}

// level writes level_prefix and level_suffix of a level code below 2^12.
func (w *bitWriter) level(code uint32, suffix int) {
	switch {
	case suffix == 0 && code < 14:
		w.put(1, int(code)+1)
	case suffix == 0 && code < 30:
		w.put(1, 15)
		w.put(code-14, 4)
	case suffix == 0:
		w.put(1, 16)
		w.put(code-30, 12)
	case code < 15<<suffix:
		w.put(1, int(code>>suffix)+1)
		w.put(code, suffix)
	default:
		w.put(1, 16)
		w.put(code-15<<suffix, 12)
	}
}
