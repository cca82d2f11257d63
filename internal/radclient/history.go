package radclient

// History is what a client has seen of its servers, for the client that takes its place. The
// zero History is of a client that there never was.
type History struct {
	servers map[string]*counters // by host and port
}

// History returns what the client has seen, and will see: its logins may still be under way
// when another client goes on with it.
func (c *Client) History() History {
	servers := make(map[string]*counters, len(c.servers))
	for _, s := range c.servers {
		servers[s.name] = s.counters
	}
	return History{servers}
}

// Continue has the client go on with the counters of the servers that the client before it had
// as well. Those of other servers end with that client. It is called before the first login.
func (c *Client) Continue(before History) {
	for _, s := range c.servers {
		if seen := before.servers[s.name]; seen != nil {
			s.counters = seen
		}
	}
}
