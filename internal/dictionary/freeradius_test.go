//go:build protocol

package dictionary

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
)

// freeRADIUSFolder is where Debian's package freeradius-common has its files.
const freeRADIUSFolder = "/usr/share/freeradius"

func TestTheTableIsWhatTheScriptMakes(t *testing.T) {
	t.Parallel()
	made, err := exec.CommandContext(t.Context(), "../../scripts/dictionary.sh").Output()
	require.NoError(t, err)
	require.True(t, string(made) == standardText, "run go generate ./internal/dictionary, and write the version into NOTICE")
}

func TestFilesThatStateNoLicenceAreReplaced(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(freeRADIUSFolder, "dictionary*"))
	require.NoError(t, err)
	var unlicensed []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		if !strings.Contains(string(text), "creativecommons.org/licenses/by/4.0") {
			unlicensed = append(unlicensed, filepath.Base(file))
		}
	}
	replaced, err := filepath.Glob("../../scripts/dictionaries/*")
	require.NoError(t, err)
	for i := range replaced {
		replaced[i] = filepath.Base(replaced[i])
	}
	require.Equal(t, unlicensed, replaced)
}

func TestTheTableHasEveryFileOfFreeRADIUS(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(freeRADIUSFolder, "dictionary*"))
	require.NoError(t, err)
	require.Len(t, files, 237)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			switch words := strings.Fields(line); {
			case len(words) >= 4 && words[0] == "ATTRIBUTE":
				_, found := Standard().Lookup(words[1])
				require.True(t, found, "%s: %s", file, line)
			case len(words) >= 4 && words[0] == "VALUE":
				a, found := Standard().Lookup(words[1])
				// freedhcp has values without attributes, cablelabs values of octets;
				// Sip-Method is a name that openser and digium both have.
				require.True(t, !found || !a.Type.integer() || a.Name == "Sip-Method" || hasValue(a, words[2]), "%s: %s", file, line)
			}
		}
	}
}

func hasValue(a *Attribute, name string) bool {
	_, found := a.values.number(name)
	return found
}

// mainDictionary has what FreeRADIUS reads: without the files that its main
// dictionary leaves out.
func mainDictionary(t *testing.T) *Dictionary {
	t.Helper()
	var flat func(string) string
	flat = func(file string) string {
		text, err := os.ReadFile(filepath.Join(freeRADIUSFolder, file))
		require.NoError(t, err)
		var all strings.Builder
		for line := range strings.Lines(string(text)) {
			if words := strings.Fields(line); len(words) == 2 && words[0] == "$INCLUDE" {
				all.WriteString(flat(words[1]))
			} else {
				all.WriteString(line)
			}
		}
		return all.String()
	}
	d := newDictionary(0)
	require.NoError(t, (&parser{dictionary: d, replace: true}).parse(flat("dictionary")))
	return d
}

func TestWhatFreeRADIUSLeavesOutDoesNotWin(t *testing.T) {
	t.Parallel()
	read := mainDictionary(t)
	for p, want := range read.places {
		read := Standard().places[p]
		require.Equal(t, want.Name, read.Name)
		require.Equal(t, want.shape(), read.shape(), want.Name)
		if want.values != nil {
			for _, value := range want.values.list {
				require.Equal(t, want.PrintValue(numberOf(want, value.Number)), read.PrintValue(numberOf(want, value.Number)), want.Name)
			}
		}
	}
}

func numberOf(a *Attribute, number uint64) []byte {
	return appendBigEndian(nil, number, a.Type.integerSize())
}

// Every attribute that a packet can have is written and read by radclient and by
// this package alike, in a request and in its answer.
func TestRadclientAgreesOnEveryAttribute(t *testing.T) {
	t.Parallel()
	d := mainDictionary(t)
	var inRequests, inAnswers []Item
	for _, name := range slices.Sorted(maps.Keys(d.names)) {
		a := d.names[name]
		switch {
		case a.Internal || d.places[a.place] != a || a.Type.container() || notForRadclient(a):
		case a.Encrypt == encryptTunnelPassword:
			inAnswers = append(inAnswers, sampleItems(a)...)
		default:
			inRequests = append(inRequests, sampleItems(a)...)
		}
	}
	require.Greater(t, len(inRequests), 10000)
	require.Greater(t, len(inAnswers), 60)
	exchange(t, d, inRequests, inAnswers)
	exchange(t, d, nil, slices.DeleteFunc(inRequests, func(item Item) bool { return unreadByRadclient(item.Attribute) }))
}

// sampleItems are items with values of an attribute: one with a tag if it can
// have one, one alone if several would be joined.
func sampleItems(a *Attribute) []Item {
	random := rand.New(rand.NewPCG(1, uint64(a.place.vendor)<<32|uint64(a.place.numbers[a.place.depth-1]))) // #nosec G404 -- samples
	items := []Item{{Attribute: a, Value: sampleValue(a, random)}}
	if a.Long {
		return items
	}
	items = append(items, Item{Attribute: a, Value: sampleValue(a, random)})
	if a.Tagged {
		items[1].Tag = uint8(1 + random.IntN(maxTag)) // #nosec G115 -- at most 31
	}
	return items
}

// notForRadclient reports whether radclient 3.2.1 makes something else of an attribute:
// it computes the value itself, prints Ascend's filters as text, joins filter
// rules (RFC 4849 section 2), or has no idea of a TLV of the IETF's.
func notForRadclient(a *Attribute) bool {
	switch a.Name {
	case "User-Password", "CHAP-Password", "EAP-Message", "Message-Authenticator", "Proxy-State", "NAS-Filter-Rule":
		return true
	}
	return a.Type == ABinary || a.place.depth == 2 && a.place.vendor == 0 && a.place.numbers[0] < 241
}

// unreadByRadclient reports whether radclient 3.2.1 writes an attribute, but does not
// read it well: what is more than one TLV deep.
func unreadByRadclient(a *Attribute) bool { return a.place.depth > 2 }

// exchange sends items with radclient, in as many requests as they need, and
// answers with others. Both sides must have the same idea of all of them.
func exchange(t *testing.T, d *Dictionary, requested, answered []Item) {
	t.Helper()
	const inOnePacket = 12
	secret := []byte("testing123")
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	var requests strings.Builder
	count := 0
	for i := 0; i < max(len(requested), len(answered)); i += inOnePacket {
		fmt.Fprintf(&requests, "User-Name = \"request %d\"\n", count)
		for _, item := range requested[min(i, len(requested)):min(i+inOnePacket, len(requested))] {
			requests.WriteString(quoted(asFreeRADIUS(item)) + "\n")
		}
		requests.WriteString("\n")
		count++
	}
	file := filepath.Join(t.TempDir(), "requests")
	require.NoError(t, os.WriteFile(file, []byte(requests.String()), 0o600))

	served := make(chan []string, 1)
	go func() { served <- serve(d, socket, secret, answered, inOnePacket) }()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	output, err := exec.CommandContext(ctx,
		"radclient", "-D", freeRADIUSFolder, "-x", "-f", file, socket.LocalAddr().String(), "auth", string(secret),
	).CombinedOutput() // #nosec G204 -- a test's own
	require.NoError(t, socket.Close())
	read := <-served
	require.NoError(t, err, "%s\n%s", output, read[len(read)-1])

	sent, received := radclientItems(string(output))
	var want []string
	for _, item := range answered {
		want = append(want, asFreeRADIUS(item))
	}
	require.Equal(t, strings.Join(want, "\n"), strings.Join(received, "\n"), "what we encode and radclient decodes")
	require.Equal(t, strings.Join(sent, "\n"), strings.Join(read, "\n"), "what radclient encodes and we decode")
}

// serve answers requests until the socket closes, and returns the items that came.
func serve(d *Dictionary, socket net.PacketConn, secret []byte, answered []Item, inOnePacket int) []string {
	var read []string
	buffer := make([]byte, 4096)
	for {
		n, from, err := socket.ReadFrom(buffer)
		if err != nil {
			return read
		}
		request, err := radius.Parse(buffer[:n], secret)
		if err != nil {
			return append(read, err.Error())
		}
		keys := Keys{Secret: secret, RequestAuthenticator: request.Authenticator}
		index := 0
		decoded := d.Decode(request.Attributes, keys)
		// It writes all octets of an IPv6 network, we those that the length covers.
		network := slices.ContainsFunc(decoded, func(item Item) bool { return item.Attribute.Type == IPv6Prefix })
		if again, err := d.Encode(decoded, keys); err != nil || !network && !reflect.DeepEqual(again, request.Attributes) {
			return append(read, fmt.Sprintf("not encoded as radclient does it: %s: %v", octets(request.Attributes), octets(again)))
		}
		for _, item := range decoded {
			if item.Attribute.Name == "User-Name" {
				_, _ = fmt.Sscanf(string(item.Value), "request %d", &index)
			}
			read = append(read, asFreeRADIUS(item))
		}
		answer := request.Response(radius.CodeAccessAccept)
		items := answered[min(index*inOnePacket, len(answered)):min((index+1)*inOnePacket, len(answered))]
		if answer.Attributes, err = d.Encode(items, keys); err != nil {
			return append(read, err.Error())
		}
		datagram, err := answer.Encode()
		if err != nil {
			return append(read, err.Error())
		}
		if _, err = socket.WriteTo(datagram, from); err != nil {
			return append(read, err.Error())
		}
	}
}

func octets(attributes radius.Attributes) string {
	var text []string
	for _, attribute := range attributes {
		text = append(text, fmt.Sprintf("%d %x", attribute.Type, []byte(attribute.Attribute)))
	}
	return strings.Join(text, "\n")
}

// asFreeRADIUS writes an item as radclient reads and prints it.
func asFreeRADIUS(item Item) string {
	name, value := item.Attribute.Name, item.Attribute.PrintValue(item.Value)
	if item.Tag != 0 {
		name = fmt.Sprintf("%s:%d", name, item.Tag)
	}
	if item.Attribute.Type == String || item.Attribute.Type == Date {
		value = `"` + value + `"`
	}
	return name + " = " + value
}

// quoted quotes a value that is not: names of values may have commas.
func quoted(item string) string {
	name, value, _ := strings.Cut(item, " = ")
	return name + ` = "` + strings.Trim(value, `"`) + `"`
}

// radclientItems are the items that radclient says it has sent and received.
func radclientItems(output string) (sent, received []string) {
	var list *[]string
	for line := range strings.Lines(output) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "Sent "):
			list = &sent
		case strings.HasPrefix(line, "Received "):
			list = &received
		case strings.HasPrefix(line, "\t") && list != nil:
			// It prints the tag 0 where it need not.
			*list = append(*list, strings.Replace(strings.TrimPrefix(line, "\t"), ":0 = ", " = ", 1))
		}
	}
	return sent, received
}
