package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/bojanz/currency"
	"github.com/spf13/cobra"

	"github.com/ordo-platform/ordo/internal/client"
)

func newOutputFlag() *textFlag {
	return &textFlag{value: "text", kind: "string", check: oneOf("text", "json")}
}

// wantsJSON tells whether -o json was given.
func wantsJSON(cmd *cobra.Command) bool {
	return cmd.Flag("output").Value.String() == "json"
}

// printJSON writes a body as it came.
func printJSON(cmd *cobra.Command, body json.RawMessage) error {
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\n", bytes.TrimSpace(body))
	return err
}

// printTable writes rows of tab-separated cells in columns.
func printTable(cmd *cobra.Command, rows func(w io.Writer)) error {
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	rows(w)
	return w.Flush()
}

// row adds a row to a table. What comes from outside cannot break columns or steer the terminal. Errors of the writer
// come out of its Flush.
func row(w io.Writer, cells ...any) {
	texts := make([]string, len(cells))
	for i, cell := range cells {
		texts[i] = printable(fmt.Sprint(cell))
	}
	_, _ = fmt.Fprintln(w, strings.Join(texts, "\t"))
}

// dash is what a cell shows for nothing.
func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// say tells people something; it is never data.
func say(cmd *cobra.Command, format string, args ...any) {
	_, _ = fmt.Fprintln(cmd.ErrOrStderr(), printable(fmt.Sprintf(format, args...)))
}

// printable makes one harmless line of any text: no control characters, no text direction overrides.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.In(r, unicode.Cc, unicode.Cf):
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// money writes an amount as people do, with as many decimals as the currency has: 19.90 EUR, 1990 JPY.
func money(m client.Money) string {
	amount, err := currency.NewAmountFromInt64(m.Amount, m.Currency)
	if err != nil { // a currency this build does not know: decimals cannot be guessed
		return fmt.Sprintf("%d minor units of %s", m.Amount, m.Currency)
	}
	return amount.String()
}

// moment writes a time in UTC, to the millisecond: an order's events follow each other that fast.
func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}
