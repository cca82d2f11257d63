package source

import (
	"context"
	"slices"

	"layeh.com/radius"

	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/radclient"
)

// radiusChecker asks RADIUS servers.
type radiusChecker struct {
	client  *radclient.Client
	servers []radclient.Server
	wire    func(name string) string
	// mapped are attributes of answers that profiles see under another name too.
	mapped map[string]string
}

// NewRADIUSChecker returns what asks the servers of a client. wire makes the name that is
// asked about.
func NewRADIUSChecker(client *radclient.Client, servers []radclient.Server, wire func(name string) string) Checker {
	return &radiusChecker{client: client, servers: servers, wire: wire}
}

// OpenRADIUS makes what asks the RADIUS servers of a source.
func OpenRADIUS(entry *Entry, changed func(radclient.Change), dial DialFunc) (Checker, error) {
	servers := entry.RADIUS.Servers(entry.Hosts, entry.ServerPort())
	client, err := entry.RADIUS.NewClient(servers, entry.BindTo, entry.NASID, nil, changed, dial)
	if err != nil {
		return nil, err
	}
	wire := func(name string) string { return name }
	if entry.RADIUS.StripRealm {
		wire = entry.withoutOwnRealm
	}
	return &radiusChecker{client: client, servers: servers, wire: wire, mapped: entry.ReplyAttributes}, nil
}

func (c *radiusChecker) WireName(name string) string { return c.wire(name) }

func (c *radiusChecker) Describe(_ radius.Attributes, credentials radclient.Credentials) radius.Attributes {
	return c.client.RequestAttributes(credentials)
}

func (c *radiusChecker) Check(ctx context.Context, query Query) (Answer, error) {
	verdict, err := c.client.Authenticate(ctx, query.Credentials)
	if err != nil {
		return Answer{}, err
	}
	if verdict.Outcome == radclient.Reject {
		return Answer{Verdict: verdict}, nil // no profile sees it, and its texts are in the verdict
	}
	reply := query.Known.Decode(verdict.Attributes, dictionary.Keys{Plain: true})
	return Answer{Verdict: verdict, Reply: append(reply, c.renamed(reply, query.Known)...)}, nil
}

// renamed gives the attributes of an answer that have another name too, under
// that name. What the other cannot hold is left out.
func (c *radiusChecker) renamed(reply []dictionary.Item, known *dictionary.Dictionary) []dictionary.Item {
	var items []dictionary.Item
	for _, item := range reply {
		for from, to := range c.mapped {
			attribute, found := known.Lookup(from)
			if !found || !attribute.Same(item.Attribute) {
				continue
			}
			if made, err := replyItem(known, to, item.Text()); err == nil {
				items = append(items, made)
			}
		}
	}
	return items
}

func (c *radiusChecker) Serves(host string) bool {
	return slices.ContainsFunc(c.servers, func(server radclient.Server) bool { return server.String() == host })
}

func (c *radiusChecker) Status() []any {
	var servers []any
	for _, stats := range c.client.Stats() {
		servers = append(servers, serverStatus(stats))
	}
	return servers
}

func (c *radiusChecker) Close() { c.client.Close() }
