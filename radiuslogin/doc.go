// Package radiuslogin logs programs in at a mount of vault-plugin-auth-radius, with a password
// and with what the RADIUS server asks for besides: one-time codes, pushes, in any number of
// steps. A [Method] is an api.AuthMethod of github.com/hashicorp/vault/api:
//
//	secret, err := client.Auth().Login(ctx, &radiuslogin.Method{
//		Username: "carol",
//		Password: radiuslogin.Text(password),
//		Answer:   askTheUser,
//	})
//
// It works at a mount of Vault's built-in method, too, which has no challenges. It imports no more
// than vault/api does.
//
// # What is sent, and how often
//
// A login is sent by a copy of the caller's client, without its token and without retries,
// whatever VAULT_MAX_RETRIES says: a request that is sent again is another Access-Request, and
// another push to a phone. The namespace, headers, time limit, TLS, response wrapping, credentials
// for Vault's login MFA and the policy override of the client are kept; callbacks for requests and
// responses are not called. The time limit of the client (60 s, VAULT_CLIENT_TIMEOUT) is for each
// request: let it be longer than a user takes to confirm a push.
//
// # Vault's login MFA
//
// Where Vault enforces a method of its own on the mount, the secret has an Auth.MFARequirement
// and no token. Then log in with Auth().MFALogin, and complete it with Auth().MFAValidate.
package radiuslogin
