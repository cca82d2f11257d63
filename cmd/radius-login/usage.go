package main

const usage = `Usage: radius-login [flags] [username=NAME]

Logs in at a mount of vault-plugin-auth-radius, and stores the token where Vault's
command line looks for it. Asks for the name if it is not given, for the password,
and for what the RADIUS server asks for besides: a one-time code, a confirmation.

    $ radius-login username=carol
    Password (will be hidden):
    Enter your one-time code
    Answer (will be hidden):

Where the server waits for a push to be confirmed, press Enter after that, or just
wait, as its message says. Ctrl-C ends a login, and leaves no token.

Without a terminal, the lines of standard input are the name, if it is not given,
the password, and an answer to each further question.

    $ radius-login -token-only username=carol < password-and-code.txt

Passwords and codes are no arguments: others could read them in the process list.

Flags:
  -username NAME      who logs in, as username=NAME
  -path PATH          where the method is enabled (radius)
  -attribute K=V      what profiles check of the client; more than once for more
  -address URL        address of Vault or OpenBao (VAULT_ADDR, https://127.0.0.1:8200)
  -namespace NAME     namespace of the mount (VAULT_NAMESPACE); also -ns
  -wrap-ttl DURATION  wrap the answer, such as 90s; the token is unwrapped to be stored,
                      and the wrapping token shown with -no-store and -token-only
  -no-store           do not store the token
  -no-print           do not show the token
  -token-only         print the token alone, and do not store it
  -format FORMAT      table, json or yaml (VAULT_FORMAT, table)
  -field NAME         print one field, such as token or token_accessor
  -version            print the version
  -h                  print this

Variables, as for vault: VAULT_ADDR, VAULT_NAMESPACE, VAULT_CACERT, VAULT_CAPATH,
VAULT_CLIENT_CERT, VAULT_CLIENT_KEY, VAULT_TLS_SERVER_NAME, VAULT_SKIP_VERIFY,
VAULT_WRAP_TTL, VAULT_FORMAT, VAULT_CONFIG_PATH and others. A BAO_ variable of that
name, such as BAO_ADDR, goes before it. Of OpenBao's ~/.bao a token helper is taken if
BAO_CONFIG_PATH names the file. VAULT_CLIENT_TIMEOUT (60s) is how long a step may take:
a push has to be confirmed in it. Nothing is sent twice, whatever VAULT_MAX_RETRIES says.

Exit codes: 0 logged in; 1 the command line, standard input or the token helper is
wrong; 2 refused, not answered, or Vault is not reached; 130 Ctrl-C.
`
