resource "vault_policy" "guest" {
  name   = "guest"
  policy = "path \"secret/data/guest/*\" { capabilities = [\"read\"] }"
}

resource "vault_policy" "staging" {
  name   = "staging"
  policy = "path \"secret/data/staging/*\" { capabilities = [\"read\", \"list\"] }"
}

resource "vault_policy" "production" {
  name   = "production"
  policy = "path \"secret/data/production/*\" { capabilities = [\"read\"] }"
}
