package radiusauth

import (
	"fmt"
	"slices"
	"strings"

	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
	"vault-plugin-auth-radius/internal/validate"
)

// applyHosts takes the given servers over. One that was there before keeps its
// secret if none is given: nobody can read it to write it back.
func (c *configEntry) applyHosts(hosts []source.Host) {
	for i := range hosts {
		given := &hosts[i]
		given.Host = strings.ToLower(given.Host)
		was := slices.IndexFunc(c.Hosts, func(old source.Host) bool { return old.Host == given.Host && old.Port == given.Port })
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
	servers := c.Servers()
	for i, server := range servers {
		same := func(other radclient.Server) bool { return other.Host == server.Host && other.Port == server.Port }
		if slices.ContainsFunc(servers[:i], same) {
			found = append(found, fmt.Sprintf("config parameter `hosts`: entry %d is there already: %.80s port %d", i, server.Host, server.Port))
		}
	}
	return found
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
