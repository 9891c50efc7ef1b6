resource "proxmox_virtual_environment_cluster_firewall" "cluster" {
  enabled        = true
  ebtables       = false
  input_policy   = "ACCEPT"
  output_policy  = "ACCEPT"
  forward_policy = "ACCEPT"

  log_ratelimit {
    enabled = true
    burst   = var.cores == 2 ? 10 : 20
    rate    = "5/second"
  }
}

resource "proxmox_node_firewall" "node" {
  node_name       = var.node
  enabled         = true
  log_level_in    = var.cores == 2 ? "info" : "warning"
  smurf_log_level = "info"
}

resource "proxmox_virtual_environment_firewall_alias" "office" {
  name    = "office"
  cidr    = "10.20.0.0/16"
  comment = local.changed
}

resource "proxmox_virtual_environment_firewall_alias" "bare" {
  name = "bare"
  cidr = "10.9.9.9"
}

resource "proxmox_virtual_environment_firewall_ipset" "trusted" {
  name    = "trusted"
  comment = "Trusted"

  cidr {
    name    = "10.1.0.0/16"
    comment = "first"
  }
  cidr {
    name    = "10.1.2.0/24"
    nomatch = true
  }
  cidr {
    name = "dc/${proxmox_virtual_environment_firewall_alias.office.name}"
  }
}

resource "proxmox_virtual_environment_cluster_firewall_security_group" "internal" {
  name    = "internal-access"
  comment = "SSH and ICMP, ${local.changed}"

  rule {
    type    = "in"
    action  = "ACCEPT"
    comment = "SSH"
    proto   = "tcp"
    dport   = "22"
    source  = local.rfc1918
    log     = "info"
  }
  rule {
    type   = "in"
    action = "ACCEPT"
    proto  = "icmp"
    source = "+${proxmox_virtual_environment_firewall_ipset.trusted.name}"
  }
  rule {
    type   = "in"
    action = "ACCEPT"
    proto  = "vrrp"
  }
  rule {
    type   = "in"
    action = "ACCEPT"
    macro  = "Ping"
    source = "dc/${proxmox_virtual_environment_firewall_alias.office.name}"
  }
}

resource "proxmox_virtual_environment_cluster_firewall_security_group" "syslog" {
  name = "syslog"

  rule {
    type   = "in"
    action = "ACCEPT"
    proto  = "udp"
    dport  = "514,1514:1518"
    source = local.rfc1918
  }
  rule {
    type   = "out"
    action = "ACCEPT"
    dest   = "10.0.0.5,10.0.0.7-10.0.0.9"
  }
  dynamic "rule" {
    for_each = var.cores == 2 ? [] : [1]
    content {
      type    = "in"
      action  = "REJECT"
      enabled = false
      proto   = "tcp"
      dport   = "8080"
      sport   = "1024:65535"
    }
  }
}

resource "proxmox_virtual_environment_firewall_rules" "cluster" {
  rule {
    type    = "in"
    action  = "ACCEPT"
    proto   = "tcp"
    dport   = "8006"
    comment = local.changed
  }
  rule {
    type   = "forward"
    action = "DROP"
    source = "10.66.0.0/16"
  }
}

resource "proxmox_virtual_environment_firewall_rules" "node" {
  node_name = var.node

  rule {
    type   = "in"
    action = "ACCEPT"
    macro  = "SSH"
    iface  = "vmbr0"
  }
  rule {
    security_group = proxmox_virtual_environment_cluster_firewall_security_group.internal.name
  }
}

resource "proxmox_virtual_environment_firewall_options" "gateway" {
  node_name     = var.node
  container_id  = proxmox_virtual_environment_container.gateway.vm_id
  enabled       = true
  input_policy  = "DROP"
  output_policy = var.cores == 2 ? "DROP" : "ACCEPT"
  log_level_in  = "warning"
  log_level_out = "warning"
}

resource "proxmox_virtual_environment_firewall_rules" "gateway" {
  node_name    = var.node
  container_id = proxmox_virtual_environment_container.gateway.vm_id

  rule {
    security_group = proxmox_virtual_environment_cluster_firewall_security_group.internal.name
    comment        = "From anywhere inside"
    iface          = "net0"
  }
  rule {
    security_group = proxmox_virtual_environment_cluster_firewall_security_group.syslog.name
  }
  rule {
    type   = "out"
    action = "ACCEPT"
    proto  = "tcp"
    dport  = "8088"
    dest   = "10.20.30.200"
  }
}

resource "proxmox_virtual_environment_firewall_alias" "guest" {
  node_name = var.node
  vm_id     = proxmox_virtual_environment_vm.docker.vm_id
  name      = "peer"
  cidr      = "10.20.30.7"
}

resource "proxmox_virtual_environment_firewall_ipset" "guest" {
  node_name = var.node
  vm_id     = proxmox_virtual_environment_vm.docker.vm_id
  name      = "ipfilter-net0"

  cidr {
    name = "10.20.30.251"
  }
}

resource "proxmox_virtual_environment_firewall_options" "docker" {
  node_name    = var.node
  vm_id        = proxmox_virtual_environment_vm.docker.vm_id
  enabled      = true
  dhcp         = true
  ipfilter     = true
  input_policy = "REJECT"
}

resource "proxmox_virtual_environment_firewall_rules" "docker" {
  node_name = var.node
  vm_id     = proxmox_virtual_environment_vm.docker.vm_id

  rule {
    type   = "in"
    action = "ACCEPT"
    proto  = "ipv6-icmp"
  }
  rule {
    type   = "in"
    action = "ACCEPT"
    source = "guest/${proxmox_virtual_environment_firewall_alias.guest.name}"
  }
}
