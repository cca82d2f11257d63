package radclient

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
)

// interfaceName is what a network interface may be called. It starts with a
// letter, so that a mistyped address is not taken for one.
var interfaceName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.@-]{0,14}$`)

// CheckBindAddress tells whether the text can be a source address: an IP
// address or the name of a network interface. Whether this host has it shows
// when a request is sent: the hosts of a cluster differ.
func CheckBindAddress(text string) error {
	if _, err := netip.ParseAddr(text); err == nil || interfaceName.MatchString(text) {
		return nil
	}
	return fmt.Errorf("%q is neither an IP address nor the name of a network interface", text)
}

// sourceAddress is where requests to the remote address come from, as
// CheckBindAddress reads the text; an invalid address lets the system choose.
func sourceAddress(text string, remote netip.Addr) (netip.Addr, error) {
	if text == "" {
		return netip.Addr{}, nil
	}
	if address, err := netip.ParseAddr(text); err == nil {
		if address.Unmap().Is4() != remote.Is4() {
			return netip.Addr{}, fmt.Errorf("bind_address %s and %s are not of the same IP version", address, remote)
		}
		return address.Unmap(), nil
	}
	return interfaceAddress(text, remote)
}

// interfaceAddress is the first address of the interface that can reach the
// remote one: of the same IP version and, for IPv6, of the same scope.
func interfaceAddress(name string, remote netip.Addr) (netip.Addr, error) {
	device, err := net.InterfaceByName(name)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("bind_address %s: %w", name, err)
	}
	networks, err := device.Addrs()
	if err != nil {
		return netip.Addr{}, fmt.Errorf("bind_address %s: %w", name, err)
	}
	for _, network := range networks {
		prefix, err := netip.ParsePrefix(network.String())
		if err != nil {
			continue // not an IP address
		}
		address := prefix.Addr()
		if address.Is4() != remote.Is4() || address.IsLinkLocalUnicast() != remote.IsLinkLocalUnicast() {
			continue
		}
		if address.IsLinkLocalUnicast() && address.Is6() {
			address = address.WithZone(name)
		}
		return address, nil
	}
	return netip.Addr{}, fmt.Errorf("bind_address: interface %s has no address that can reach %s", name, remote)
}
