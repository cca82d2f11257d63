package acct

// Record holds what is known of a session. In JSON it has the names of
// django-freeradius's REST interface. Its times are those of the NAS's clock.
type Record struct {
	ID int64 `json:"id,omitempty"` // PostgreSQL's radacctid; 0 in Vault storage
	Attributes

	StartTime  Time   `json:"start_time"`
	UpdateTime Time   `json:"update_time"` // of the latest packet
	StopTime   Time   `json:"stop_time"`   // zero while the session is open
	Interval   *int64 `json:"interval"`    // seconds between the two latest packets, if the last was an Interim-Update

	Reception `json:"-"`
}

// Open reports whether the session still goes on, as far as is known.
func (r *Record) Open() bool { return r.StopTime.IsZero() }

// Reception holds what a store keeps beside a record and shows to no client: the times of
// the session by this server's clock, which no NAS can set, and how its end is known.
// Records of versions before it, and rows of other programs, lack it.
type Reception struct {
	HeardStart  Time `json:"heard_start"`  // when the session began
	HeardUpdate Time `json:"heard_update"` // when the NAS was last heard of it
	HeardStop   Time `json:"heard_stop"`   // when it was heard that the session had ended

	Guess    guess  `json:"guess,omitempty"`     // why the session was closed without a packet that ends it
	ToldTime *int64 `json:"told_time,omitempty"` // the session time by packets before the guess

	// Earlier is how many sessions before this one have had its unique id: see earlierID.
	Earlier *int64 `json:"earlier,omitempty"`

	// MovedFrom is the unique id that the session had and another one has now, and Moved
	// the number of the move. They are kept in Vault's storage only: see VaultStore.
	MovedFrom string `json:"moved_from,omitempty"`
	Moved     int64  `json:"moved,omitempty"`
}

// guess is the reason for which a session is taken to have ended; empty if a packet
// said that it had.
type guess string

const (
	guessRestart guess = "restart" // its NAS has sent Accounting-On or -Off
	guessSilence guess = "silence" // nothing was heard of it for too long
	guessReuse   guess = "reuse"   // another session has its unique id now
)

// heardStart returns when the session began by this server's clock, as far as that is
// known.
func (r *Record) heardStart() Time { return firstKnown(r.HeardStart, r.StartTime) }

// heardUpdate returns when the session was last heard of.
func (r *Record) heardUpdate() Time { return firstKnown(r.HeardUpdate, r.UpdateTime, r.StartTime) }

// heardStop returns when it was heard that a closed session had ended.
func (r *Record) heardStop() Time { return firstKnown(r.HeardStop, r.StopTime) }

// lastHeard returns when the session was last heard of, or its end.
func (r *Record) lastHeard() Time {
	if r.Open() {
		return r.heardUpdate()
	}
	return r.heardStop()
}

// inferred reports whether the end of a closed session is a guess. Without a mark the
// cause decides, which a NAS may have sent, too.
func (r *Record) inferred() bool {
	return r.Guess != "" || r.HeardStop.IsZero() && isGuessedCause(r.TerminateCause)
}

// reportedTime returns the session time by packets; nil if none had any.
func (r *Record) reportedTime() *int64 {
	if r.Guess != "" {
		return r.ToldTime
	}
	return r.SessionTime
}

// earlier returns how many sessions before this one have had its unique id.
func (r *Record) earlier() int64 {
	if r.Earlier == nil {
		return 0
	}
	return *r.Earlier
}

// firstKnown returns the first time that is there.
func firstKnown(times ...Time) Time {
	for _, t := range times {
		if !t.IsZero() {
			return t
		}
	}
	return Time{}
}
