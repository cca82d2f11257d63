package radiusauth

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

// openRADIUS makes what asks the RADIUS servers of a source.
func openRADIUS(entry *sourceEntry, changed func(radclient.Change), dial dialFunc) (checker, error) {
	servers := entry.RADIUS.servers(entry.Hosts, entry.port())
	client, err := entry.RADIUS.newClient(servers, entry.BindTo, entry.NASID, nil, changed, dial)
	if err != nil {
		return nil, err
	}
	wire := func(name string) string { return name }
	if entry.RADIUS.StripRealm {
		wire = entry.withoutOwnRealm
	}
	return &radiusChecker{client: client, servers: servers, wire: wire, mapped: entry.ReplyAttributes}, nil
}

func (c *radiusChecker) wireName(name string) string { return c.wire(name) }

func (c *radiusChecker) describe(_ radius.Attributes, credentials radclient.Credentials) radius.Attributes {
	return c.client.RequestAttributes(credentials)
}

func (c *radiusChecker) check(ctx context.Context, asked question) (answer, error) {
	verdict, err := c.client.Authenticate(ctx, asked.Credentials)
	if err != nil {
		return answer{}, err
	}
	if verdict.Outcome == radclient.Reject {
		return answer{Verdict: verdict}, nil // no profile sees it, and its texts are in the verdict
	}
	reply := asked.known.Decode(verdict.Attributes, dictionary.Keys{Plain: true})
	return answer{Verdict: verdict, reply: append(reply, c.renamed(reply, asked.known)...)}, nil
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
			if made, err := replyItem(known, to, textOf(item)); err == nil {
				items = append(items, made)
			}
		}
	}
	return items
}

func (c *radiusChecker) asks(host string) bool {
	return slices.ContainsFunc(c.servers, func(server radclient.Server) bool { return server.String() == host })
}

func (c *radiusChecker) status() []any {
	var servers []any
	for _, stats := range c.client.Stats() {
		servers = append(servers, serverStatus(stats))
	}
	return servers
}

func (c *radiusChecker) close() { c.client.Close() }
