package radiusauth

import (
	"encoding/base64"
	"errors"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// Whatever somebody gives for a challenge_id, it is refused as a mistake of
// theirs unless this mount has sealed it.
func FuzzChallengeID(f *testing.F) {
	storage := &logical.InmemStorage{}
	challenges, config := newChallengeCache(), defaultConfig()
	config.Host = "127.0.0.1"
	asked := &source{checker: &radiusChecker{servers: config.servers()}}
	if err := challenges.ensureKey(f.Context(), storage); err != nil {
		f.Fatal(err)
	}
	sealed, err := challenges.seal(f.Context(), storage, challengeState{Username: "carol", Host: "127.0.0.1:1812", Server: "127.0.0.1:1812", State: []byte("s"), Expires: time.Now().Add(time.Hour)})
	if err != nil {
		f.Fatal(err)
	}
	octets, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Add(sealed[:16])
	f.Add("")
	f.Add("?")
	f.Fuzz(func(t *testing.T, id string) {
		state, err := challenges.open(t.Context(), storage, id, "carol", asked, time.Now())
		if mistake := challengeError(""); err != nil && !errors.As(err, &mistake) {
			t.Fatalf("a fault: %v", err)
		}
		given, decodeErr := base64.RawURLEncoding.DecodeString(id)
		if err == nil && (decodeErr != nil || string(given) != string(octets) || state.Username != "carol") {
			t.Fatalf("opened %q", id)
		}
	})
}
