package postgres

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/eventstore"
)

var (
	sqlReadImportHead = statement("read_import_head")
	sqlReadRowsByID   = statement("read_rows_by_id")
	sqlSetHead        = statement("set_head")
)

// Importer brings events of another log, or of a file, into a log. They come in chunks; each is one transaction under the
// lock of the head, so it is safe beside a running service, and a chunk is there as a whole or not at all.
//
// The log gives the events new positions. They keep everything else: ids, versions, bytes. So the chain is continued, not
// copied; see [Importer.Import] for their times.
//
// An Importer is for one goroutine.
type Importer struct {
	pool       *pgxpool.Pool
	partitions int
	lookup     lookup // whether chunks are expected to be there already
}

// OpenImporter returns an importer into the log in the pool's database. Like [Open], it pins the partitions of a log that
// nobody has opened, and refuses what Open refuses. Of cfg it needs Partitions and UnsafeDurability.
func OpenImporter(ctx context.Context, pool *pgxpool.Pool, cfg Config) (*Importer, error) {
	cfg = cfg.withDefaults()
	if err := CheckServer(ctx, pool, cfg.UnsafeDurability); err != nil {
		return nil, fmt.Errorf("open log for import: %w", err)
	}
	if err := checkEncoding(ctx, pool); err != nil {
		return nil, fmt.Errorf("open log for import: %w", err)
	}
	if err := pinPartitions(ctx, pool, cfg.Partitions); err != nil {
		return nil, fmt.Errorf("open log for import: %w", err)
	}
	// The first chunk of an import that goes on where another was broken off is there already.
	return &Importer{pool: pool, partitions: cfg.Partitions, lookup: lookEverythingUp}, nil
}

// RowError says which event of a chunk cannot be imported. Nothing of the chunk was stored.
type RowError struct {
	Index int // in the chunk
	Err   error
}

func (e *RowError) Error() string { return e.Err.Error() }
func (e *RowError) Unwrap() error { return e.Err }

func isRowError(err error) bool {
	_, ok := errors.AsType[*RowError](err)
	return ok
}

// Chunk is a run of events that are fit to be stored; what only the log can tell is still to be checked. It is made by
// [NewChunk], by as many goroutines as there is work for.
type Chunk struct {
	rows   []Row
	leaves []eventstore.Hash
}

// Len is the number of events.
func (c Chunk) Len() int { return len(c.rows) }

// Limits of a chunk that importers should keep: large enough that the commit does not count, small enough that a running
// service waits for a moment only. A single event may be larger.
const (
	MaxChunkEvents = 10_000
	MaxChunkBytes  = 8 << 20
)

// NewChunk checks events as an append does, and hashes them. Their positions do not matter, only their order. It keeps the
// rows.
func NewChunk(rows []Row) (Chunk, error) {
	c := Chunk{rows: rows, leaves: make([]eventstore.Hash, len(rows))}
	var scratch []byte
	for i := range rows {
		r := &rows[i]
		if err := checkRow(r); err != nil {
			return Chunk{}, &RowError{i, err}
		}
		leaf := eventstore.Leaf{
			Stream: r.Stream, Version: r.Version, ID: r.ID, Type: r.Type, SchemaVersion: r.SchemaVersion,
			Data: r.Data, Metadata: r.RawMetadata,
		}
		scratch = leaf.Encode(scratch[:0])
		c.leaves[i] = sha256.Sum256(scratch)
	}
	return c, nil
}

func checkRow(r *Row) error {
	refuse := func(what, reason string) error {
		return &eventstore.LimitError{Stream: r.Stream, What: what, Reason: reason}
	}
	if err := checkStreamID(r.Stream); err != nil {
		return err
	}
	if err := checkEvent(r.Stream, &r.Event); err != nil {
		return err
	}
	switch {
	case r.Version < 1 || r.Version > math.MaxInt32:
		return refuse("version", "not positive, or far too large")
	case r.RecordedAt.Year() < 1 || r.RecordedAt.Year() > 9999:
		return refuse("recorded_at", "not a time")
	case len(r.RawMetadata) > eventstore.MaxMetadataBytes:
		return &eventstore.LimitError{
			Stream: r.Stream, What: "metadata", Size: len(r.RawMetadata), Limit: eventstore.MaxMetadataBytes,
		}
	}
	if string(r.RawMetadata) == "{}" {
		return nil
	}
	if !isObject(r.RawMetadata) || hasNUL(r.RawMetadata) {
		return refuse("metadata", "not a JSON object, or with the character NUL")
	}
	if _, err := decodeMetadata(r.RawMetadata); err != nil { // or the event could not be read
		return refuse("metadata", "has a member of the wrong kind")
	}
	return nil
}

// Imported is what became of a chunk.
type Imported struct {
	Stored int // events that are new
	Known  int // events that were there already, the same in all but position and time
	Head   eventstore.Position
}

// Import stores the events of a chunk that the log does not have. An event that it has, by id, must be the same; the
// versions of the others must continue their streams. *[RowError] says which event is wrong.
//
// Times of a log rise with its positions, and one link of the chain covers the events of one time. So an event keeps its
// time if it is not before that of the log's last event; else it gets that. A time in the future is refused: what is
// appended until then would be older.
//
// If the error is of the connection, the chunk may have been stored. Import it again: then its events are known.
func (im *Importer) Import(ctx context.Context, c Chunk) (Imported, error) {
	done, err := im.try(ctx, c)
	if im.lookup == trustNew && (isNotNew(err) || isRowError(err)) { // what was taken for new is not, or looked wrong for it
		im.lookup = lookEverythingUp
		done, err = im.try(ctx, c)
	}
	if err != nil {
		return Imported{}, fmt.Errorf("import: %w", err)
	}
	if done.Known == 0 {
		im.lookup = trustNew // constraints will say if that was wrong
	}
	return done, nil
}

func (im *Importer) try(ctx context.Context, c Chunk) (done Imported, err error) {
	err = pgx.BeginTxFunc(ctx, im.pool, pgx.TxOptions{IsoLevel: pgx.ReadCommitted, AccessMode: pgx.ReadWrite}, func(tx pgx.Tx) error {
		var head importHead
		b := &pgx.Batch{}
		b.Queue(sqlLockHead)
		b.Queue(sqlReadImportHead).QueryRow(head.scan)
		if err := send(ctx, tx, b); err != nil {
			return err
		}
		fresh, err := im.unknown(ctx, tx, c)
		if err != nil {
			return err
		}
		done = Imported{Stored: len(fresh), Known: c.Len() - len(fresh), Head: head.position}
		if len(fresh) == 0 {
			return nil
		}
		if err := im.checkVersions(ctx, tx, c, fresh); err != nil {
			return err
		}
		done.Head += eventstore.Position(len(fresh))
		return im.store(ctx, tx, c, fresh, head)
	})
	return done, err
}

// importHead is the end of the log.
type importHead struct {
	position   eventstore.Position
	tails      []int64
	link       eventstore.Hash
	recordedAt time.Time // of the last event
	now        time.Time
}

func (h *importHead) scan(row pgx.Row) error {
	var link []byte
	err := row.Scan(&h.position, &h.tails, &link, &h.recordedAt, &h.now)
	if err == nil {
		h.link, err = hashOf(link)
	}
	return err
}

// unknown returns which events of the chunk the log does not have. Those that it has must be the same.
func (im *Importer) unknown(ctx context.Context, tx pgx.Tx, c Chunk) (fresh []int, err error) {
	index := make(map[uuid.UUID]int, c.Len())
	ids := make([][16]byte, c.Len())
	for i := range c.rows {
		id := c.rows[i].ID
		if _, twice := index[id]; twice {
			return nil, &RowError{i, &eventstore.DuplicateEventError{ID: id}}
		}
		index[id], ids[i] = i, id
	}
	known := make([]bool, c.Len())
	if im.lookup == lookEverythingUp {
		rows, err := tx.Query(ctx, sqlReadRowsByID, rowFormats, pgx.StrictNamedArgs{"ids": ids})
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		var d rowDecoder
		for rows.Next() {
			stored, err := d.decode(rows)
			if err != nil {
				return nil, err
			}
			i := index[stored.ID]
			if what := otherMember(&c.rows[i], &stored); what != "" {
				return nil, &RowError{i, &OtherEventError{ID: stored.ID, Position: stored.Position, What: what}}
			}
			known[i] = true
		}
		if err := rows.Err(); err != nil {
			return nil, err
		}
	}
	for i := range c.rows {
		if !known[i] {
			fresh = append(fresh, i)
		}
	}
	return fresh, nil
}

// OtherEventError says that the log has an event of this id which is not the one to import.
type OtherEventError struct {
	ID       uuid.UUID
	Position eventstore.Position // where the log has it
	What     string              // what is not the same
}

func (e *OtherEventError) Error() string {
	return fmt.Sprintf("event %s is at %d of the log with another %s", e.ID, e.Position, e.What)
}

func otherMember(a, b *Row) string {
	switch {
	case a.Stream != b.Stream:
		return "stream"
	case a.Version != b.Version:
		return "version"
	case a.Type != b.Type:
		return "type"
	case a.SchemaVersion != b.SchemaVersion:
		return "schema_version"
	case !bytes.Equal(a.Data, b.Data):
		return "data"
	case !bytes.Equal(a.RawMetadata, b.RawMetadata):
		return "metadata"
	}
	return ""
}

// checkVersions wants the new events to continue their streams. A stream that begins in the chunk is looked up only if
// everything is: else the constraint says so if there is one already.
func (im *Importer) checkVersions(ctx context.Context, tx pgx.Tx, c Chunk, fresh []int) error {
	versions := map[eventstore.StreamID]eventstore.Version{}
	var streams []string
	for _, i := range fresh {
		r := &c.rows[i]
		if _, seen := versions[r.Stream]; !seen {
			versions[r.Stream] = 0
			if r.Version > 1 || bool(im.lookup) {
				streams = append(streams, string(r.Stream))
			}
		}
	}
	if len(streams) > 0 {
		var stored []int64
		if err := tx.QueryRow(ctx, sqlReadVersions, pgx.StrictNamedArgs{"streams": streams}).Scan(&stored); err != nil {
			return err
		}
		for i, v := range stored {
			versions[eventstore.StreamID(streams[i])] = eventstore.Version(v)
		}
	}
	for _, i := range fresh {
		r := &c.rows[i]
		if r.Version != versions[r.Stream]+1 {
			return &RowError{i, &eventstore.ConflictError{
				Stream: r.Stream, Expected: eventstore.Exactly(r.Version - 1), Actual: versions[r.Stream],
			}}
		}
		versions[r.Stream] = r.Version
	}
	return nil
}

// store writes the events, a link for each run of them with the same time, and the head.
func (im *Importer) store(ctx context.Context, tx pgx.Tx, c Chunk, fresh []int, head importHead) error {
	events, links := newCopyBuffer(len(fresh)*rowOverhead), newCopyBuffer(0)
	var leaves []byte
	first, at := head.position+1, head.recordedAt
	closeRun := func() {
		if len(leaves) > 0 {
			head.link = eventstore.LinkHash(head.link, first, head.position, at, leaves)
			links.link(first, head.position, at, head.link)
			first, leaves = head.position+1, leaves[:0]
		}
	}
	for _, i := range fresh {
		r := &c.rows[i]
		recorded := r.RecordedAt.Truncate(time.Microsecond)
		if recorded.After(head.now) {
			return &RowError{i, fmt.Errorf("recorded_at %s is in the future", recorded.Format(time.RFC3339Nano))}
		}
		if recorded.After(at) {
			closeRun()
			at = recorded
		}
		head.position++
		partition := eventstore.PartitionOf(r.Stream.Key(), im.partitions)
		events.event(r, head.position, eventstore.Position(head.tails[partition]), at, partition)
		head.tails[partition] = int64(head.position)
		leaves = append(leaves, c.leaves[i][:]...)
	}
	closeRun()
	if err := events.send(ctx, tx, copyEvents); err != nil {
		return err
	}
	if err := links.send(ctx, tx, copyLinks); err != nil {
		return err
	}
	tag, err := tx.Exec(ctx, sqlSetHead, pgx.StrictNamedArgs{"position": head.position, "link": head.link[:], "tails": head.tails})
	if err == nil && tag.RowsAffected() != 1 {
		err = errors.New("log_head has no row")
	}
	return err
}
