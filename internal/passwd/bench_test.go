package passwd

import "testing"

// A wrong password and an unknown user should take the same time.
func BenchmarkVerify(b *testing.B) {
	for name, settings := range map[string]Settings{"argon2id": {}, "bcrypt": {Algorithm: Bcrypt}} {
		hasher := newHasher(1)
		hash, err := hasher.Make(b.Context(), settings, horse)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name+"/wrong", func(b *testing.B) {
			for b.Loop() {
				if same, err := hasher.Verify(b.Context(), Caller{}, hash, "wrong horse"); err != nil || same {
					b.Fatal(same, err)
				}
			}
		})
		b.Run(name+"/dummy", func(b *testing.B) {
			for b.Loop() {
				if err := hasher.VerifyDummy(b.Context(), Caller{}, settings, "wrong horse"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
