package radclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// resolve gives the server's addresses, at least one, in the resolver's order of
// preference.
func (s *server) resolve(ctx context.Context) ([]netip.AddrPort, error) {
	port := uint16(s.config.Port) // #nosec G115 -- New checked the range
	if address, err := netip.ParseAddr(s.config.Host); err == nil {
		return []netip.AddrPort{netip.AddrPortFrom(address, port)}, nil
	}
	found, err := s.client.config.Lookup(ctx, s.config.Host)
	if err != nil {
		return nil, fmt.Errorf("looking up the host: %w", err)
	}
	if len(found) == 0 {
		return nil, errors.New("the host has no address")
	}
	addresses := make([]netip.AddrPort, 0, len(found))
	for _, address := range found {
		if resolved := netip.AddrPortFrom(address.Unmap(), port); !slices.Contains(addresses, resolved) {
			addresses = append(addresses, resolved)
		}
	}
	return addresses, nil
}

func systemLookup(ctx context.Context, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}
