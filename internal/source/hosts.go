package source

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Host is a further server of the config.
type Host struct {
	Host   string `json:"host"`
	Port   int    `json:"port,omitempty"`   // 0: the first server's
	Secret string `json:"secret,omitempty"` // empty: the first server's
}

// MaxHosts is the largest number of further servers.
const MaxHosts = 31

// ParseHosts returns the hosts of the field hosts: a list of objects, or, as it is easier to
// type, of texts: "host", "host:port" or an object in JSON. The error advises and shows no
// secret.
func ParseHosts(values []any) ([]Host, error) {
	hosts := []Host{}
	for _, value := range values {
		more, err := parseHostValue(value)
		if err != nil {
			return nil, fmt.Errorf("config parameter `hosts`: entry %d %w: "+
				"give {\"host\": …, \"port\": …, \"secret\": …} or host:port", len(hosts)+1, err)
		}
		hosts = append(hosts, more...)
	}
	if len(hosts) > MaxHosts {
		return nil, fmt.Errorf("config parameter `hosts` has %d entries; give %d at most", len(hosts), MaxHosts)
	}
	return hosts, nil
}

// parseHostValue returns the hosts of an entry of the field.
func parseHostValue(value any) ([]Host, error) {
	switch value := value.(type) {
	case map[string]any:
		return decodeHosts([]any{value})
	case string:
		return parseHostText(value)
	}
	return nil, errors.New("is neither an object nor a text")
}

// decodeHosts returns the hosts of a list of objects.
func decodeHosts(objects []any) ([]Host, error) {
	text, err := json.Marshal(objects)
	if err != nil {
		return nil, errors.New("is not JSON")
	}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.DisallowUnknownFields()
	var hosts []Host
	if err := decoder.Decode(&hosts); err != nil {
		// The decoder's own text may show the value.
		return nil, errors.New("has a field that is unknown or of the wrong type")
	}
	return hosts, nil
}

// parseHostText returns the hosts of a text from the command line: with or without ports,
// separated by commas, or JSON.
func parseHostText(text string) ([]Host, error) {
	text = strings.TrimSpace(text)
	var hosts []Host
	var values []any
	switch {
	case text == "":
		return nil, nil
	case strings.HasPrefix(text, "{"):
		text = "[" + text + "]"
		fallthrough
	case strings.HasPrefix(text, "["):
		// An IPv6 address with a port starts like a list.
		if json.Unmarshal([]byte(text), &values) != nil {
			break
		}
		for _, value := range values {
			more, err := parseHostValue(value)
			if err != nil {
				return nil, err
			}
			hosts = append(hosts, more...)
		}
		return hosts, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		host, err := ParseHost(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		hosts = append(hosts, host)
	}
	return hosts, nil
}

// ParseHost returns the host of a text such as "host" or "host:port".
func ParseHost(text string) (Host, error) {
	if _, err := netip.ParseAddr(text); err == nil || !strings.Contains(text, ":") {
		return Host{Host: text}, nil
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return Host{}, errors.New("is not a host")
	}
	number, err := strconv.Atoi(port)
	if err != nil || number == 0 {
		return Host{}, errors.New("has a port that is no number from 1 to 65535")
	}
	return Host{Host: host, Port: number}, nil
}
