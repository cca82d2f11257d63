package acct

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// The prefixes of keys in Vault's storage. A session is under a hash of its unique id; the
// others are indexes, which have everything in their keys and nothing in their values.
// Names of users and stations are hashed, too: a path would need escapes, and storage does
// not encrypt its keys.
const (
	sessionPrefix = "acct/session/" // the records
	timePrefix    = "acct/time/"    // all, by start
	openPrefix    = "acct/open/"    // open ones, by start
	nasPrefix     = "acct/nas/"     // open ones, by NAS, then start
	userPrefix    = "acct/user/"    // by user, then start
	callingPrefix = "acct/calling/" // by calling station, then start

	postAuthPrefix     = "postauth/log/"  // the attempts, by time
	postAuthUserPrefix = "postauth/user/" // by user, then time
)

// Times in keys sort as text does. A folder is a minute long where all sessions
// are together, since listing one returns all of it; one user's day is short enough.
const (
	byMinute = "2006-01-02/15/04/05.000000"
	byDay    = "2006-01-02/150405.000000"
)

// hash returns the name of a value in keys.
func hash(value string) string {
	sum := sha256.Sum256([]byte(value))
	return hex.EncodeToString(sum[:16])
}

func sessionKey(id string) string { return sessionPrefix + id[:2] + "/" + id }

// index is one of the indexes, or a part of one: a folder of times.
type index struct {
	prefix string
	layout string
}

func (i index) key(at Time, id string) string { return i.prefix + at.Format(i.layout) + "-" + id }

// idOf returns the id of the session or attempt that a key of an index is about.
func idOf(key string) string { return key[strings.LastIndexByte(key, '-')+1:] }

var (
	allSessions  = index{timePrefix, byMinute}
	openSessions = index{openPrefix, byMinute}
	allPostAuths = index{postAuthPrefix, byMinute}
)

func sessionsOfUser(name string) index    { return index{userPrefix + hash(name) + "/", byDay} }
func sessionsOfStation(name string) index { return index{callingPrefix + hash(name) + "/", byDay} }
func openSessionsOfNAS(name string) index { return index{nasPrefix + hash(name) + "/", byDay} }
func postAuthsOfUser(name string) index   { return index{postAuthUserPrefix + hash(name) + "/", byDay} }

// indexKeys returns where a record is in the indexes. That by start is the last.
func indexKeys(r *Record) []string {
	var indexes []index
	if r.Open() {
		indexes = append(indexes, openSessions, openSessionsOfNAS(r.NASAddress.String()))
	}
	if r.Username != "" {
		indexes = append(indexes, sessionsOfUser(r.Username))
	}
	if r.CallingStationID != "" {
		indexes = append(indexes, sessionsOfStation(r.CallingStationID))
	}
	indexes = append(indexes, allSessions)
	keys := make([]string, 0, len(indexes))
	for _, i := range indexes {
		keys = append(keys, i.key(r.StartTime, hash(r.UniqueID)))
	}
	return keys
}

// without returns the keys that are not among others.
func without(keys, others []string) []string {
	return slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return slices.Contains(others, key) })
}

// window is a part of an index: from a path to a path under its prefix, both
// included. Each may be the start of a path.
type window struct{ from, to string }

// afterAll sorts behind every path.
const afterAll = "~"

// window returns the part between two times. Zero is no bound.
func (i index) window(from, to time.Time) window {
	w := window{to: afterAll}
	if !from.IsZero() {
		w.from = TimeOf(from).Format(i.layout)
	}
	if !to.IsZero() {
		w.to = TimeOf(to).Format(i.layout) + afterAll
	}
	return w
}

// has reports whether a path is in the window or, if it is a folder, may have entries that
// are.
func (w window) has(path string) bool {
	from, to := min(len(path), len(w.from)), min(len(path), len(w.to))
	return w.from[:from] <= path && path[:to] <= w.to[:to]
}
