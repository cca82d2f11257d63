# A write to a name that there is not, with a type, creates the source.
resource "vault_generic_endpoint" "corp" {
  path                 = "auth/${vault_auth_backend.radius.path}/extauth/corp"
  ignore_absent_fields = true

  data_json = jsonencode({
    type      = "ad"
    host      = "dc1.corp.example.com,dc2.corp.example.com" # one text, as a read shows it
    ad_domain = "corp.example.com"
    realms    = ["corp.example.com", "corp"]
    ssl       = true
    ssl_cert  = var.directory_ca
  })
}

resource "vault_generic_endpoint" "tokens" {
  path                 = "auth/${vault_auth_backend.radius.path}/extauth/tokens"
  ignore_absent_fields = true
  write_fields         = ["id"]

  data_json = jsonencode({
    type         = "radius"
    host         = "tokens.example.com"
    nasid        = "vault"
    secret       = var.tokens_secret # no read shows it: a change elsewhere is not noticed
    read_timeout = 60
    retransmit   = "never"
  })
}
