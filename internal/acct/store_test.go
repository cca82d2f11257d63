package acct

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// storeTests are what every store has to pass, each on an empty one.
var storeTests = map[string]func(*testing.T, Store){
	"reports what is created":                        testCreated,
	"keeps all that a packet says":                   testKeepsAll,
	"repeated packets change nothing":                testRepeats,
	"packets about no session are refused":           testRefusals,
	"packets of one session at once":                 testConcurrency,
	"filters":                                        testFilters,
	"pages":                                          testPages,
	"counts of sessions and of attempts to log in":   testCounts,
	"hostile and broken text":                        testText,
	"large counters":                                 testLargeCounters,
	"a NAS starts":                                   testCloseNAS,
	"a NAS starts with more sessions than one batch": testCloseLargeNAS,
	"a Stop knows better than a guess":               testStopAfterClose,
	"stale sessions are closed":                      testStale,
	"old sessions are deleted":                       testRetention,
	"retention counts from arrival":                  testRetentionByArrival,
	"silence counts from arrival":                    testStaleByArrival,
	"a restart counts from arrival":                  testRestartByArrival,
	"a restart dates the end of sessions":            testEndByARestart,
	"a restart that the NAS sent late":               testDelayOfARestart,
	"a restart of one of several NASes":              testNarrowRestart,
	"a guess is taken back":                          testReopening,
	"a guess yields to any Stop":                     testGuessGivesWay,
	"a unique id is used again":                      testUniqueIDUsedAgain,
	"a unique id is used again, in any order":        testUniqueIDUsedAgainInAnyOrder,
	"a unique id is used again after a restart":      testStartAfterAGuess,
	"a Start of an open session":                     testStartWhileOpen,
	"an earlier session lives on":                    testEarlierSessionLivesOn,
	"a late Stop of an unknown session":              testLateStopOfAnUnknownSession,
	"copies of the session before, without a time":   testCopiesOfTheSessionBefore,
	"a start that is later than its packet":          testStartAfterItsPacket,
	"the latest session of a unique id is deleted":   testLatestIsDeleted,
	"a NAS loses its clock":                          testLostClock,
	"logins are kept":                                testPostAuths,
	"old logins are deleted":                         testPostAuthRetention,
}

func TestVaultStore(t *testing.T) {
	t.Parallel()
	for name, test := range storeTests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, NewVaultStore(newMemory()))
		})
	}
}

// at is a time in seconds from the epoch of the tests.
func at(seconds int) time.Time { return epoch.Add(time.Duration(seconds) * time.Second) }

// packet makes a packet of a session.
func packet(status StatusType, session string, seconds int, change ...func(*Packet)) Packet {
	p := Packet{StatusType: status, Time: at(seconds), Attributes: Attributes{
		SessionID: "s-" + session, UniqueID: session, Username: "bob", NASAddress: testNAS,
	}}
	for _, c := range change {
		c(&p)
	}
	return p
}

func counters(session, input, output int64) func(*Packet) {
	return func(p *Packet) { p.SessionTime, p.InputOctets, p.OutputOctets = &session, &input, &output }
}

func record(t *testing.T, store Store, packets ...Packet) {
	t.Helper()
	for _, p := range packets {
		_, err := store.Record(t.Context(), p)
		require.NoError(t, err)
	}
}

// get returns a session as clients are shown it.
func get(t *testing.T, store Store, session string) Record {
	t.Helper()
	found, more, err := store.Sessions(t.Context(), Filter{UniqueID: session}, Page{})
	require.NoError(t, err)
	require.False(t, more)
	require.Len(t, found, 1)
	return shown(found[0])
}

// shown returns a record as clients are shown it, apart from the database's id.
func shown(r Record) Record {
	r.ID, r.Reception = 0, Reception{}
	return r
}

// restart is an Accounting-On of the NAS of the tests.
func restart(seconds int, change ...func(*Packet)) Restart {
	return packet(AccountingOn, "0", seconds, change...).Restart()
}

// settle has a store do what it has put off.
func settle(t *testing.T, store Store) {
	t.Helper()
	for maintain(t, store, at(0), Retention{}).More {
		continue
	}
}

// ids returns the unique ids of the sessions that are chosen, in their order.
func ids(t *testing.T, store Store, f Filter, page Page) []string {
	t.Helper()
	found, _, err := store.Sessions(t.Context(), f, page)
	require.NoError(t, err)
	ids := []string{}
	for _, r := range found {
		ids = append(ids, r.UniqueID)
	}
	return ids
}

func testCreated(t *testing.T, store Store) {
	for i, first := range []StatusType{Start, InterimUpdate, Stop} {
		session := fmt.Sprint(i)
		created, err := store.Record(t.Context(), packet(first, session, 10))
		require.NoError(t, err)
		require.True(t, created, first)
		for _, next := range []StatusType{first, Start, InterimUpdate, Stop, Stop} {
			created, err := store.Record(t.Context(), packet(next, session, 20))
			require.NoError(t, err)
			require.False(t, created, "%s after %s", next, first)
		}
	}
}

func testKeepsAll(t *testing.T, store Store) {
	update := Attributes{
		SessionID: "35000006", UniqueID: "a93dda260677e044ac99bf633bc49f7c",
		Username: "jim", GroupName: "staff", Realm: "example.org",
		NASAddress: netip.MustParseAddr("2001:db8::5"), NASPortID: "1", NASPortType: "Wireless-802.11",
		SessionTime: whole(300), InputOctets: whole(5), OutputOctets: whole(6),
		Authentication: "RADIUS", ConnectionInfoStart: "CONNECT 54", ConnectionInfoStop: "bye",
		CalledStationID: "00-27-22-F3-FA-F1:hotspot", CallingStationID: "5c:7d:c1:72:a7:3b",
		TerminateCause: "User-Request", ServiceType: "Framed-User", FramedProtocol: "PPP",
		FramedInterfaceID: "0:0:0:7", Class: "0x616263",
		FramedIPAddress: netip.MustParseAddr("10.0.0.7"), FramedIPv6Address: netip.MustParseAddr("2001:db8::7"),
		FramedIPv6Prefix: netip.MustParsePrefix("2001:db8:1::/64"), DelegatedIPv6Prefix: netip.MustParsePrefix("2001:db8:f00::/56"),
	}
	exact := epoch.Add(123456 * time.Microsecond)
	record(t, store, Packet{StatusType: Stop, Time: exact, Attributes: update})
	require.Equal(t, Record{
		Attributes: update,
		StartTime:  TimeOf(exact.Add(-300 * time.Second)), UpdateTime: TimeOf(exact), StopTime: TimeOf(exact),
	}, get(t, store, update.UniqueID))
}

func testRepeats(t *testing.T, store Store) {
	packets := []Packet{
		packet(Start, "1", 0),
		packet(InterimUpdate, "1", 60, counters(60, 1000, 2000)),
		packet(Stop, "1", 100, counters(100, 3000, 4000), func(p *Packet) { p.TerminateCause = "User-Request" }),
	}
	for i, p := range packets {
		record(t, store, p)
		before := get(t, store, "1")
		record(t, store, packets[:i+1]...)
		require.Equal(t, before, get(t, store, "1"))
	}
	// Without Event-Timestamp, what is sent again seems to be newer.
	closed := get(t, store, "1")
	late := slices.Clone(packets)
	for i := range late {
		late[i].Time = at(200)
	}
	record(t, store, late...)
	require.Equal(t, closed, get(t, store, "1"))
}

func testRefusals(t *testing.T, store Store) {
	for _, p := range []Packet{
		packet(AccountingOn, "1", 0),
		packet("Failed", "1", 0),
		{StatusType: Start, Time: epoch, Attributes: Attributes{SessionID: "1"}},
	} {
		_, err := store.Record(t.Context(), p)
		var problems Problems
		require.ErrorAs(t, err, &problems)
	}
	require.Empty(t, ids(t, store, Filter{}, Page{}))
}

func testConcurrency(t *testing.T, store Store) {
	const senders = 6
	var group sync.WaitGroup
	var created atomic.Int32
	together := make(chan struct{})
	for n := range senders {
		group.Go(func() {
			<-together
			for i := range 8 {
				seconds := 10 * (i*senders + n)
				isNew, err := store.Record(t.Context(), packet(InterimUpdate, "1", 1000+seconds, counters(int64(seconds), int64(2*seconds), 0)))
				if err != nil {
					t.Error(err)
				}
				if isNew {
					created.Add(1)
				}
			}
		})
	}
	close(together)
	group.Wait()
	require.EqualValues(t, 1, created.Load())
	r := get(t, store, "1")
	require.Equal(t, TimeOf(at(1000)), r.StartTime)
	require.Equal(t, TimeOf(at(1470)), r.UpdateTime)
	require.Equal(t, whole(470), r.SessionTime)
	require.Equal(t, whole(940), r.InputOctets)
}

// hostile are texts that must neither break a store nor be taken for another.
var hostile = []string{
	`'; DROP TABLE radacct; --`, `" OR ""="`, `%`, `_`, `\`, `$1`, `../../etc/passwd`, `..`, `.`, `/`, `a/b`, `a//b`, ` `, `~`, `-`,
	"line\nend", "\x01\x7f", "josé€🙂", "null", "4", "[]",
	"NUL\x00here", "invalid \xe9\xff UTF-8", strings.Repeat("é", 300),
}

func testText(t *testing.T, store Store) {
	for i, text := range hostile {
		session := fmt.Sprint(i)
		record(t, store, packet(Start, session, i, func(p *Packet) {
			p.SessionID, p.Username, p.Realm, p.CallingStationID, p.CalledStationID, p.Class = text, text, text, text, text, text
		}))
	}
	for i, text := range hostile {
		session := fmt.Sprint(i)
		for _, f := range []Filter{{Username: text}, {CallingStationID: text}, {CalledStationID: text}} {
			require.Equal(t, []string{session}, ids(t, store, f, Page{}), "%q", text)
		}
		require.Empty(t, ids(t, store, Filter{UniqueID: text + "?"}, Page{}))
	}
	require.Equal(t, `'; DROP TABLE radacct; --`, get(t, store, "0").Username)
	require.Equal(t, "NUL\uFFFDhere", get(t, store, fmt.Sprint(len(hostile)-3)).Class)
	require.Equal(t, "invalid \uFFFD UTF-8", get(t, store, fmt.Sprint(len(hostile)-2)).SessionID)
	require.Equal(t, strings.Repeat("é", 126), get(t, store, fmt.Sprint(len(hostile)-1)).Realm)
}

func testLargeCounters(t *testing.T, store Store) {
	record(
		t, store,
		packet(Stop, "1", 0, func(p *Packet) {
			p.InputOctets, p.InputGigawords = whole(int64(math.MaxUint32)), whole(2)
			p.OutputOctets, p.OutputGigawords = whole(7), whole(int64(math.MaxInt64))
			p.SessionTime = whole(int64(math.MaxInt64))
		}),
	)
	record(t, store, packet(Stop, "2", 0, func(p *Packet) {
		p.InputOctets, p.InputGigawords = whole(int64(4294967396)), whole(2)
	}))
	require.EqualValues(t, int64(4294967396), *get(t, store, "2").InputOctets, "FreeRADIUS has added the gigawords")
	r := get(t, store, "1")
	require.EqualValues(t, int64(3<<32-1), *r.InputOctets)
	require.EqualValues(t, int64(math.MaxInt64>>32<<32+7), *r.OutputOctets)
	require.EqualValues(t, int64(math.MaxUint32), *r.SessionTime)
	require.Equal(t, TimeOf(epoch.Add(-math.MaxUint32*time.Second)), r.StartTime)
}
