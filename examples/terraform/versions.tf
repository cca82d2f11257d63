terraform {
  required_version = ">= 1.11" # of Terraform or OpenTofu: write-only arguments

  required_providers {
    vault = {
      source  = "hashicorp/vault"
      version = ">= 5.10" # the first with the resources for RADIUS
    }
  }
}

# The address and the token come from VAULT_ADDR and VAULT_TOKEN.
provider "vault" {}
