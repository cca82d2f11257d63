package radiusauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/validate"
)

// hostEntry is a further server of the config.
type hostEntry struct {
	Host   string `json:"host"`
	Port   int    `json:"port,omitempty"`   // 0: the first server's
	Secret string `json:"secret,omitempty"` // empty: the first server's
}

// maxHosts is how many further servers there may be.
const maxHosts = 31

// parseHosts reads the field hosts: a list of objects, or, as it is easier to
// type, of texts: "host", "host:port" or an object in JSON. The error advises
// and shows no secret.
func parseHosts(values []any) ([]hostEntry, error) {
	hosts := []hostEntry{}
	for _, value := range values {
		more, err := parseHostValue(value)
		if err != nil {
			return nil, fmt.Errorf("config parameter `hosts`: entry %d %w: "+
				"give {\"host\": …, \"port\": …, \"secret\": …} or host:port", len(hosts)+1, err)
		}
		hosts = append(hosts, more...)
	}
	if len(hosts) > maxHosts {
		return nil, fmt.Errorf("config parameter `hosts` has %d entries; give %d at most", len(hosts), maxHosts)
	}
	return hosts, nil
}

// parseHostValue reads an entry of the field.
func parseHostValue(value any) ([]hostEntry, error) {
	switch value := value.(type) {
	case map[string]any:
		return decodeHosts([]any{value})
	case string:
		return parseHostText(value)
	}
	return nil, errors.New("is neither an object nor a text")
}

// decodeHosts reads objects.
func decodeHosts(objects []any) ([]hostEntry, error) {
	text, err := json.Marshal(objects)
	if err != nil {
		return nil, errors.New("is not JSON")
	}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.DisallowUnknownFields()
	var hosts []hostEntry
	if err := decoder.Decode(&hosts); err != nil {
		// The decoder's own text may show the value.
		return nil, errors.New("has a field that is unknown or of the wrong type")
	}
	return hosts, nil
}

// parseHostText reads what the command line gives: hosts with or without ports,
// separated by commas, or JSON.
func parseHostText(text string) ([]hostEntry, error) {
	text = strings.TrimSpace(text)
	var hosts []hostEntry
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
		host, err := parseHost(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		hosts = append(hosts, host)
	}
	return hosts, nil
}

// parseHost reads "host" or "host:port".
func parseHost(text string) (hostEntry, error) {
	if _, err := netip.ParseAddr(text); err == nil || !strings.Contains(text, ":") {
		return hostEntry{Host: text}, nil
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return hostEntry{}, errors.New("is not a host")
	}
	number, err := strconv.Atoi(port)
	if err != nil || number == 0 {
		return hostEntry{}, errors.New("has a port that is no number from 1 to 65535")
	}
	return hostEntry{Host: host, Port: number}, nil
}

// applyHosts takes the given servers over. One that was there before keeps its
// secret if none is given: nobody can read it to write it back.
func (c *configEntry) applyHosts(hosts []hostEntry) {
	for i := range hosts {
		given := &hosts[i]
		given.Host = strings.ToLower(given.Host)
		was := slices.IndexFunc(c.Hosts, func(old hostEntry) bool { return old.Host == given.Host && old.Port == given.Port })
		if given.Secret == "" && was >= 0 {
			given.Secret = c.Hosts[was].Secret
		}
	}
	c.Hosts = hosts
}

// hostProblems lists what is wrong with the further servers.
func (c *configEntry) hostProblems() []string {
	var found []string
	for i, entry := range c.Hosts {
		switch {
		case !validate.IsHost(entry.Host):
			found = append(found, fmt.Sprintf("config parameter `hosts`: entry %d: "+
				"`host` must be one host name or IP address, without scheme, port or spaces", i+1))
		case entry.Port < 0 || entry.Port > 65535:
			found = append(found, fmt.Sprintf("config parameter `hosts`: entry %d: `port` is %d; use 1 to 65535", i+1, entry.Port))
		}
	}
	servers := c.servers()
	for i, server := range servers {
		same := func(other radclient.Server) bool { return other.Host == server.Host && other.Port == server.Port }
		if slices.ContainsFunc(servers[:i], same) {
			found = append(found, fmt.Sprintf("config parameter `hosts`: entry %d is there already: %.80s port %d", i, server.Host, server.Port))
		}
	}
	return found
}

// servers are the config's servers in the order of preference.
func (c *configEntry) servers() []radclient.Server {
	hosts := append([]hostEntry{{Host: c.Host}}, c.Hosts...)
	return c.radiusSettings.servers(hosts, c.port())
}

// hostsData are the further servers as a read shows them: without secrets.
func (c *configEntry) hostsData() []map[string]any {
	data := []map[string]any{}
	for _, entry := range c.Hosts {
		host := map[string]any{"host": entry.Host}
		if entry.Port != 0 {
			host["port"] = entry.Port
		}
		data = append(data, host)
	}
	return data
}
