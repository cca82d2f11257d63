# What Prometheus may do: read the metrics of one mount, nothing else. A mount elsewhere has
# its own path here; path "auth/+/metrics" would be those of all mounts of one segment.

path "auth/radius/metrics" {
  capabilities = ["read"]
}
