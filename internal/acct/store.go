package acct

import (
	"context"
	"time"
)

// batch is how many sessions one call of Maintain closes, how many it deletes,
// and how many attempts to log in it deletes for their age, and for their number, at most.
const batch = 1000

// maxCounted is how many records of an answer are counted, at most: milliseconds of
// PostgreSQL's time if an index has them together, and a second or two of Vault's storage.
const maxCounted = 10_000

// Store keeps sessions and attempts to log in. Its methods may be called by several
// goroutines. When they return, their changes are on disk; after an error the same call
// can be made again.
//
// Text that PostgreSQL cannot hold is mended, not refused: NUL and octets that are
// not UTF-8 become U+FFFD, and text longer than 253 octets, or than the column of an
// existing table, is cut.
type Store interface {
	// Record merges a Start, Interim-Update or Stop that has passed Check into the
	// record of its session. created is true if it is the first of its session. If the
	// NAS uses the unique id again, the latest session has it: see earlierID.
	Record(ctx context.Context, p Packet) (created bool, err error)

	// CloseNAS closes the sessions that have ended by a restart of their NAS. After an
	// error, those that are closed stay so.
	CloseNAS(ctx context.Context, restart Restart) error

	// Sessions returns a page of the chosen sessions, the newest start first; more
	// is true if there is another page.
	Sessions(ctx context.Context, f Filter, page Page) (found []Record, more bool, err error)

	// CountSessions returns how many sessions are chosen. exact is false if there are
	// more than could be counted soon enough: then it is a part of them.
	CountSessions(ctx context.Context, f Filter) (count int, exact bool, err error)

	// OpenSessions returns how many sessions are open. exact is false as above.
	OpenSessions(ctx context.Context) (count int, exact bool, err error)

	// LogPostAuth keeps an attempt to log in, unless there are too many: see
	// ErrTooManyPostAuths.
	LogPostAuth(ctx context.Context, attempt PostAuth) error

	// PostAuths returns a page of the chosen attempts, the newest first.
	PostAuths(ctx context.Context, f PostAuthFilter, page Page) (found []PostAuth, more bool, err error)

	// CountPostAuths counts attempts as CountSessions does sessions.
	CountPostAuths(ctx context.Context, f PostAuthFilter) (count int, exact bool, err error)

	// Maintain closes and deletes sessions that are due, in batches: call it periodically,
	// and again at once if there is more. In Vault's storage it deletes the oldest
	// attempts, too, if there are too many.
	Maintain(ctx context.Context, now time.Time, keep Retention) (Report, error)

	// Close frees what the store holds open. Calls under way end first.
	Close()
}

// Retention holds how long sessions and attempts are kept, by this server's clock. Zero means forever.
type Retention struct {
	Sessions  time.Duration // after their end was heard; open ones are kept
	PostAuths time.Duration

	// Stale is after how long without a packet an open session is closed: at the
	// time of its latest packet, as Lost-Carrier.
	Stale time.Duration
}

// Report holds what a call of Maintain has done.
type Report struct {
	Closed           int
	DeletedSessions  int
	DeletedPostAuths int
	More             bool // there is, or may be, more to do
}
