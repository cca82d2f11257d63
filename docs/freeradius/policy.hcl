# What FreeRADIUS's token may do: vault policy write freeradius policy.hcl
path "auth/radius/freeradius/authorize" {
  capabilities = ["update"]
}
path "auth/radius/freeradius/postauth" {
  capabilities = ["update"]
}
path "auth/radius/freeradius/accounting" {
  capabilities = ["update"]
}
