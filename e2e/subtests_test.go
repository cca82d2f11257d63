package e2e

import "testing"

// run runs a subtest, to which the helpers of v report meanwhile. Tests of a shared Vault run one
// after the other.
func (v *vaultServer) run(t *testing.T, name string, test func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		outer := v.t
		v.t = t
		defer func() { v.t = outer }()
		test(t)
	})
}

// freeRADIUSFixture is a Vault and a FreeRADIUS that keeps its users and sessions in it.
type freeRADIUSFixture struct {
	vault    *vaultServer
	frontend *frontend
}

// run runs a subtest, to which the helpers of the Vault and of the frontend report meanwhile.
func (fixture *freeRADIUSFixture) run(t *testing.T, name string, test func(t *testing.T, v *vaultServer, f *frontend)) {
	t.Helper()
	fixture.vault.run(t, name, func(t *testing.T) {
		outer := fixture.frontend.t
		fixture.frontend.t = t
		defer func() { fixture.frontend.t = outer }()
		test(t, fixture.vault, fixture.frontend)
	})
}
