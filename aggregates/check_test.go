package aggregates_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/ordo-platform/ordo/aggregates"
)

func code(err error) string {
	var refused *aggregates.RefusedError
	if !errors.As(err, &refused) {
		return ""
	}
	return refused.Reason
}

func TestValidSKU(t *testing.T) {
	t.Parallel()
	for sku, want := range map[string]bool{
		"MUG-1": true, "a": true, "0": true, "a.b_c-d": true, strings.Repeat("x", 64): true,
		"": false, strings.Repeat("x", 65): false, "-a": false, ".a": false, "_a": false,
		"a b": false, "a/b": false, "a\x00": false, "a\n": false, "ä": false, "a%2F": false, "../x": false,
	} {
		if got := aggregates.ValidSKU(sku); got != want {
			t.Errorf("ValidSKU(%q) = %v, want %v", sku, got, want)
		}
		if refused := code(aggregates.CheckSKU("sku", sku)) == aggregates.CodeInvalidSKU; refused == want {
			t.Errorf("CheckSKU(%q) does not agree with ValidSKU", sku)
		}
	}
}

func TestCheckText(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ text, want string }{
		"plain":               {"Mug, blue", ""},
		"limit":               {strings.Repeat("é", 20), ""},
		"over the limit":      {strings.Repeat("é", 21), aggregates.CodeTooLong},
		"very long":           {strings.Repeat("a", 10_000), aggregates.CodeTooLong},
		"emoji with joiner":   {"👩\u200d🚀", ""},
		"right to left":       {"שלום", ""},
		"empty":               {"", aggregates.CodeRequired},
		"blank":               {" \t ", aggregates.CodeRequired},
		"NUL":                 {"a\x00b", aggregates.CodeInvalidCharacters},
		"newline":             {"a\nb", aggregates.CodeInvalidCharacters},
		"delete":              {"a\x7f", aggregates.CodeInvalidCharacters},
		"C1 control":          {"a\u0085b", aggregates.CodeInvalidCharacters},
		"line separator":      {"a\u2028b", aggregates.CodeInvalidCharacters},
		"direction override":  {"a\u202egpj", aggregates.CodeInvalidCharacters},
		"direction isolate":   {"a\u2066b", aggregates.CodeInvalidCharacters},
		"byte order mark":     {"\ufeffa", aggregates.CodeInvalidCharacters},
		"invalid UTF-8":       {"a\xff", aggregates.CodeInvalidCharacters},
		"surrogate as bytes":  {"a\xed\xa0\x80", aggregates.CodeInvalidCharacters},
		"decomposed e acute":  {"e\u0301", aggregates.CodeInvalidCharacters},
		"composed e acute":    {"\u00e9", ""},
		"compatibility only":  {"ﬁ", ""}, // NFKC would change it, NFC does not
		"angstrom sign (NFC)": {"\u212b", aggregates.CodeInvalidCharacters},
	} {
		if got := code(aggregates.CheckText("name", tc.text, 20)); got != tc.want {
			t.Errorf("%s: refused with %q, want %q", name, got, tc.want)
		}
	}
}

func TestCleanText(t *testing.T) {
	t.Parallel()
	for dirty, want := range map[string]string{
		"card\r\nlost":          "card  lost",
		"no\x00\u202efunds\xff": "nofunds\uFFFD",
		"Cafe\u0301":            "Caf\u00e9",
		"10\u00a0000\u202f€":    "10\u00a0000\u202f€", // spaces of other kinds are as good as any
		" \u2028 padded\t":      "padded",
		"eleven char":           "eleven cha",
		"nine char and a space": "nine char",
		"\x00\n":                "",
	} {
		if got := aggregates.CleanText(dirty, 10); got != want {
			t.Errorf("CleanText(%q) = %q, want %q", dirty, got, want)
		}
	}
}

func TestCleanTextPassesCheckText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		dirty := rapid.OneOf(
			rapid.String(),
			rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
			rapid.StringOf(rapid.RuneFrom([]rune("ae\u0301\u0327\u1100\u1161\u11a8\u202e\x00\n \u2028"))),
		).Draw(t, "dirty")
		limit := rapid.IntRange(1, 20).Draw(t, "limit")
		clean := aggregates.CleanText(dirty, limit)
		if got := code(aggregates.CheckText("x", clean, limit)); clean != "" && got != "" {
			t.Fatalf("CleanText(%q, %d) = %q, refused with %s", dirty, limit, clean, got)
		}
		if aggregates.CheckText("x", dirty, limit) == nil && clean != strings.TrimSpace(dirty) && utf8.ValidString(dirty) {
			t.Fatalf("CleanText(%q, %d) = %q changes a good text", dirty, limit, clean)
		}
	})
}

func TestCheckCurrency(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"EUR", "USD", "JPY", "KWD"} {
		if err := aggregates.CheckCurrency("price.currency", good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "eur", "EURO", "XYZ", "€", "EUR "} {
		if got := code(aggregates.CheckCurrency("price.currency", bad)); got != aggregates.CodeInvalidCurrency {
			t.Errorf("%q: refused with %q", bad, got)
		}
	}
}

func TestMoneyOverflow(t *testing.T) {
	t.Parallel()
	eur := func(n int64) aggregates.Money { return aggregates.Money{Amount: n, Currency: "EUR"} }
	if _, err := eur(math.MaxInt64).Plus(eur(1)); !errors.Is(err, aggregates.ErrAmountOverflow) {
		t.Errorf("max + 1: %v", err)
	}
	if _, err := eur(math.MinInt64).Plus(eur(-1)); !errors.Is(err, aggregates.ErrAmountOverflow) {
		t.Errorf("min - 1: %v", err)
	}
	if _, err := eur(math.MaxInt64/2 + 1).Times(2); !errors.Is(err, aggregates.ErrAmountOverflow) {
		t.Errorf("max/2+1 times 2: %v", err)
	}
	if got, err := eur(math.MaxInt64 / 2).Times(2); err != nil || got != eur(math.MaxInt64-1) {
		t.Errorf("max/2 times 2: %v, %v", got, err)
	}
	if _, err := eur(1).Plus(aggregates.Money{Amount: 1, Currency: "USD"}); !errors.Is(err, aggregates.ErrMixedCurrencies) {
		t.Errorf("EUR + USD: %v", err)
	}
}
