package radiusauth

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/username"
)

// The storage keys of sources. Where an entry and the index differ, the entry is
// right, as with profiles.
const (
	sourceKeyPrefix     = "extauth/"      // id: the entry
	sourceNameKeyPrefix = "extauth-name/" // name: the id
	sourceSequenceKey   = "sequence/extauth"
)

// sourceType is the kind of an external authentication source.
type sourceType string

// The types of sources, in the order in which lists show them.
const (
	sourceRADIUS sourceType = "radius"
	sourceCERB   sourceType = "cerb" // a RADIUS server to which the NAS-Identifier names a service
	sourceLDAP   sourceType = "ldap"
	sourceAD     sourceType = "ad"
)

var sourceTypes = []sourceType{sourceRADIUS, sourceCERB, sourceLDAP, sourceAD}

// isRADIUS tells whether the source is asked with RADIUS.
func (t sourceType) isRADIUS() bool { return t == sourceRADIUS || t == sourceCERB }

// localSource is what users/:name calls the passwords that are stored here. No
// source can have the name.
const localSource = "local"

// sourceEntry is a stored external authentication source.
type sourceEntry struct {
	ID       int64      `json:"id"`
	Revision int64      `json:"revision"` // counts changes
	Type     sourceType `json:"type"`
	Name     string     `json:"name"`

	Hosts           []hostEntry       `json:"hosts"`
	Port            int               `json:"port"` // 0: the usual one
	BindTo          string            `json:"bindto"`
	Realms          []string          `json:"realms"`
	ReplyAttributes map[string]string `json:"reply_attributes"`

	NASID string `json:"nasid,omitempty"` // radius, cerb
	// RADIUS is nil for directories, Directory for RADIUS servers.
	RADIUS    *radiusSettings    `json:"radius,omitempty"`
	Directory *directorySettings `json:"directory,omitempty"`

	unread []string // what is wrong with values that were given
}

// directorySettings say how a directory is asked.
type directorySettings struct {
	DialTimeout int `json:"dial_timeout"` // seconds
	ReadTimeout int `json:"read_timeout"` // seconds

	SSL            bool   `json:"ssl"`
	SSLCert        string `json:"ssl_cert"`
	StartTLS       bool   `json:"starttls"`
	AllowCleartext bool   `json:"allow_cleartext"`

	TLSClientCert string `json:"tls_client_cert,omitempty"`
	TLSClientKey  string `json:"tls_client_key,omitempty"`
	TLSServerName string `json:"tls_server_name,omitempty"`

	BindDN        string `json:"ldap_binddn,omitempty"`
	UserAttribute string `json:"user_attribute,omitempty"`

	UserSearchBase   string `json:"user_search_base,omitempty"`
	UserSearchFilter string `json:"user_search_filter,omitempty"`
	SearchBindDN     string `json:"search_binddn,omitempty"`
	SearchPassword   string `json:"search_password,omitempty"`

	Domain string `json:"ad_domain,omitempty"`

	GroupSearchBase      string `json:"group_search_base"`
	GroupSearchFilter    string `json:"group_search_filter"`
	GroupSearchAttribute string `json:"group_search_attribute"`
}

// newSourceEntry is a source of the type before anything is set.
func newSourceEntry(kind sourceType) *sourceEntry {
	entry := &sourceEntry{Type: kind, Realms: []string{}, ReplyAttributes: map[string]string{}}
	switch {
	case kind.isRADIUS():
		settings := defaultRADIUSSettings()
		entry.RADIUS = &settings
	default:
		settings := defaultRADIUSSettings()
		entry.Directory = &directorySettings{DialTimeout: settings.DialTimeout, ReadTimeout: settings.ReadTimeout, GroupSearchAttribute: "cn"}
		if kind == sourceLDAP {
			entry.Directory.UserAttribute = "uid"
		}
	}
	return entry
}

// port is where the hosts are that have no port of their own.
func (s *sourceEntry) port() int {
	switch {
	case s.Port != 0:
		return s.Port
	case s.RADIUS != nil:
		return s.RADIUS.defaultPort()
	case s.Directory.SSL:
		return 636
	}
	return 389
}

// hasRealm tells whether the source checks the people of the realm.
func (s *sourceEntry) hasRealm(realm string) bool {
	return slices.ContainsFunc(s.Realms, func(own string) bool { return username.SameRealm(own, realm) })
}

// withoutOwnRealm cuts a realm of the source off a name. Others stay: else people
// could give themselves any number of names.
func (s *sourceEntry) withoutOwnRealm(name string) string {
	if user, realm := username.Split(name); s.hasRealm(realm) {
		return user
	}
	return name
}

// clone copies everything that a caller could change through the copy.
func (s *sourceEntry) clone() *sourceEntry {
	copied := *s
	copied.Hosts, copied.Realms = slices.Clone(s.Hosts), slices.Clone(s.Realms)
	copied.ReplyAttributes = maps.Clone(s.ReplyAttributes)
	if s.RADIUS != nil {
		settings := *s.RADIUS
		copied.RADIUS = &settings
	}
	if s.Directory != nil {
		settings := *s.Directory
		copied.Directory = &settings
	}
	return &copied
}

// sourceNameEntry is the index entry of a name: see profileNameEntry.
type sourceNameEntry struct {
	ID int64 `json:"id"`
}

// errSourceNotFound means that there is no such source.
var errSourceNotFound = errors.New("there is no such source")

func sourceKey(id int64) string { return sourceKeyPrefix + strconv.FormatInt(id, 10) }

func sourceNameKey(name string) string { return sourceNameKeyPrefix + name }

func sourceLabel(id int64) string { return fmt.Sprintf("source %d", id) }

// loadSource reads a stored source; nil means that there is none.
func loadSource(ctx context.Context, storage kv.Storage, id int64) (*sourceEntry, error) {
	entry := &sourceEntry{}
	found, err := kv.Load(ctx, storage, sourceKey(id), sourceLabel(id), entry)
	if !found || err != nil {
		return nil, err
	}
	return entry, nil
}

// findSource reads the source with the id or name in a path.
func findSource(ctx context.Context, storage kv.Storage, reference string) (*sourceEntry, error) {
	if !kv.IsWholeNumber(reference) {
		return findSourceNamed(ctx, storage, reference)
	}
	id, ok := kv.ParseID(reference)
	if !ok {
		return nil, errSourceNotFound
	}
	entry, err := loadSource(ctx, storage, id)
	if entry == nil && err == nil {
		return nil, errSourceNotFound
	}
	return entry, err
}

func findSourceNamed(ctx context.Context, storage kv.Storage, name string) (*sourceEntry, error) {
	if !isSourceName(name) {
		return nil, errSourceNotFound
	}
	var index sourceNameEntry
	found, err := kv.Load(ctx, storage, sourceNameKey(name), "the index of sources", &index)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, errSourceNotFound
	}
	entry, err := loadSource(ctx, storage, index.ID)
	switch {
	case err != nil:
		return nil, err
	case entry == nil || entry.Name != name:
		return nil, errSourceNotFound // the index is older than the entry
	}
	return entry, nil
}

// sourceIDs lists the ids of the stored sources in their order.
func sourceIDs(ctx context.Context, storage kv.Storage) ([]int64, error) {
	return kv.IDs(ctx, storage, sourceKeyPrefix, "sources")
}

// loadSources reads all sources in the order of their ids.
func loadSources(ctx context.Context, storage kv.Storage) ([]*sourceEntry, error) {
	ids, err := sourceIDs(ctx, storage)
	if err != nil {
		return nil, err
	}
	entries := make([]*sourceEntry, 0, len(ids))
	for _, id := range ids {
		entry, err := loadSource(ctx, storage, id)
		if err != nil {
			return nil, err
		}
		if entry != nil { // not deleted meanwhile
			entries = append(entries, entry)
		}
	}
	return entries, nil
}

// saveSource stores a source and the index of its name. before is what is stored;
// nil means that the source is new. Whether the name is free has been looked at.
func saveSource(ctx context.Context, storage kv.Storage, before, entry *sourceEntry) error {
	renamed := before == nil || before.Name != entry.Name
	if renamed {
		if err := kv.Save(ctx, storage, sourceNameKey(entry.Name), "the index of sources", sourceNameEntry{entry.ID}); err != nil {
			return err
		}
	}
	if err := kv.Save(ctx, storage, sourceKey(entry.ID), sourceLabel(entry.ID), entry); err != nil {
		return err
	}
	if renamed && before != nil {
		return kv.DeleteIndex(ctx, storage, sourceNameKey(before.Name))
	}
	return nil
}

func deleteSource(ctx context.Context, storage kv.Storage, entry *sourceEntry) error {
	if err := storage.Delete(ctx, sourceKey(entry.ID)); err != nil {
		return fmt.Errorf("deleting %s: %w", sourceLabel(entry.ID), err)
	}
	return kv.DeleteIndex(ctx, storage, sourceNameKey(entry.Name))
}

// isSourceName tells whether the text can be the name of a source: 1 to 63
// letters, digits, - and _, no number, which ids are, and not "local".
func isSourceName(text string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	return text != "" && len(text) <= 63 && strings.Trim(text, letters) == "" && !kv.IsWholeNumber(text) && !strings.EqualFold(text, localSource)
}
