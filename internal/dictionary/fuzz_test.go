package dictionary

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"layeh.com/radius"
)

// Whatever the text of a dictionary is, it is read or refused with a line of
// it; what was read can be read again.
func FuzzExtend(f *testing.F) {
	base, err := newDictionary(0).Extend("ATTRIBUTE User-Name 1 string\n" +
		"ATTRIBUTE Tunnel-Type 64 integer has_tag\nATTRIBUTE Box 173 tlv\nVENDOR Cisco 9\n" +
		"VENDOR USR 429 format=4,0")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(customText)
	f.Add("VENDOR A 7 format=1,1,c\nBEGIN-VENDOR A\nATTRIBUTE B 1 tlv\nATTRIBUTE C 1.1 octets[8] encrypt=2\nEND-VENDOR A")
	f.Add("BEGIN-TLV Box\nATTRIBUTE D 1 tlv\nBEGIN-TLV D\nATTRIBUTE E 1 date\nEND-TLV D\nEND-TLV Box\nVALUE Tunnel-Type X 0x0d")
	f.Add("$INCLUDE x")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := base.Extend(text)
		if err != nil {
			syntaxError := &SyntaxError{}
			if !errors.As(err, &syntaxError) || syntaxError.Line < 1 || syntaxError.Line > 1+strings.Count(text, "\n") {
				t.Fatalf("%v", err)
			}
			return
		}
		if _, err := d.Extend(text); err != nil {
			t.Fatalf("not read again: %v", err)
		}
		for key, a := range d.names {
			if found, ok := d.Lookup(a.Name); !ok || found != a || key != strings.ToLower(a.Name) {
				t.Fatalf("%s is not found", a.Name)
			}
			if a.room == 0 || a.room > maxLongLen {
				t.Fatalf("%s has room for %d octets", a.Name, a.room)
			}
			_, _ = a.ParseValue("1")
		}
	})
}

// Whatever a packet holds, what is read of it is the same once it is written
// and read again.
func FuzzDecode(f *testing.F) {
	for _, vector := range []string{
		"0107616c696365 3d0600000005 40060100000d 510601313030 610a003020010db80001",
		"1a190000000901137368656c6c3a707269762d6c766c3d3135 1a11 000060b5 010b00 0105312e32 020301",
		"f50601806162 f60601806162 f50601006364 f10701 00000001 f50a1a0000002c5002ff",
		"45150180013ad07123647f4948b827b06bb2ba15f3 1a2a000001371024800207c042e2f88005882941eb70e5cc64d8946edcf5f0e7c5d6d949c19bc1fee52c",
		"0212fe8b65a61bfd7a1a104607240014828b 1a0e 000001ad 0000bfbe 00000007 ad0e 010600000008 0306c0000201",
		"1a11 000060b5 1c0b00 0b08 0306 00000006 4f0461620106616c69634f0463644f046566",
	} {
		attributes := parseWire(f, vector)
		octets, err := (&radius.Packet{Code: radius.CodeAccessAccept, Attributes: attributes}).MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(octets[20:], false)
		f.Add(octets[20:], true)
	}
	f.Fuzz(func(t *testing.T, octets []byte, plain bool) {
		attributes, err := radius.ParseAttributes(octets)
		if err != nil {
			return
		}
		keys := vectorKeys
		keys.Plain = plain
		items := Standard().Decode(attributes, keys)
		for _, item := range items {
			if !item.Attribute.fits(item.Value) || item.Tag > maxTag {
				t.Fatalf("%s of %x, tag %d", item.Attribute.Name, item.Value, item.Tag)
			}
			_ = item.Attribute.PrintValue(item.Value)
		}
		written, err := Standard().Encode(items, keys)
		if err != nil {
			if encodeError := (&EncodeError{}); !errors.As(err, &encodeError) {
				t.Fatalf("%v", err)
			}
			return
		}
		again := Standard().Decode(written, keys)
		if !slices.EqualFunc(items, again, func(a, b Item) bool {
			return a.Attribute.Name == b.Attribute.Name && a.Tag == b.Tag && bytes.Equal(a.Value, b.Value)
		}) {
			t.Fatalf("%q became %q", texts(items), texts(again))
		}
	})
}

// Whatever is a value of an attribute is printed so that it can be read again.
func FuzzParseValue(f *testing.F) {
	types := []string{
		"User-Name", "Class", "NAS-Port-Type", "Tunnel-Type", "WiMAX-Accounting-Capabilities", "PKM-SAID",
		"MIP6-Feature-Vector", "WiMAX-GMT-Timezone-offset", "NAS-IP-Address", "NAS-IPv6-Address",
		"WiMAX-DHCPv4-Server", "PMIP6-Home-IPv4-HoA", "Framed-IPv6-Prefix", "Framed-Interface-Id",
		"DHCP-Client-Hardware-Address", "Event-Timestamp", "Ascend-Data-Filter", "WiMAX-Capability",
	}
	for i, text := range []string{
		"alice", "0x6162", "Virtual", "VLAN", "0x10", "65535", "18446744073709551615", "-1", "192.0.2.1/32", "2001:db8::1",
		"::ffff:192.0.2.1", "10.0.0.0/8", "2001:db8::/32", "0:0:0:1", "00:00:5e:00:53:01", "Jun  1 2021 10:00:00 UTC", "0x01", "0x010331",
	} {
		f.Add(byte(i), text) // #nosec G115 -- there are few
	}
	f.Fuzz(func(t *testing.T, which byte, text string) {
		a, _ := Standard().Lookup(types[int(which)%len(types)])
		value, err := a.ParseValue(text)
		if err != nil {
			return
		}
		if !a.fits(value) || len(value) > maxValueLen {
			t.Fatalf("%s %q became %x", a.Name, text, value)
		}
		if again, err := a.ParseValue(a.PrintValue(value)); err != nil || !bytes.Equal(value, again) {
			t.Fatalf("%s %q became %x, printed %q: %v", a.Name, text, value, a.PrintValue(value), err)
		}
	})
}
