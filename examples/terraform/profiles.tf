# A write replaces the whole profile: what is left out here has its default.
resource "vault_generic_endpoint" "office" {
  path                 = "auth/${vault_auth_backend.radius.path}/profiles/office"
  ignore_absent_fields = true

  data_json = jsonencode({
    name        = "Office hours"
    description = "Mondays to Fridays, an hour for each token"
    policies    = [vault_policy.staging.name]
    check_attribute = [
      { attribute = "Login-Time", op = ":=", value = "Wk0700-1900" },
    ]
    reply_attribute = [
      { attribute = "Session-Timeout", op = ":=", value = "3600" }, # a text, also of a number
    ]
  })
}

resource "vault_generic_endpoint" "admins" {
  path                 = "auth/${vault_auth_backend.radius.path}/profiles/admins"
  ignore_absent_fields = true

  data_json = jsonencode({
    name     = "Administrators"
    policies = sort([vault_policy.staging.name, vault_policy.production.name])
    check_attribute = [
      { attribute = "reply:Group", op = "==", value = "Vault Admins" },
    ]
  })
}
