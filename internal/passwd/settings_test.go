package passwd

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSettingsWithinBoundsAreTaken(t *testing.T) {
	t.Parallel()
	for _, settings := range []Settings{
		{},
		{Cost: 1},
		{Cost: 10},
		{Algorithm: Argon2id},
		{Algorithm: Argon2id, Cost: 10},
		{Algorithm: Bcrypt},
		{Algorithm: Bcrypt, Cost: 10},
		{Algorithm: Bcrypt, Cost: 15},
	} {
		require.NoError(t, settings.Check(), "%+v", settings)
	}
}

func TestSettingsOutOfBoundsAreRefusedWithAdvice(t *testing.T) {
	t.Parallel()
	for advice, refused := range map[string][]Settings{
		"use argon2id or bcrypt":  {{Algorithm: SSHA256}, {Algorithm: Argon2i}, {Algorithm: NT}, {Algorithm: "scrypt", Cost: 12}},
		"use 1 to 10, or 0 for 2": {{Cost: -1}, {Cost: 11}, {Algorithm: Argon2id, Cost: 12}},
		"use 10 to 15, or 0 for 12": {
			{Algorithm: Bcrypt, Cost: -1}, {Algorithm: Bcrypt, Cost: 9}, {Algorithm: Bcrypt, Cost: 16},
		},
	} {
		for _, settings := range refused {
			var inputError InputError
			require.ErrorAs(t, settings.Check(), &inputError)
			require.ErrorContains(t, inputError, advice)

			hasher := newHasher(1)
			_, err := hasher.Make(t.Context(), settings, horse)
			require.Equal(t, inputError, err)
			require.Equal(t, error(inputError), hasher.VerifyDummy(t.Context(), Caller{}, settings, horse))
			require.Zero(t, hasher.Computed())
		}
	}
}

// argon2idOf and bcryptOf are the shapes of what is made at a cost.
func argon2idOf(passes int) string {
	return fmt.Sprintf(`^\$argon2id\$v=19\$m=19456,t=%d,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`, passes)
}

func bcryptOf(cost int) string {
	return fmt.Sprintf(`^\$2b\$%d\$[./A-Za-z0-9]{53}$`, cost)
}

func TestHashesAreMadeOfArgon2idWithTwoPassesUnlessTold(t *testing.T) {
	t.Parallel()
	hash, err := newHasher(1).Make(t.Context(), Settings{}, horse)
	require.NoError(t, err)
	require.Regexp(t, argon2idOf(2), hash.Text())
}

// An unknown user costs what a known one does.
func TestNothingHasTheCostsOfMadeHashes(t *testing.T) {
	t.Parallel()
	for settings, shape := range map[Settings]string{
		{}:                              argon2idOf(2),
		{Cost: 1}:                       argon2idOf(1),
		{Algorithm: Argon2id, Cost: 10}: argon2idOf(10),
		{Algorithm: Bcrypt}:             bcryptOf(12),
		{Algorithm: Bcrypt, Cost: 10}:   bcryptOf(10),
	} {
		dummy, err := settings.withDefaults().dummy()
		require.NoError(t, err)
		require.Regexp(t, shape, dummy.Text())
	}
}

func TestEverySettingHasANothing(t *testing.T) {
	t.Parallel()
	for algorithm, costs := range costLimits {
		for cost := costs.least; cost <= costs.most; cost += max(1, (costs.most-costs.least)/10) {
			settings := Settings{Algorithm: algorithm, Cost: cost}
			require.NoError(t, settings.Check())
			dummy, err := settings.dummy()
			require.NoError(t, err)
			require.Equal(t, algorithm, dummy.Scheme())
		}
	}
}
