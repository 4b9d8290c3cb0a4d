package failpoint

// Point is a place between two steps.
type Point string

// Places in the writer of an event store; who is nobody.
const (
	StoreBeforeCommit Point = "store/before-commit" // a group was checked under the lock of the head, or is new, and is not stored
	StoreAfterCommit  Point = "store/after-commit"  // it is stored; nobody has been told
)

// Places in the relay; who is the service.
const (
	RelayBeforeFence  Point = "relay/before-fence"   // it has the lease; an older relay may still write
	RelayAfterFence   Point = "relay/after-fence"    // nobody else can write; what is published has not been read
	RelayMidProduce   Point = "relay/mid-produce"    // half of a transaction is with the brokers
	RelayBeforeEndTxn Point = "relay/before-end-txn" // all of it is
	RelayAfterEndTxn  Point = "relay/after-end-txn"  // it is committed; the relay has not taken note
)

// Places in a consumer; who is its name.
const (
	ConsumerBeforeApply        Point = "consumer/before-apply"         // events were polled; the transaction has not begun
	ConsumerAfterApply         Point = "consumer/after-apply"          // applied, checkpoint moved, not committed; appends go out with the commit
	ConsumerAfterPark          Point = "consumer/after-park"           // dead letters are set aside, not committed
	ConsumerAfterCommit        Point = "consumer/after-commit"         // committed; this member has not taken note
	ConsumerBeforeOffsetCommit Point = "consumer/before-offset-commit" // Kafka's own offset is about to follow
)

// Mutant is a known mistake.
type Mutant string

// Mistakes that a check of the delivery has to notice.
const (
	NoOffsetGuard         Mutant = "no-offset-guard"         // a checkpoint moves whether or not another member has moved it
	ReadUncommitted       Mutant = "read-uncommitted"        // consumers see transactions that are open or aborted
	CheckpointBeforeFence Mutant = "checkpoint-before-fence" // a relay reads what is published while an older one may write
	RetryAfterEndTxn      Mutant = "retry-after-end-txn"     // a relay whose commit failed sends the batch again
	SkipUnknown           Mutant = "skip-unknown"            // an event of an unknown type is passed over
	ParkWithoutFollowers  Mutant = "park-without-followers"  // what comes after a dead letter of its key is applied
)
