package radiusauth

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"layeh.com/radius"

	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/directory"
	"vault-plugin-auth-radius/internal/radclient"
)

// directoryChecker asks an LDAP directory or Active Directory.
type directoryChecker struct {
	log    hclog.Logger
	entry  *sourceEntry
	client *directory.Client
}

// openDirectory makes what asks the directory of a source.
func (b *backend) openDirectory(entry *sourceEntry) (checker, error) {
	config := entry.directoryConfig()
	config.Changed = b.directoryChanged
	client, err := directory.New(config)
	if err != nil {
		return nil, err
	}
	return &directoryChecker{log: b.Logger(), entry: entry, client: client}, nil
}

// directoryConfig is the source as the client wants it.
func (s *sourceEntry) directoryConfig() directory.Config {
	d := s.Directory
	config := directory.Config{
		Kind:           directory.LDAP,
		BindAddress:    s.BindTo,
		CACertificates: d.SSLCert,
		ConnectTimeout: time.Duration(d.DialTimeout) * time.Second,
		Timeout:        time.Duration(d.ReadTimeout) * time.Second,
		ServerName:     d.TLSServerName,
		UserAttribute:  d.UserAttribute,
		BindDN:         d.BindDN,

		ClientCertificate: d.TLSClientCert,
		ClientKey:         d.TLSClientKey,
	}
	for _, host := range s.Hosts {
		server := directory.Server{Host: host.Host, Port: host.Port}
		if server.Port == 0 {
			server.Port = s.port()
		}
		config.Servers = append(config.Servers, server)
	}
	switch {
	case d.SSL:
		config.Security = directory.LDAPS
	case d.StartTLS:
		config.Security = directory.StartTLS
	case d.AllowCleartext:
		config.Security = directory.Cleartext
	}
	if s.Type == sourceAD {
		config.Kind, config.Domain = directory.ActiveDirectory, d.Domain
	}
	if d.UserSearchBase != "" {
		config.Search = &directory.Search{
			BaseDN:       d.UserSearchBase,
			Filter:       d.UserSearchFilter,
			BindDN:       d.SearchBindDN,
			BindPassword: d.SearchPassword,
		}
	}
	if d.GroupSearchBase != "" || d.GroupSearchFilter != "" {
		config.Groups = &directory.GroupSearch{BaseDN: d.GroupSearchBase, Filter: d.GroupSearchFilter, Attribute: d.GroupSearchAttribute}
	}
	for attribute := range s.ReplyAttributes {
		config.Attributes = append(config.Attributes, attribute)
	}
	slices.Sort(config.Attributes)
	return config
}

// wireName cuts off a realm of the source: the directory does not know it.
func (c *directoryChecker) wireName(name string) string {
	return c.entry.withoutOwnRealm(name)
}

func (c *directoryChecker) describe(nas radius.Attributes, credentials radclient.Credentials) radius.Attributes {
	return radclient.RequestAttributes(nas, credentials)
}

func (c *directoryChecker) check(ctx context.Context, asked question) (answer, error) {
	verdict, err := c.client.Authenticate(ctx, directory.Credentials{
		Username: asked.Username, Password: asked.Password, Share: asked.Share, SameName: asked.sameName,
	})
	if err != nil {
		return answer{}, err
	}
	got := answer{Verdict: radclient.Verdict{Outcome: radclient.Reject, Reason: verdict.Reason, Host: verdict.Host, Server: verdict.Server}}
	for _, notice := range verdict.Notices {
		c.log.Warn("notice of a directory", "extauth", c.entry.Name, "username", asked.Username, "server", verdict.Server, "notice", notice)
	}
	if !verdict.Accepted {
		return got, nil
	}
	got.notice = strings.Join(verdict.Notices, "; ")
	got.Outcome, got.groups = radclient.Accept, verdict.Groups
	for _, group := range verdict.Groups {
		got.reply = c.add(got.reply, asked.known, "Group", group)
	}
	for _, from := range slices.Sorted(maps.Keys(c.entry.ReplyAttributes)) {
		for _, text := range verdict.Attributes[from] {
			got.reply = c.add(got.reply, asked.known, c.entry.ReplyAttributes[from], text)
		}
	}
	return got, nil
}

// add adds an attribute to the answer, unless it cannot hold the text: the log
// says so.
func (c *directoryChecker) add(reply []dictionary.Item, known *dictionary.Dictionary, name, text string) []dictionary.Item {
	item, err := replyItem(known, name, text)
	if err != nil {
		c.log.Warn("a value of the directory cannot be an attribute and is left out", "extauth", c.entry.Name, "attribute", name, "reason", err)
		return reply
	}
	return append(reply, item)
}

func (c *directoryChecker) asks(string) bool { return false }

func (c *directoryChecker) status() []any {
	var servers []any
	for _, stats := range c.client.Stats() {
		servers = append(servers, directoryStatus(stats))
	}
	return servers
}

// directoryStatus is a directory server's counters as a read shows them. Times
// are in milliseconds.
func directoryStatus(stats directory.Stats) map[string]any {
	lastAnswer := ""
	if !stats.LastAnswer.IsZero() {
		lastAnswer = stats.LastAnswer.UTC().Format(time.RFC3339)
	}
	return map[string]any{
		"host":        stats.Host,
		"port":        stats.Port,
		"state":       string(stats.State),
		"last_answer": lastAnswer,
		"accepted":    stats.Accepted,
		"rejected":    stats.Rejected,
		"unavailable": stats.Unavailable,
		"failed_over": stats.FailedOver,

		"too_many_waiting": stats.Full,
	}
}

func (c *directoryChecker) close() { c.client.Close() }

// directoryChanged logs what becomes of a directory server.
func (b *backend) directoryChanged(change directory.Change) {
	if change.To == directory.Alive {
		b.Logger().Info("directory answers", "server", change.Server)
		return
	}
	b.Logger().Error("directory is dead: new logins go to others, if there are any", "server", change.Server, "error", change.Err)
}
