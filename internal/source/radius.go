package source

import (
	"context"
	"slices"

	"layeh.com/radius"

	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/radclient"
)

// radiusChecker checks passwords at RADIUS servers.
type radiusChecker struct {
	client  *radclient.Client
	servers []radclient.Server
	toWire  func(name string) string
	// mapped are attributes of answers that profiles see under another name too.
	mapped map[string]string
}

// NewRADIUSChecker returns a checker with the servers of a client. toWire returns the name that
// is sent to them.
func NewRADIUSChecker(client *radclient.Client, servers []radclient.Server, toWire func(name string) string) Checker {
	return &radiusChecker{client: client, servers: servers, toWire: toWire}
}

// OpenRADIUS returns the checker of a source with RADIUS servers. onStateChange is called when
// the state of a server changes.
func OpenRADIUS(entry *Entry, onStateChange func(radclient.Change), dial DialFunc) (Checker, error) {
	servers := entry.RADIUS.Servers(entry.Hosts, entry.ServerPort())
	client, err := entry.RADIUS.NewClient(servers, entry.BindTo, entry.NASID, nil, onStateChange, dial)
	if err != nil {
		return nil, err
	}
	toWire := func(name string) string { return name }
	if entry.RADIUS.StripRealm {
		toWire = entry.withoutOwnRealm
	}
	return &radiusChecker{client: client, servers: servers, toWire: toWire, mapped: entry.ReplyAttributes}, nil
}

func (c *radiusChecker) WireName(name string) string { return c.toWire(name) }

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

// renamed returns the attributes of an answer that have another name too, under that name.
// Values that the other attribute cannot hold are left out.
func (c *radiusChecker) renamed(reply []dictionary.Item, known *dictionary.Dictionary) []dictionary.Item {
	var items []dictionary.Item
	for _, item := range reply {
		for from, to := range c.mapped {
			attribute, found := known.Lookup(from)
			if !found || !attribute.Same(item.Attribute) {
				continue
			}
			if renamed, err := replyItem(known, to, item.Text()); err == nil {
				items = append(items, renamed)
			}
		}
	}
	return items
}

func (c *radiusChecker) Serves(host string) bool {
	return slices.ContainsFunc(c.servers, func(server radclient.Server) bool { return server.String() == host })
}

func (c *radiusChecker) Close() { c.client.Close() }
