package acct

import (
	"net/netip"
	"regexp"
	"strings"
)

// Restart is an Accounting-On or -Off: the sessions of a NAS that were known
// when it came have ended. Several NASes may send the same address, as behind NAT, or
// if each names itself 127.0.0.1: the others keep their sessions if they have names.
type Restart struct {
	NASAddress      netip.Addr `json:"nas_ip_address"`
	NASIdentifier   string     `json:"nas_identifier"`
	CalledStationID string     `json:"called_station_id"`

	Time  Time   `json:"time"`  // by the clock of the NAS
	Heard Time   `json:"heard"` // by the clock of this server
	Cause string `json:"cause"`
}

// Restart returns the restart of a packet that is about a whole NAS.
func (p Packet) Restart() Restart {
	p = p.normal()
	x := Restart{
		NASAddress: p.NASAddress, NASIdentifier: p.NASIdentifier, CalledStationID: p.CalledStationID,
		Time: TimeOf(p.Time), Heard: p.heard(), Cause: p.TerminateCause,
	}
	if x.Cause == "" {
		x.Cause = causeNASReboot
	}
	return x
}

// ends reports whether an open session has ended by the restart. Its NAS-Identifier
// decides if both have one, else its Called-Station-Id, which pattern is for, else the
// address alone.
func (x Restart) ends(r *Record, pattern *regexp.Regexp) bool {
	switch {
	case !r.Open() || r.NASAddress != x.NASAddress || r.heardUpdate().After(x.Heard.Time):
		return false
	case x.NASIdentifier != "" && r.NASIdentifier != "":
		return x.NASIdentifier == r.NASIdentifier
	case x.CalledStationID != "" && r.CalledStationID != "":
		return pattern.MatchString(r.CalledStationID)
	}
	return true
}

// station returns a regular expression, for any case, of what Called-Station-Id an
// access point puts into the packets of its sessions: its MAC address, in any notation,
// and mostly a colon and the name of the network. Other names may have that, too; what
// has more colons, as an IPv6 address, is taken as a whole.
func (x Restart) station() string {
	digits, rest := macAddress(x.CalledStationID)
	if digits == "" || rest != "" && !strings.HasPrefix(rest, ":") {
		name, network, _ := strings.Cut(x.CalledStationID, ":")
		if strings.Contains(network, ":") {
			return "^" + regexp.QuoteMeta(x.CalledStationID) + "$"
		}
		return "^" + regexp.QuoteMeta(name) + "(:|$)"
	}
	var pairs []string
	for i := 0; i < len(digits); i += 2 {
		pairs = append(pairs, digits[i:i+2])
	}
	return "^" + strings.Join(pairs, "[-:. ]?") + "(:|$)"
}

// stationPattern returns station as a pattern; nil if the restart has no
// Called-Station-Id.
func (x Restart) stationPattern() *regexp.Regexp {
	if x.CalledStationID == "" {
		return nil
	}
	return regexp.MustCompile("(?i)" + x.station())
}

// macAddress returns the twelve digits of the MAC address that a text begins with, and
// what follows it; no digits if there is none.
func macAddress(text string) (digits, rest string) {
	const length = 12
	for i, c := range text {
		switch {
		case len(digits) == length:
			return digits, text[i:]
		case strings.ContainsRune("0123456789abcdefABCDEF", c):
			digits += string(c)
		case !strings.ContainsRune("-:. ", c) || len(digits)%2 == 1:
			return "", text
		}
	}
	if len(digits) < length {
		return "", text
	}
	return digits, ""
}

// end returns when a session has ended by the restart, by the clock of its NAS. The time of
// the restart counts, if that clock has gone on as it should have since the latest packet of the
// session, which may have been late; a NAS that has set its clock is not believed.
func (x Restart) end(r *Record) Time {
	latest := later(r.UpdateTime, r.StartTime)
	byNAS, byUs := x.Time.Sub(latest.Time), x.Heard.Sub(r.heardUpdate().Time)
	least, most := byUs-promptly, byUs+repeatedFor
	if r.HeardUpdate.IsZero() { // all that is known is by the clock of the NAS
		least, most = 0, byUs+maxDelay
	}
	if byNAS >= max(0, least) && byNAS <= most {
		return x.Time
	}
	return TimeOf(latest.Add(max(0, byUs)))
}

// closeRestarted returns the record of a session that has ended by the restart.
func closeRestarted(r Record, x Restart) Record {
	return r.closed(x.end(&r), x.Heard, x.Cause, guessRestart)
}
