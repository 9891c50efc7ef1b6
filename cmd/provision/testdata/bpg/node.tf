resource "proxmox_virtual_environment_dns" "node" {
  node_name = var.node
  domain    = "lab.example"
  servers   = ["10.20.30.1", "10.20.30.2"]
}

resource "proxmox_virtual_environment_hosts" "node" {
  node_name = var.node

  entry {
    address   = "127.0.0.1"
    hostnames = ["localhost", "localhost.localdomain"]
  }
  entry {
    address   = "10.20.30.9"
    hostnames = ["metrics"]
  }
}

resource "proxmox_virtual_environment_time" "node" {
  node_name = var.node
  time_zone = var.cores == 2 ? "Europe/Berlin" : "UTC"
}

resource "proxmox_node_config" "node" {
  node_name   = var.node
  description = local.changed
}

resource "proxmox_network_linux_vlan" "lab" {
  node_name = var.node
  name      = "eno1.99"
  comment   = local.changed
}

resource "proxmox_network_linux_bridge" "lab" {
  node_name  = var.node
  name       = "vmbr99"
  address    = "10.99.0.1/24"
  ports      = [proxmox_network_linux_vlan.lab.name]
  vlan_aware = true
  comment    = "Lab"
}

resource "proxmox_sdn_zone_simple" "lab" {
  id    = "lab"
  nodes = [var.node]
  mtu   = 1500
}

resource "proxmox_sdn_zone_vlan" "vlans" {
  id     = "vlans"
  bridge = "vmbr0"
}

resource "proxmox_sdn_vnet" "lab" {
  id    = "labnet"
  zone  = proxmox_sdn_zone_simple.lab.id
  alias = local.changed
}

resource "proxmox_sdn_vnet" "tagged" {
  id   = "vlan40"
  zone = proxmox_sdn_zone_vlan.vlans.id
  tag  = 40
}

resource "proxmox_sdn_subnet" "lab" {
  vnet    = proxmox_sdn_vnet.lab.id
  cidr    = "10.98.0.0/24"
  gateway = "10.98.0.1"
  snat    = true
}

resource "proxmox_sdn_applier" "all" {
  depends_on = [proxmox_sdn_subnet.lab, proxmox_sdn_vnet.tagged]
}

resource "proxmox_apt_standard_repository" "free" {
  node   = var.node
  handle = "no-subscription"
}

resource "proxmox_apt_repository" "enterprise" {
  node      = var.node
  file_path = "/etc/apt/sources.list.d/pve-enterprise.sources"
  index     = 0
  enabled   = false
}

resource "proxmox_network_linux_bond" "bond" {
  node_name = var.node
  name      = "bond0"
  slaves    = ["eno1"]
  bond_mode = "active-backup"
}
