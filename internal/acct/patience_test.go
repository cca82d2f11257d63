package acct

import "time"

// untimed is for tests that are not about waiting: it only ends what hangs.
var untimed = patience{connect: time.Minute, call: time.Minute}

func withPatience(patience patience) Option {
	return func(c *connection) { c.patience = patience }
}
