package radclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// resolve gives the server's addresses, at least one, in the resolver's order of
// preference.
func (c *Client) resolve(ctx context.Context) ([]netip.AddrPort, error) {
	port := uint16(c.config.Port) // #nosec G115 -- New checked the range
	if address, err := netip.ParseAddr(c.config.Host); err == nil {
		return []netip.AddrPort{netip.AddrPortFrom(address, port)}, nil
	}
	if c.config.DialTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.config.DialTimeout)
		defer cancel()
	}
	found, err := c.config.Lookup(ctx, c.config.Host)
	if err != nil {
		return nil, fmt.Errorf("looking up the host: %w", err)
	}
	if len(found) == 0 {
		return nil, errors.New("the host has no address")
	}
	addresses := make([]netip.AddrPort, 0, len(found))
	for _, address := range found {
		addresses = append(addresses, netip.AddrPortFrom(address.Unmap(), port))
	}
	return addresses, nil
}

func systemLookup(ctx context.Context, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}
