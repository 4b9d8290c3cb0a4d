package judge

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// readers are the consumers that must exist, and the services whose events each reads.
var readers = map[string][]string{
	"views.orderview":      {"orders"},
	"views.stocklevels":    {"inventory"},
	"views.productview":    {"catalog"},
	"views.customerview":   {"customers"},
	"orders.productview":   {"catalog"},
	"orders.customerview":  {"customers"},
	"orders.fulfilment":    {"inventory", "payments"},
	"inventory.fulfilment": {"orders"},
	"payments.fulfilment":  {"orders"},
}

// Group is a consumer group and the topics it reads.
type Group struct {
	Name   string
	Topics []string
}

// Groups are those of the consumers that must exist.
func Groups() (groups []Group) {
	for name, sources := range readers {
		g := Group{Name: name}
		for _, source := range sources {
			g.Topics = append(g.Topics, source+".events")
		}
		groups = append(groups, g)
	}
	return groups
}

// event is a row of a log.
type event struct {
	Position, Prev int64
	Partition      int32
	Stream         string
	Version        int64
	ID, Type, Data string
}

const readLog = "SELECT position, prev, partition, stream, version, event_id::text, type, data::text FROM events ORDER BY position"

// move is a row that a trigger of ours writes in the transaction that moves a checkpoint.
type move struct {
	Consumer, Topic          string
	Partition                int32
	FromPosition, ToPosition int64
	FromVersion, ToVersion   int64
}

// InstallAudit has every move of a checkpoint written down by the database itself.
func (w *World) InstallAudit() {
	w.T.Helper()
	for _, service := range Services {
		w.Exec(service, `CREATE TABLE IF NOT EXISTS public.chaos_moves (n bigserial, consumer text, topic text, partition int,
				from_position bigint, to_position bigint, from_version bigint, to_version bigint);
			CREATE OR REPLACE FUNCTION public.chaos_note_move() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
			BEGIN
				INSERT INTO public.chaos_moves (consumer, topic, partition, from_position, to_position, from_version, to_version)
				VALUES (new.consumer, new.topic, new.partition, old.position, new.position, old.version, new.version);
				RETURN NULL;
			END $$;
			CREATE OR REPLACE TRIGGER chaos_note_move AFTER UPDATE ON checkpoints FOR EACH ROW EXECUTE FUNCTION public.chaos_note_move()`)
	}
}

// Judge compares everything with the logs and returns what does not hold. Nothing may be running.
func (w *World) Judge() (wrong []string) {
	w.T.Helper()
	logs := map[string][]event{}
	for _, service := range Publishers {
		logs[service] = Query[event](w, service, readLog)
		wrong = append(wrong, judgeLog(service, logs[service])...)
		wrong = append(wrong, judgeTopic(service, logs[service], w.Ours(service+".events"))...)
		wrong = append(wrong, w.judgeRelay(service, len(logs[service]))...)
	}
	wrong = append(wrong, w.judgeCheckpoints(logs)...)
	wrong = append(wrong, w.judgeLetters(logs)...)
	wrong = append(wrong, w.judgeStrangers()...)
	wrong = append(wrong, w.judgeCounts(logs)...)
	for _, model := range models {
		wrong = append(wrong, w.judgeModel(model, logs[model.source])...)
	}
	return append(wrong, w.Findings()...)
}

// JudgeRecords compares what someone has read of a service's topic, by partition and in order, with the log.
func (w *World) JudgeRecords(service string, read map[int32][]*kgo.Record) (wrong []string) {
	w.T.Helper()
	return judgeTopic(service, Query[event](w, service, readLog), read)
}

// judgeLog: gapless positions, and versions 1..n in each stream (I3).
func judgeLog(service string, log []event) (wrong []string) {
	versions := map[string]int64{}
	for i, e := range log {
		if e.Position != int64(i+1) {
			return append(wrong, fmt.Sprintf("I3 %s: event %d is at position %d", service, i+1, e.Position))
		}
		if versions[e.Stream]++; e.Version != versions[e.Stream] {
			wrong = append(wrong, fmt.Sprintf("I3 %s: %s has version %d after %d", service, e.Stream, e.Version, versions[e.Stream]-1))
		}
	}
	return wrong
}

// judgeTopic: each partition holds exactly the events that the log has for it, in order, each once, byte for byte, linked to the
// one before it (I5); and each key is in one partition (I6).
func judgeTopic(service string, log []event, topic map[int32][]*kgo.Record) (wrong []string) {
	want := map[int32][]event{}
	home := map[string]int32{}
	for _, e := range log {
		want[e.Partition] = append(want[e.Partition], e)
		_, key, _ := strings.Cut(e.Stream, "-")
		if before, known := home[key]; known && before != e.Partition {
			wrong = append(wrong, fmt.Sprintf("I6 %s: key %s is in partitions %d and %d", service, key, before, e.Partition))
		}
		home[key] = e.Partition
	}
	for partition, records := range topic {
		seen := map[int64]bool{}
		var order []int64
		for _, r := range records {
			position := Number(Header(r, "ce_sequence"))
			if seen[position] {
				wrong = append(wrong, fmt.Sprintf("I5 %s/%d: event %d is there twice", service, partition, position))
			}
			seen[position] = true
			order = append(order, position)
		}
		if !slices.IsSorted(order) {
			wrong = append(wrong, fmt.Sprintf("I6 %s/%d: not in order", service, partition))
		}
		for _, e := range want[partition] {
			if !seen[e.Position] {
				wrong = append(wrong, fmt.Sprintf("I5 %s/%d: event %d is missing", service, partition, e.Position))
			}
		}
		if len(records) != len(want[partition]) {
			wrong = append(wrong, fmt.Sprintf("I5 %s/%d: %d events published, %d stored", service, partition, len(records), len(want[partition])))
			continue
		}
		var last int64
		for i, r := range records {
			e := want[partition][i]
			_, key, _ := strings.Cut(e.Stream, "-")
			if Number(Header(r, "ce_sequence")) != e.Position || Header(r, "ce_id") != e.ID || Header(r, "ce_type") != e.Type ||
				Number(Header(r, "ordo_version")) != e.Version || string(r.Key) != key || string(r.Value) != e.Data {
				wrong = append(wrong, fmt.Sprintf("I5 %s/%d: record %d is not event %d", service, partition, r.Offset, e.Position))
			}
			if Number(Header(r, "ordo_prev")) != last || e.Prev != last {
				wrong = append(wrong, fmt.Sprintf("I6 %s/%d: event %d does not follow %d", service, partition, e.Position, last))
			}
			last = e.Position
		}
	}
	for partition, events := range want {
		if topic[partition] == nil && len(events) > 0 {
			wrong = append(wrong, fmt.Sprintf("I5 %s/%d: nothing is published", service, partition))
		}
	}
	return wrong
}

// judgeRelay: in the order of the topic, epochs and positions of checkpoints never fall, but for a topic made anew, none is above
// the lease's (I18), and the last speaks of the whole log.
func (w *World) judgeRelay(service string, head int) (wrong []string) {
	w.T.Helper()
	type leased struct{ Epoch int64 }
	lease := Query[leased](w, service, "SELECT epoch FROM leases WHERE name = 'relay'")
	var last struct{ Position, Epoch int64 }
	again := w.remade[service]
	for _, r := range w.Ours(service + ".relay")[0] {
		before := last
		if err := json.Unmarshal(r.Value, &last); err != nil {
			return append(wrong, fmt.Sprintf("I18 %s: checkpoint %d: %v", service, r.Offset, err))
		}
		if last.Position < before.Position && last.Epoch > before.Epoch && again > 0 {
			again--
			continue
		}
		if last.Epoch < before.Epoch || last.Position < before.Position {
			wrong = append(wrong, fmt.Sprintf("I18 %s: checkpoint %+v comes after %+v", service, last, before))
		}
	}
	if len(lease) != 1 || last.Epoch > lease[0].Epoch {
		wrong = append(wrong, fmt.Sprintf("I18 %s: epoch %d was used, leases are %v", service, last.Epoch, lease))
	}
	if last.Position != int64(head) {
		wrong = append(wrong, fmt.Sprintf("I5 %s: the last checkpoint is at %d of %d", service, last.Position, head))
	}
	return wrong
}

type place struct {
	Consumer, Topic string
	Partition       int32
	Position        int64
}

// judgeCheckpoints: every consumer has applied everything up to the end of each partition, and no move of a checkpoint ever went
// back or went unguarded (I7).
func (w *World) judgeCheckpoints(logs map[string][]event) (wrong []string) {
	w.T.Helper()
	places := map[string]int64{}
	for _, service := range Services {
		for _, p := range Query[place](w, service, "SELECT consumer, topic, partition, position FROM checkpoints") {
			places[fmt.Sprint(p.Consumer, p.Topic, p.Partition)] = p.Position
		}
		for _, m := range Query[move](w, service, `SELECT consumer, topic, partition, from_position, to_position, from_version, to_version
				FROM public.chaos_moves ORDER BY n`) {
			if m.ToPosition < m.FromPosition || m.ToVersion != m.FromVersion+1 {
				wrong = append(wrong, fmt.Sprintf("I7 a checkpoint went back: %+v", m))
			}
		}
	}
	for consumer, sources := range readers {
		for _, source := range sources {
			for partition, tail := range tailsOf(logs[source]) {
				if at := places[fmt.Sprint(consumer, source+".events", partition)]; at != tail {
					wrong = append(wrong, fmt.Sprintf("I7 %s is at %d of %s/%d, which ends at %d", consumer, at, source, partition, tail))
				}
			}
		}
	}
	return wrong
}

func tailsOf(log []event) map[int32]int64 {
	tails := map[int32]int64{}
	for _, e := range log {
		tails[e.Partition] = e.Position
	}
	return tails
}

// model is a read model: what one row says in one text, and what that should be after the events of its stream.
type model struct {
	service, source, prefix string
	rows                    string // SQL: key, version, position, applied, text
	fold                    func(events []event) string
}

var models = []model{
	{"views", "orders", "order-", `SELECT id, version, position, applied, status || ' ' ||
		(SELECT string_agg(h->>'event_id', ' ' ORDER BY n) FROM jsonb_array_elements(to_jsonb(history)) WITH ORDINALITY AS e (h, n)) FROM orderview_orders`, foldOrder},
	{"views", "inventory", "stock-", "SELECT sku, version, position, applied, on_hand || ' ' || reserved FROM stocklevels_levels", foldStock},
	{"views", "catalog", "product-", "SELECT sku, version, position, applied, name FROM productview_products", foldName},
	{"orders", "catalog", "product-", "SELECT sku, version, position, applied, name FROM productview_products", foldName},
	{"views", "customers", "customer-", "SELECT id, version, position, applied, name FROM customerview_customers", foldName},
	{"orders", "customers", "customer-", "SELECT id, version, position, applied, name FROM customerview_customers", foldName},
}

// judgeModel: row by row, the read model is what an independent fold makes of the log; each event was applied once (I7).
func (w *World) judgeModel(m model, log []event) (wrong []string) {
	w.T.Helper()
	streams := map[string][]event{}
	for _, e := range log {
		if key, ok := strings.CutPrefix(e.Stream, m.prefix); ok {
			streams[key] = append(streams[key], e)
		}
	}
	type row struct {
		Key                        string
		Version, Position, Applied int64
		Text                       string
	}
	rows := Query[row](w, m.service, m.rows)
	for _, r := range rows {
		events := streams[r.Key]
		if len(events) == 0 {
			wrong = append(wrong, fmt.Sprintf("I7 %s has %s%s, the log does not", m.service, m.prefix, r.Key))
			continue
		}
		last := events[len(events)-1]
		want := row{r.Key, last.Version, last.Position, int64(len(events)), m.fold(events)}
		if r != want {
			wrong = append(wrong, fmt.Sprintf("I7 %s: %+v, should be %+v", m.service, r, want))
		}
	}
	if len(rows) != len(streams) {
		wrong = append(wrong, fmt.Sprintf("I7 %s has %d rows of %s, the log has %d", m.service, len(rows), m.prefix, len(streams)))
	}
	return wrong
}

func foldOrder(events []event) string {
	status, ids := "", make([]string, 0, len(events))
	for _, e := range events {
		switch e.Type {
		case "OrderPlaced":
			status = "placed"
		case "OrderPaymentRequested":
			status = "awaiting_payment"
		case "OrderConfirmed":
			status = "confirmed"
		case "OrderCompensationStarted", "OrderCompensationAdvanced", "OrderCancellationRequested":
			status = "cancelling"
		case "OrderRejected":
			status = "rejected"
		case "OrderCancelled":
			status = "cancelled"
		default:
			status = "not foreseen: " + e.Type
		}
		ids = append(ids, e.ID)
	}
	return status + " " + strings.Join(ids, " ")
}

func foldStock(events []event) string {
	var onHand, reserved int64
	for _, e := range events {
		var data struct{ Quantity, Delta int64 }
		if err := json.Unmarshal([]byte(e.Data), &data); err != nil {
			return err.Error()
		}
		switch e.Type {
		case "StockReceived":
			onHand += data.Quantity
		case "StockAdjusted":
			onHand += data.Delta
		case "StockAllocated":
			reserved += data.Quantity
		case "StockDeallocated":
			reserved -= data.Quantity
		case "StockDispatched":
			onHand -= data.Quantity
			reserved -= data.Quantity
		}
	}
	return fmt.Sprint(onHand, " ", reserved)
}

func foldName(events []event) string {
	var data struct{ Name string }
	for _, e := range events {
		if err := json.Unmarshal([]byte(e.Data), &data); err != nil {
			return err.Error()
		}
	}
	return data.Name
}

// Read returns what read-committed readers see of a topic, by partition, in order.
func (w *World) Read(topic string) map[int32][]*kgo.Record {
	w.T.Helper()
	ctx, cancel := context.WithTimeout(w.T.Context(), Patience)
	defer cancel()
	ends, err := kadm.NewClient(w.Client).ListCommittedOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		w.T.Fatal(err)
	}
	records, open := map[int32][]*kgo.Record{}, map[int32]int64{} // partitions that are not read to their end yet, with that end
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			open[o.Partition] = o.Offset
		}
	})
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.Brokers...), kgo.ConsumeTopics(topic), kgo.KeepControlRecords(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		w.T.Fatal(err)
	}
	defer cl.Close()
	for len(open) > 0 {
		fetched := cl.PollFetches(ctx)
		if err := fetched.Err(); err != nil {
			w.T.Fatalf("read %s: %v", topic, err)
		}
		fetched.EachRecord(func(r *kgo.Record) {
			if r.Offset+1 >= open[r.Partition] { // the marker that ends the last transaction
				delete(open, r.Partition)
			}
			if !r.Attrs.IsControl() {
				records[r.Partition] = append(records[r.Partition], r)
			}
		})
	}
	return records
}

// Header returns a header of a record as text, empty if it is not there.
func Header(r *kgo.Record, name string) string {
	for _, h := range r.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}

// Number reads a decimal number, -1 if it is none.
func Number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// Rest waits until nothing is left to be done: logs published, consumers at their ends, orders ended. Whether that is also right
// is the judge's question. It returns what is still open when it gives up.
func (w *World) Rest(limit time.Duration) (open string) {
	w.T.Helper()
	before := int64(-1) // what the heads were when nothing was open, at the last look
	Within(w.T, limit, func() bool {
		var heads int64
		heads, open = w.open()
		done := open == "" && heads == before // nothing was added while we looked at one after the other
		before = -1
		if open == "" {
			before = heads
		}
		return done
	})
	return open
}

// open returns the sum of all heads, and then what is still to be done.
func (w *World) open() (heads int64, what string) {
	type count struct{ N int64 }
	for _, service := range Publishers {
		heads += Query[count](w, service, "SELECT position FROM log_head")[0].N
	}
	type tail struct {
		Partition int32
		Position  int64
	}
	tails := map[string][]tail{}
	for _, service := range Publishers {
		tails[service] = Query[tail](w, service, "SELECT (ordinality - 1)::int, tail FROM log_head, unnest(tails) WITH ORDINALITY AS t (tail, ordinality) WHERE tail > 0")
	}
	places := map[string]int64{}
	for _, service := range Services {
		for _, p := range Query[place](w, service, "SELECT consumer, topic, partition, position FROM checkpoints") {
			places[fmt.Sprint(p.Consumer, p.Topic, p.Partition)] = p.Position
		}
	}
	for consumer, sources := range readers {
		for _, source := range sources {
			for _, t := range tails[source] {
				if at := places[fmt.Sprint(consumer, source+".events", t.Partition)]; at < t.Position {
					return heads, fmt.Sprintf("%s is at %d of %s/%d, which ends at %d", consumer, at, source, t.Partition, t.Position)
				}
			}
		}
	}
	if n := Query[count](w, "payments", "SELECT count(*) FROM tasks")[0].N; n > 0 {
		return heads, fmt.Sprintf("%d payments", n)
	}
	ended := Query[count](w, "orders", `SELECT count(*) FROM (SELECT stream FROM events GROUP BY stream
		HAVING NOT bool_or(type IN ('OrderConfirmed', 'OrderRejected', 'OrderCancelled'))) AS s`)
	if n := ended[0].N; n > 0 {
		return heads, fmt.Sprintf("%d orders", n)
	}
	return heads, ""
}
