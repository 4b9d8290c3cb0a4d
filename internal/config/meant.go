package config

// meant suggests the name that may have been meant, as in ", did you mean x?", if there is one near.
func meant(name string, keys []Key, form func(Key) string) string {
	best, nearest := "", len(name)/3+1
	for _, k := range keys {
		if d := distance(name, form(k)); d < nearest {
			best, nearest = form(k), d
		}
	}
	if best == "" {
		return ": \"ordo config show\" lists all"
	}
	return ", did you mean " + best + "?"
}

// distance is how many letters have to be changed, added or left out (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
