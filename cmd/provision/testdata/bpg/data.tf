data "proxmox_virtual_environment_version" "all" {}
data "proxmox_virtual_environment_nodes" "all" {}
data "proxmox_virtual_environment_node" "one" { node_name = var.node }
data "proxmox_virtual_environment_datastores" "all" { node_name = var.node }
data "proxmox_virtual_environment_dns" "node" { node_name = var.node }
data "proxmox_virtual_environment_hosts" "node" { node_name = var.node }
data "proxmox_virtual_environment_time" "node" { node_name = var.node }
data "proxmox_virtual_environment_users" "all" {}
data "proxmox_virtual_environment_groups" "all" {}
data "proxmox_virtual_environment_roles" "all" {}
data "proxmox_virtual_environment_pools" "all" {}
data "proxmox_virtual_environment_role" "admin" { role_id = "Administrator" }
data "proxmox_virtual_environment_user" "root" { user_id = "root@pam" }
data "proxmox_virtual_environment_pool" "logging" { pool_id = proxmox_virtual_environment_pool.logging.pool_id }
data "proxmox_virtual_environment_group" "ops" { group_id = proxmox_virtual_environment_group.ops.group_id }
data "proxmox_virtual_environment_vms" "all" { depends_on = [proxmox_virtual_environment_vm.docker] }
data "proxmox_virtual_environment_containers" "all" { depends_on = [proxmox_virtual_environment_container.gateway] }
data "proxmox_virtual_environment_vm" "docker" {
  node_name = var.node
  vm_id     = proxmox_virtual_environment_vm.docker.vm_id
}
data "proxmox_virtual_environment_container" "gateway" {
  node_name = var.node
  vm_id     = proxmox_virtual_environment_container.gateway.vm_id
}
data "proxmox_vm" "docker" {
  node_name = var.node
  id        = proxmox_virtual_environment_vm.docker.vm_id
}
data "proxmox_files" "templates" {
  node_name    = var.node
  datastore_id = "local"
  content_type = "vztmpl"
  depends_on   = [proxmox_download_file.debian]
}
data "proxmox_file" "debian" {
  node_name    = var.node
  datastore_id = "local"
  content_type = "vztmpl"
  file_name    = proxmox_download_file.debian.file_name
}
data "proxmox_backup_jobs" "all" { depends_on = [proxmox_backup_job.nightly] }
data "proxmox_haresources" "all" { depends_on = [proxmox_haresource.docker] }
data "proxmox_haresource" "docker" { resource_id = proxmox_haresource.docker.resource_id }
data "proxmox_hardware_mappings" "pci" {
  type       = "pci"
  check_node = var.node
  depends_on = [proxmox_hardware_mapping_pci.gpu]
}
data "proxmox_hardware_pci" "all" { node_name = var.node }
data "proxmox_metrics_server" "influx" { name = proxmox_metrics_server.influx.name }
data "proxmox_node_config" "node" {
  node_name  = var.node
  depends_on = [proxmox_node_config.node]
}
data "proxmox_replications" "all" {}
data "proxmox_sdn_zones" "all" { depends_on = [proxmox_sdn_applier.all] }
data "proxmox_sdn_vnets" "all" { depends_on = [proxmox_sdn_applier.all] }
data "proxmox_acme_accounts" "all" {}
data "proxmox_acme_plugins" "all" {}
data "proxmox_apt_repository" "main" {
  node      = var.node
  file_path = "/etc/apt/sources.list.d/debian.sources"
  index     = 0
}

output "template_volume" { value = one([for f in data.proxmox_files.templates.files : f.id if f.file_name == proxmox_download_file.debian.file_name]) }
output "guests" { value = [for v in data.proxmox_virtual_environment_vms.all.vms : v.vm_id] }
output "address" { value = proxmox_virtual_environment_vm.docker.ipv4_addresses }
output "token" {
  value     = proxmox_user_token.ci.value
  sensitive = true
}
