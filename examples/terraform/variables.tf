variable "radius_host" {
  description = "The first RADIUS server."
  type        = string
  default     = "radius1.example.com"
}

variable "radius_secret" {
  description = "Secret shared with the RADIUS servers of the mount. It is not kept in the state."
  type        = string
  ephemeral   = true
  sensitive   = true
}

variable "radius_secret_version" {
  description = "Raise it by one whenever radius_secret has changed."
  type        = number
  default     = 1
}

variable "tokens_secret" {
  description = "Secret shared with the server of the source tokens. It IS kept in the state."
  type        = string
  sensitive   = true
}

variable "directory_ca" {
  description = "PEM certificates of the authorities that sign the certificates of the domain controllers."
  type        = string
}
