// Package bindaddress chooses where packets to a server come from: an IP address, a
// network interface, or a label that each node of a cluster resolves for itself.
package bindaddress

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"regexp"
	"strings"
)

// labelPrefixes start a label. The second is how Fudo writes it.
var labelPrefixes = []string{"fudo:label:", "label:"}

// labelName is what a label may be called: its variable has the same letters.
var labelName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// interfaceName is what a network interface may be called. It starts with a
// letter, so that a mistyped address is not taken for one.
var interfaceName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.@-]{0,14}$`)

// Check returns an error if the text cannot be a source address: an IP address, the
// name of a network interface, or label:<name>, which stands for the value of the
// environment variable RADIUS_BIND_<NAME> of this process. It does not check that this
// host has the address: the hosts of a cluster differ.
func Check(text string) error {
	_, err := unlabelled(text)
	return err
}

// Choose returns the address that packets to the remote address come from, as
// Check reads the text; an invalid address, if the text is empty, lets the system
// choose.
func Choose(text string, remote netip.Addr) (netip.Addr, error) {
	if text == "" {
		return netip.Addr{}, nil
	}
	plain, err := unlabelled(text)
	if err != nil {
		return netip.Addr{}, err
	}
	address, err := netip.ParseAddr(plain)
	if err != nil {
		return ofInterface(plain, remote)
	}
	if address.Unmap().Is4() != remote.Unmap().Is4() {
		return netip.Addr{}, fmt.Errorf("the source address %s and %s are not of the same IP version", address, remote)
	}
	return address.Unmap(), nil
}

// unlabelled returns the IP address or interface that the text stands for.
func unlabelled(text string) (string, error) {
	plain := text
	for _, prefix := range labelPrefixes {
		label, isLabel := strings.CutPrefix(text, prefix)
		if !isLabel {
			continue
		}
		if !labelName.MatchString(label) {
			return "", fmt.Errorf("%.80q is not the name of a label: use letters, digits, - and _", label)
		}
		variable := Variable(label)
		plain = os.Getenv(variable)
		if plain == "" {
			return "", fmt.Errorf("label %.80q is not known here: register the plugin with the environment variable %s,"+
				" an IP address or a network interface", label, variable)
		}
		text = variable + "=" + plain
		break
	}
	if _, err := netip.ParseAddr(plain); err != nil && !interfaceName.MatchString(plain) {
		return "", fmt.Errorf("%.80q is neither an IP address nor the name of a network interface", text)
	}
	return plain, nil
}

// Variable returns the environment variable of a label: RADIUS_BIND_ and the name in
// capitals, with _ for -.
func Variable(label string) string {
	return "RADIUS_BIND_" + strings.ToUpper(strings.ReplaceAll(label, "-", "_"))
}

// ofInterface returns the first address of the interface that can reach the remote
// one: of the same IP version and, for IPv6, of the same scope.
func ofInterface(name string, remote netip.Addr) (netip.Addr, error) {
	device, err := net.InterfaceByName(name)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("source address %s: %w", name, err)
	}
	networks, err := device.Addrs()
	if err != nil {
		return netip.Addr{}, fmt.Errorf("source address %s: %w", name, err)
	}
	for _, network := range networks {
		prefix, err := netip.ParsePrefix(network.String())
		if err != nil {
			continue // not an IP address
		}
		address := prefix.Addr()
		if address.Is4() != remote.Unmap().Is4() || address.IsLinkLocalUnicast() != remote.IsLinkLocalUnicast() {
			continue
		}
		if address.IsLinkLocalUnicast() && address.Is6() {
			address = address.WithZone(name)
		}
		return address, nil
	}
	return netip.Addr{}, fmt.Errorf("source address: interface %s has no address that can reach %s", name, remote)
}
