resource "proxmox_haresource" "docker" {
  resource_id  = "vm:${proxmox_virtual_environment_vm.docker.vm_id}"
  state        = "started"
  comment      = local.changed
  max_restart  = 2
  max_relocate = 1
}

resource "proxmox_haresource" "gateway" {
  resource_id = "ct:${proxmox_virtual_environment_container.gateway.vm_id}"
}

resource "proxmox_harule" "prefer" {
  rule      = "prefer-first"
  type      = "node-affinity"
  comment   = local.changed
  resources = [proxmox_haresource.docker.resource_id]
  nodes     = { (var.node) = 2 }
  strict    = false
}

resource "proxmox_harule" "apart" {
  rule      = "apart"
  type      = "resource-affinity"
  affinity  = "negative"
  resources = [proxmox_haresource.docker.resource_id, proxmox_haresource.gateway.resource_id]
}

resource "proxmox_backup_job" "nightly" {
  id             = "nightly"
  schedule       = "*-*-* 02:00"
  storage        = "local"
  all            = true
  mode           = "snapshot"
  compress       = "zstd"
  notes_template = "{{guestname}}, ${local.changed}"
  prune_backups  = { keep-daily = "7", keep-weekly = "4" }
  fleecing       = { enabled = true, storage = "local-zfs" }
}

resource "proxmox_backup_job" "some" {
  id       = "some"
  schedule = "sat 03:30"
  storage  = "local"
  vmid     = [tostring(proxmox_virtual_environment_container.gateway.vm_id)]
  enabled  = false
}

resource "proxmox_cluster_options" "options" {
  language                  = "en"
  keyboard                  = "de"
  email_from                = "pve@lab.example"
  bandwidth_limit_migration = 555555
  max_workers               = var.cores
  mac_prefix                = "BC:24:11"
  migration_type            = "secure"
  description               = "The lab, ${local.changed}"
  next_id = {
    lower = 100
    upper = 9999
  }
  notify = {
    package_updates = "always"
  }
}

resource "proxmox_metrics_server" "influx" {
  name   = "influx"
  server = "10.20.30.9"
  port   = 8089
  type   = "influxdb"
  mtu    = 1400 + var.cores
}

resource "proxmox_metrics_server" "graphite" {
  name           = "graphite"
  server         = "10.20.30.9"
  port           = 2003
  type           = "graphite"
  graphite_proto = "tcp"
}

resource "proxmox_storage_directory" "backups" {
  id      = "backups"
  path    = "/srv/backups"
  nodes   = [var.node]
  content = var.cores == 2 ? ["backup"] : ["backup", "iso"]

  backups {
    max_protected_backups = 5
    keep_daily            = 7
  }
}

resource "proxmox_storage_zfspool" "fast" {
  id             = "fast"
  zfs_pool       = "rpool/fast"
  content        = ["images", "rootdir"]
  thin_provision = true
  blocksize      = "16k"
}

resource "proxmox_storage_lvmthin" "thin" {
  id           = "thin"
  volume_group = "vg0"
  thin_pool    = "data"
  content      = ["images"]
}

resource "proxmox_hardware_mapping_pci" "gpu" {
  name    = "gpu"
  comment = local.changed
  map = [{
    id           = "8086:5916"
    iommu_group  = 0
    node         = var.node
    path         = "0000:00:02.0"
    subsystem_id = "8086:2068"
  }]
}

resource "proxmox_hardware_mapping_usb" "stick" {
  name = "stick"
  map = [{
    id   = "8087:0a2b"
    node = var.node
    path = "1-8.2"
  }]
}

resource "proxmox_hardware_mapping_dir" "media" {
  name = "media"
  map  = [{ node = var.node, path = "/srv/media" }]
}

resource "proxmox_storage_nfs" "media" {
  id      = "media"
  server  = "10.20.30.9"
  export  = "/srv/media"
  content = ["iso"]
}

resource "proxmox_storage_cifs" "share" {
  id       = "share"
  server   = "10.20.30.9"
  share    = "share"
  username = "pve"
  password = "a-strong-password"
  content  = ["backup"]
}

resource "proxmox_storage_pbs" "pbs" {
  id          = "pbs"
  server      = "10.20.30.9"
  datastore   = "homelab"
  username    = "pve@pbs"
  password    = "a-strong-password"
  fingerprint = join(":", [for i in range(32) : "AB"])
  content     = ["backup"]
}

resource "proxmox_storage_lvm" "lvm" {
  id           = "lvm"
  volume_group = "vg1"
  content      = ["images"]
}
