# The plugin is registered under the name "radius": the provider's resources go by the type.
resource "vault_auth_backend" "radius" {
  type        = "radius"
  path        = "radius"
  description = "RADIUS, directories and local users"

  tune {
    listing_visibility = "unauth"
  }
}
