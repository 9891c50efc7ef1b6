# A homelab as its owner would declare it for Terraform's provider bpg/proxmox. It is applied
# to `provision simulate`; endpoint and credentials come from PROXMOX_VE_* variables.
terraform {
  required_providers {
    proxmox = { source = "bpg/proxmox" }
  }
}

provider "proxmox" {
  insecure = true
}

variable "node" {
  type    = string
  default = "pve"
}

# cores is what a second apply changes, together with the other values that name it.
variable "cores" {
  type    = number
  default = 2
}

locals {
  rfc1918 = "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16"
  changed = var.cores == 2 ? "as first declared" : "changed in place"
  key     = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICZUzpX4Slhk8yygcPvyLScXJ4ZloIvSNbIxGixHH4fC ops@lab.example"
}
