package acct

// Record is what is known of one session. In JSON it has the names of
// django-freeradius's REST interface.
type Record struct {
	ID int64 `json:"id,omitempty"` // PostgreSQL's radacctid; 0 in Vault storage
	Attributes

	StartTime  Time   `json:"start_time"`
	UpdateTime Time   `json:"update_time"` // of the latest packet
	StopTime   Time   `json:"stop_time"`   // zero while the session is open
	Interval   *int64 `json:"interval"`    // seconds between the two latest packets, if the last was an Interim-Update
}

// Open tells whether the session still goes on, as far as is known.
func (r *Record) Open() bool { return r.StopTime.IsZero() }
