package consumer

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

var (
	//go:embed sql/dead_letter_groups.sql
	deadLetterGroupsSQL string
	//go:embed sql/dead_letters.sql
	deadLettersSQL string
	//go:embed sql/request_keys.sql
	requestKeysSQL string
	//go:embed sql/discard_junk.sql
	discardJunkSQL string
	//go:embed sql/count_selected.sql
	countSelectedSQL string
)

// DeadLetters is what operators see of the dead letters in a database, and how they say what is to become of them. It only
// writes wishes down: the consumers do what is wished, as soon as they run.
type DeadLetters struct{ pool *pgxpool.Pool }

// NewDeadLetters returns the dead letters of the consumers of a database.
func NewDeadLetters(pool *pgxpool.Pool) *DeadLetters { return &DeadLetters{pool} }

// DeadLetterGroup is the dead letters that have one cause.
type DeadLetterGroup struct {
	Consumer    string    `json:"consumer"`
	Fingerprint string    `json:"fingerprint"` // of consumer, class, message without what differs from event to event, and type
	Class       string    `json:"class"`
	Type        string    `json:"type"`
	Error       string    `json:"error"`     // the newest
	Failed      int64     `json:"failed"`    // events that could not be applied
	Waiting     int64     `json:"waiting"`   // events behind them
	Keys        int64     `json:"keys"`      // orders, SKUs, … that stand still
	Requested   int64     `json:"requested"` // of those, with a redrive or discard that is not done yet
	FirstAt     time.Time `json:"first_at"`
	LastAt      time.Time `json:"last_at"`
}

// DeadLetter is one of them.
type DeadLetter struct {
	ID            int64      `json:"id"`
	Consumer      string     `json:"consumer"`
	Topic         string     `json:"topic"`
	Partition     int32      `json:"partition"`
	Offset        int64      `json:"offset"`   // -1: it came from the log
	Position      int64      `json:"position"` // 0: not an event
	Key           string     `json:"key"`
	EventID       *string    `json:"event_id"`
	Type          string     `json:"type"`
	Follows       int64      `json:"follows"` // position of the event it waits behind; 0: it failed itself
	Class         string     `json:"class"`
	Fingerprint   string     `json:"fingerprint"`
	Error         string     `json:"error"`
	Attempts      int        `json:"attempts"`
	Redrives      int        `json:"redrives"`
	Truncated     bool       `json:"truncated"`
	RecordTime    time.Time  `json:"record_time"`
	FirstFailedAt *time.Time `json:"first_failed_at"`
	LastFailedAt  *time.Time `json:"last_failed_at"`
	ParkedAt      time.Time  `json:"parked_at"`
	PublishedAt   *time.Time `json:"published_at"`
	ResolvedAt    *time.Time `json:"resolved_at"`
	Status        string     `json:"status"` // parked, applied, discarded
	Reason        string     `json:"reason"`
	Value         []byte     `json:"value"`
}

// Selection narrows what is meant; zero fields do not.
type Selection struct {
	Consumer    string
	Fingerprint string
	Key         string
	ID          int64
}

func (s Selection) args() pgx.StrictNamedArgs {
	return pgx.StrictNamedArgs{"consumer": s.Consumer, "fingerprint": s.Fingerprint, "key": s.Key, "id": s.ID}
}

// Selected counts what a [Selection] holds.
type Selected struct {
	Keys      int64 `json:"keys"`      // that are parked
	Events    int64 `json:"events"`    // that wait under them
	Junk      int64 `json:"junk"`      // records that are no events, parked
	Requested int64 `json:"requested"` // keys with a wish that is not fulfilled yet
	Applied   int64 `json:"applied"`   // redriven before
	Discarded int64 `json:"discarded"` // before
}

// Why a request is refused.
var (
	// ErrNotParked says that there is no such dead letter.
	ErrNotParked = errors.New("not parked: there is no such dead letter")
	// ErrAlreadyApplied says that a redrive has done its work before.
	ErrAlreadyApplied = errors.New("already applied")
	// ErrDiscarded says that it was given up before.
	ErrDiscarded = errors.New("discarded before")
	// ErrNotAnEvent says that what is parked can only be discarded.
	ErrNotAnEvent = errors.New("not an event: there is nothing to apply, it can only be discarded")
)

// Groups lists what is parked now, by cause. An empty consumer means all.
func (d *DeadLetters) Groups(ctx context.Context, consumer string) ([]DeadLetterGroup, error) {
	rows, err := d.pool.Query(ctx, deadLetterGroupsSQL, pgx.StrictNamedArgs{"consumer": consumer})
	if err != nil {
		return nil, fmt.Errorf("list dead letters: %w", err)
	}
	groups, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (g DeadLetterGroup, err error) {
		var class, eventType *string // a group whose failed event was discarded has none of its own
		err = row.Scan(&g.Consumer, &g.Fingerprint, &class, &eventType, &g.Error, &g.Failed, &g.Waiting, &g.Keys, &g.FirstAt, &g.LastAt, &g.Requested)
		if class != nil {
			g.Class, g.Type = *class, *eventType
		}
		g.FirstAt, g.LastAt = g.FirstAt.UTC(), g.LastAt.UTC()
		return g, err
	})
	if err != nil {
		return nil, fmt.Errorf("list dead letters: %w", err)
	}
	return groups, nil
}

// Letters lists dead letters, those that are done with as well.
func (d *DeadLetters) Letters(ctx context.Context, of Selection, limit int) ([]DeadLetter, error) {
	args := of.args()
	args["limit"] = limit
	rows, err := d.pool.Query(ctx, deadLettersSQL, args)
	if err != nil {
		return nil, fmt.Errorf("read dead letters: %w", err)
	}
	letters, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (DeadLetter, error) { return scanDeadLetter(row) })
	if err != nil {
		return nil, fmt.Errorf("read dead letters: %w", err)
	}
	return letters, nil
}

// scanDeadLetter reads the columns that dead_letters.sql and unpublished_letters.sql begin with, and then more.
func scanDeadLetter(row pgx.CollectableRow, more ...any) (l DeadLetter, err error) {
	err = row.Scan(append([]any{
		&l.ID, &l.Consumer, &l.Topic, &l.Partition, &l.Offset, &l.Position, &l.Key, &l.EventID,
		&l.Type, &l.Follows, &l.Class, &l.Fingerprint, &l.Error, &l.Attempts, &l.Redrives, &l.Truncated, &l.RecordTime,
		&l.FirstFailedAt, &l.LastFailedAt, &l.ParkedAt, &l.PublishedAt, &l.ResolvedAt, &l.Status, &l.Reason, &l.Value,
	}, more...)...)
	return l, err
}

// Count tells what a selection holds.
func (d *DeadLetters) Count(ctx context.Context, of Selection) (c Selected, err error) {
	err = d.pool.QueryRow(ctx, countSelectedSQL, of.args()).Scan(&c.Keys, &c.Junk, &c.Applied, &c.Discarded, &c.Events, &c.Requested)
	if err != nil {
		return c, fmt.Errorf("count dead letters: %w", err)
	}
	return c, nil
}

// Redrive asks the consumer to apply what waits under the selected keys, oldest first, rate events per second in each
// partition (0: [DefaultRedriveRate]). Asking again while that is not done changes nothing.
func (d *DeadLetters) Redrive(ctx context.Context, of Selection, reason string, rate int) (Selected, error) {
	if rate <= 0 {
		rate = DefaultRedriveRate
	}
	return d.request(ctx, of, requestRedrive, reason, &rate)
}

// Discard asks the consumer to give up the event that failed under each of the selected keys; all also gives up what waits
// behind it. Records that are no events are discarded at once.
func (d *DeadLetters) Discard(ctx context.Context, of Selection, reason string, all bool) (Selected, error) {
	request := requestDiscard
	if all {
		request = requestDiscardAll
	}
	return d.request(ctx, of, request, reason, nil)
}

func (d *DeadLetters) request(ctx context.Context, of Selection, request, reason string, rate *int) (Selected, error) {
	if strings.TrimSpace(reason) == "" {
		return Selected{}, errors.New("a reason is needed: it is kept with the dead letter")
	}
	found, err := d.Count(ctx, of)
	if err != nil {
		return found, err
	}
	if err := found.Refuse(request == requestRedrive); err != nil {
		return found, err
	}
	args := of.args()
	args["request"], args["reason"], args["rate"] = request, reason, rate
	if _, err := d.pool.Exec(ctx, requestKeysSQL, args); err != nil {
		return found, fmt.Errorf("request %s: %w", request, err)
	}
	if request != requestRedrive && found.Junk > 0 {
		args := of.args()
		args["reason"] = reason
		if _, err := d.pool.Exec(ctx, discardJunkSQL, args); err != nil {
			return found, fmt.Errorf("discard: %w", err)
		}
	}
	return found, nil
}

// Refuse says why nothing of a selection can be redriven or discarded, nil if something can.
func (c Selected) Refuse(redrive bool) error {
	switch {
	case c.Keys > 0 || c.Junk > 0 && !redrive:
		return nil
	case c.Junk > 0:
		return ErrNotAnEvent
	case c.Applied > 0:
		return ErrAlreadyApplied
	case c.Discarded > 0:
		return ErrDiscarded
	default:
		return ErrNotParked
	}
}
