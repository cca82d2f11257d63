# Users with policies, and nothing else: the provider's resource.
locals {
  users = {
    bob   = [vault_policy.staging.name]
    carol = [vault_policy.production.name, vault_policy.staging.name]
  }
}

resource "vault_radius_auth_backend_user" "user" {
  for_each = local.users

  mount    = vault_auth_backend.radius.path
  username = each.key
  policies = each.value

  depends_on = [vault_generic_endpoint.config] # the config says which names are one
}

# Users with more: the generic endpoint, which then owns their policies, too.
resource "vault_generic_endpoint" "alice" {
  path                 = "auth/${vault_auth_backend.radius.path}/users/alice@corp.example.com"
  ignore_absent_fields = true

  data_json = jsonencode({
    policies   = sort([vault_policy.staging.name, vault_policy.guest.name])
    profiles   = ["office", "admins"]
    expires_at = "2034-12-31T23:00:00Z"
    email      = "alice@corp.example.com"
    metadata   = { team = "platform" }
  })

  depends_on = [
    vault_generic_endpoint.config,
    vault_generic_endpoint.corp, # whose realm the name has
    vault_generic_endpoint.office,
    vault_generic_endpoint.admins,
  ]
}

# A local user. The password is set beside Terraform, once, and stays out of the state:
#   vault patch auth/radius/users/operator password=@password.txt
resource "vault_generic_endpoint" "operator" {
  path                 = "auth/${vault_auth_backend.radius.path}/users/operator"
  ignore_absent_fields = true

  data_json = jsonencode({
    policies = [vault_policy.production.name]
    extauth  = "local"
    enabled  = true
  })

  depends_on = [vault_generic_endpoint.config]
}
