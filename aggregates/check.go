package aggregates

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bojanz/currency"
	"golang.org/x/text/unicode/norm"
)

// Codes of refusals that more than one aggregate gives. The others are named in the package that gives them.
const (
	CodeNotFound          = "not_found"          // there is no such aggregate
	CodeInvalidState      = "invalid_state"      // it exists, but what is asked for cannot happen any more, or not yet
	CodeRequired          = "required"           // a text is missing or blank
	CodeTooLong           = "too_long"           // a text has too many characters
	CodeInvalidCharacters = "invalid_characters" // a text has characters that are not allowed, or is not normalised
	CodeOutOfRange        = "out_of_range"       // a number is below or above its limits
	CodeInvalidCurrency   = "invalid_currency"
	CodeInvalidSKU        = "invalid_sku"
)

// MaxSKULength is how long a SKU may be.
const MaxSKULength = 64

// ValidSKU says whether s can name a kind of goods: a letter or digit, then up to 63 letters, digits, dots, underscores
// and dashes, all ASCII. So a SKU is safe in a URL path, in a stream id and as a record key.
func ValidSKU(s string) bool {
	if s == "" || len(s) > MaxSKULength {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case i > 0 && (c == '.' || c == '_' || c == '-'):
		default:
			return false
		}
	}
	return true
}

// CheckSKU refuses what is not a [ValidSKU].
func CheckSKU(field, s string) error {
	if !ValidSKU(s) {
		return &RefusedError{CodeInvalidSKU, "a SKU is 1 to 64 letters, digits, '.', '_' or '-', and starts with a letter or digit", field}
	}
	return nil
}

// CheckRange refuses a number outside low..high.
func CheckRange(field string, n, low, high int64) error {
	if n < low || n > high {
		return &RefusedError{CodeOutOfRange, fmt.Sprintf("must be %d to %d, not %d", low, high, n), field}
	}
	return nil
}

// CheckCurrency refuses what is not the code of a known currency.
func CheckCurrency(field, code string) error {
	if code == "" || !currency.IsValid(code) { // the library takes no currency at all for a valid one
		return &RefusedError{CodeInvalidCurrency, fmt.Sprintf("%.8q is not a known currency code", code), field}
	}
	return nil
}

// CheckText refuses a text that is blank, has more than limit characters, or has characters that no store, log or screen
// can be trusted with: invalid UTF-8, control characters (NUL among them), line separators, those that override the
// direction of writing, and texts not in Unicode's normal form C, of which equal-looking ones would not compare equal.
func CheckText(field, s string, limit int) error {
	switch {
	case strings.TrimSpace(s) == "":
		return &RefusedError{CodeRequired, "must not be empty", field}
	case utf8.RuneCountInString(s) > limit:
		return &RefusedError{CodeTooLong, fmt.Sprintf("must have at most %d characters", limit), field}
	case !utf8.ValidString(s):
		return &RefusedError{CodeInvalidCharacters, "must be valid UTF-8", field}
	case strings.ContainsFunc(s, forbidden):
		return &RefusedError{CodeInvalidCharacters, "must not contain control or text direction characters", field}
	case !norm.NFC.IsNormalString(s):
		return &RefusedError{CodeInvalidCharacters, "must be in Unicode normal form C", field}
	}
	return nil
}

// CleanText makes a text of foreign origin fit to be recorded: what [CheckText] would refuse is taken out or replaced, the
// rest trimmed and cut to limit characters. Only emptiness is left as it is. It is for texts that merely inform, where a
// refusal would lose the fact they come with.
func CleanText(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case !forbidden(r):
			return r
		case unicode.IsSpace(r): // a line break, say
			return ' '
		default:
			return -1
		}
	}, strings.ToValidUTF8(s, "\uFFFD"))
	s = strings.TrimSpace(norm.NFC.String(s))
	if runes := []rune(s); len(runes) > limit {
		s = strings.TrimSpace(string(runes[:limit]))
	}
	return s
}

func forbidden(r rune) bool {
	switch {
	case unicode.IsControl(r):
		return true
	case r == '\u2028', r == '\u2029', r == '\uFEFF': // line and paragraph separator, byte order mark
		return true
	case '\u202A' <= r && r <= '\u202E', '\u2066' <= r && r <= '\u2069': // embed, override, isolate
		return true
	}
	return false
}
