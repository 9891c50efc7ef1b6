resource "proxmox_virtual_environment_pool" "logging" {
  pool_id = "logging"
  comment = "Logging, ${local.changed}"
}

resource "proxmox_virtual_environment_pool" "empty" {
  pool_id = "scratch"
}

resource "proxmox_virtual_environment_role" "ops" {
  role_id    = "Ops"
  privileges = var.cores == 2 ? ["VM.Audit", "VM.PowerMgmt"] : ["VM.Audit", "VM.PowerMgmt", "VM.Console"]
}

resource "proxmox_virtual_environment_group" "ops" {
  group_id = "ops"
  comment  = "Operators, ${local.changed}"

  acl {
    path      = "/pool/${proxmox_virtual_environment_pool.logging.pool_id}"
    propagate = true
    role_id   = proxmox_virtual_environment_role.ops.role_id
  }
}

resource "proxmox_virtual_environment_user" "ann" {
  user_id         = "ann@pve"
  password        = "a-strong-password"
  comment         = "Ann, ${local.changed}"
  email           = "ann@lab.example"
  first_name      = "Ann"
  last_name       = "Other"
  groups          = [proxmox_virtual_environment_group.ops.group_id]
  expiration_date = "2034-01-01T22:00:00Z"

  acl {
    path      = "/vms"
    propagate = false
    role_id   = proxmox_virtual_environment_role.ops.role_id
  }
}

resource "proxmox_virtual_environment_user" "ci" {
  user_id = "ci@pve"
}

resource "proxmox_user_token" "ci" {
  user_id               = proxmox_virtual_environment_user.ci.user_id
  token_name            = "terraform"
  comment               = local.changed
  expiration_date       = "2033-01-01T22:00:00Z"
  privileges_separation = true
}

resource "proxmox_acl" "token" {
  token_id = proxmox_user_token.ci.id
  role_id  = "PVEVMAdmin"
  path     = "/vms"
}

resource "proxmox_virtual_environment_group" "auditors" {
  group_id = "auditors"
}

resource "proxmox_acl" "group" {
  group_id  = proxmox_virtual_environment_group.auditors.group_id
  role_id   = "PVEAuditor"
  path      = "/"
  propagate = true
}

resource "proxmox_realm_ldap" "directory" {
  realm     = "directory"
  server1   = "ldap.lab.example"
  port      = 389
  base_dn   = "ou=people,dc=lab,dc=example"
  user_attr = "uid"
  comment   = local.changed
}

resource "proxmox_realm_openid" "sso" {
  realm          = "sso"
  issuer_url     = "https://sso.lab.example"
  client_id      = "proxmox"
  client_key     = "a-secret"
  username_claim = "email"
  autocreate     = true
  comment        = local.changed
}
