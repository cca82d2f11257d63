package source

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
	entry  *Entry
	client *directory.Client
}

// OpenDirectory returns the checker of a source with a directory. onStateChange is called when
// the state of a server changes.
func OpenDirectory(entry *Entry, log hclog.Logger, onStateChange func(directory.Change)) (Checker, error) {
	config := entry.directoryConfig()
	config.Changed = onStateChange
	client, err := directory.New(config)
	if err != nil {
		return nil, err
	}
	return &directoryChecker{log: log, entry: entry, client: client}, nil
}

// directoryConfig returns the config of the directory client.
func (s *Entry) directoryConfig() directory.Config {
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
			server.Port = s.ServerPort()
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
	if s.Type == TypeAD {
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

// WireName cuts off a realm of the source: the directory does not know it.
func (c *directoryChecker) WireName(name string) string {
	return c.entry.withoutOwnRealm(name)
}

func (c *directoryChecker) Describe(nas radius.Attributes, credentials radclient.Credentials) radius.Attributes {
	return radclient.RequestAttributes(nas, credentials)
}

func (c *directoryChecker) Check(ctx context.Context, query Query) (Answer, error) {
	verdict, err := c.client.Authenticate(ctx, directory.Credentials{
		Username: query.Username, Password: query.Password, Share: query.Share, SameName: query.SameName,
	})
	if err != nil {
		return Answer{}, err
	}
	answer := Answer{Verdict: radclient.Verdict{
		Outcome: radclient.Reject, Reason: verdict.Reason, Host: verdict.Host, Server: verdict.Server,
	}}
	for _, notice := range verdict.Notices {
		c.log.Warn("notice of a directory",
			"extauth", c.entry.Name, "username", query.Username, "server", verdict.Server, "notice", notice)
	}
	if !verdict.Accepted {
		return answer, nil
	}
	answer.Notice = strings.Join(verdict.Notices, "; ")
	answer.Outcome, answer.Groups = radclient.Accept, verdict.Groups
	for _, group := range verdict.Groups {
		answer.Reply = c.add(answer.Reply, query.Known, "Group", group)
	}
	for _, from := range slices.Sorted(maps.Keys(c.entry.ReplyAttributes)) {
		for _, text := range verdict.Attributes[from] {
			answer.Reply = c.add(answer.Reply, query.Known, c.entry.ReplyAttributes[from], text)
		}
	}
	return answer, nil
}

// add adds an attribute to the reply. If it cannot hold the text, it is left out and logged.
func (c *directoryChecker) add(reply []dictionary.Item, known *dictionary.Dictionary, name, text string) []dictionary.Item {
	item, err := replyItem(known, name, text)
	if err != nil {
		c.log.Warn("a value of the directory cannot be an attribute and is left out",
			"extauth", c.entry.Name, "attribute", name, "reason", err)
		return reply
	}
	return append(reply, item)
}

func (c *directoryChecker) Serves(string) bool { return false }

func (c *directoryChecker) Close() { c.client.Close() }
