# The provider's resource owns what the built-in method has: the first server, the policies of
# users without an entry, and all token_ fields, each of which it writes every time.
resource "vault_radius_auth_backend" "config" {
  mount             = vault_auth_backend.radius.path
  host              = var.radius_host
  port              = 1812
  secret_wo         = var.radius_secret
  secret_wo_version = var.radius_secret_version
  dial_timeout      = 5
  read_timeout      = 45

  unregistered_user_policies = [vault_policy.guest.name]

  token_ttl         = 900
  token_max_ttl     = 28800
  token_policies    = ["default"]
  token_bound_cidrs = ["10.0.0.0/8", "192.0.2.0/24"]
}

# The generic endpoint owns all other fields of the same path, and none of those above.
resource "vault_generic_endpoint" "config" {
  path                 = "auth/${vault_auth_backend.radius.path}/config"
  ignore_absent_fields = true # a read shows every field, those above too
  disable_delete       = true # to delete the path is to delete the whole config

  data_json = jsonencode({
    nas_identifier        = "vault"
    message_authenticator = "required"
    renewal               = "recheck"
    hosts                 = [{ host = "radius2.example.com" }, { host = "radius3.example.com", port = 1645 }]
    strategy              = "failover"
    response_window       = 10
    lockout_threshold     = 5
    lockout_duration      = 900
    group_attributes      = ["Filter-Id", "Class"]
    request_attributes    = [{ attribute = "Connect-Info", value = "Vault" }]
    send_client_address   = true
  })

  depends_on = [vault_radius_auth_backend.config]
}
