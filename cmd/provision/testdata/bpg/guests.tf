resource "proxmox_download_file" "debian" {
  node_name    = var.node
  datastore_id = "local"
  content_type = "vztmpl"
  file_name    = "debian-13-standard_13.1-2_amd64.tar.zst"
  url          = "http://download.proxmox.com/images/system/debian-13-standard_13.1-2_amd64.tar.zst"
  overwrite    = false
}

resource "proxmox_download_file" "cloud" {
  node_name    = var.node
  datastore_id = "local"
  content_type = "import"
  file_name    = "debian-13-generic-amd64.qcow2"
  url          = "https://cloud.debian.org/images/cloud/trixie/latest/debian-13-generic-amd64.qcow2"
  overwrite    = false
}

resource "proxmox_virtual_environment_container" "gateway" {
  node_name     = var.node
  vm_id         = 175
  description   = "syslog-gateway\n${local.changed}"
  tags          = ["haproxy", "container", "terraform"]
  pool_id       = proxmox_virtual_environment_pool.logging.pool_id
  unprivileged  = true
  start_on_boot = true
  started       = true

  cpu {
    cores = var.cores
    units = 1024
  }
  memory {
    dedicated = 1024
    swap      = 512
  }
  disk {
    datastore_id = "local-zfs"
    size         = 8
  }
  mount_point {
    volume = "local-zfs"
    size   = "20G"
    path   = "/var/lib/syslog-gateway"
    backup = true
  }
  features {
    nesting = true
  }
  initialization {
    hostname = "gateway"
    dns {
      domain  = "lab.example"
      servers = ["10.20.30.1", "10.20.30.2"]
    }
    ip_config {
      ipv4 {
        address = "10.20.30.175/24"
        gateway = "10.20.30.1"
      }
    }
    ip_config {
      ipv4 {
        address = "dhcp"
      }
      ipv6 {
        address = "auto"
      }
    }
    user_account {
      keys     = [local.key]
      password = "a-strong-password"
    }
  }
  network_interface {
    name     = "eth0"
    bridge   = "vmbr0"
    firewall = true
  }
  network_interface {
    name    = "eth1"
    bridge  = "vmbr0"
    vlan_id = 20
    mtu     = 1500
  }
  operating_system {
    template_file_id = proxmox_download_file.debian.id
    type             = "debian"
  }
  startup {
    order      = "81"
    up_delay   = "30"
    down_delay = "30"
  }
  console {
    enabled   = true
    tty_count = 2
    type      = "tty"
  }
}

# A template of containers, and a container cloned from it.
resource "proxmox_virtual_environment_container" "base" {
  node_name    = var.node
  vm_id        = 9100
  template     = true
  unprivileged = true

  disk {
    datastore_id = "local-zfs"
    size         = 4
  }
  initialization {
    hostname = "base"
  }
  operating_system {
    template_file_id = proxmox_download_file.debian.id
    type             = "debian"
  }
}

resource "proxmox_virtual_environment_container" "clone" {
  node_name = var.node
  vm_id     = 176
  started   = false

  clone {
    vm_id = proxmox_virtual_environment_container.base.vm_id
  }
  initialization {
    hostname = "cloned"
    ip_config {
      ipv4 {
        address = "10.20.30.176/24"
        gateway = "10.20.30.1"
      }
    }
  }
  cpu {
    cores = var.cores
  }
  network_interface {
    name = "eth0"
  }
}

# The template of VMs, made of a cloud image.
resource "proxmox_virtual_environment_vm" "template" {
  node_name     = var.node
  vm_id         = 9000
  name          = "debian-13"
  template      = true
  started       = false
  scsi_hardware = "virtio-scsi-pci"

  agent {
    enabled = true
  }
  cpu {
    cores = 2
    type  = "x86-64-v2-AES"
  }
  memory {
    dedicated = 2048
  }
  disk {
    datastore_id = "local-zfs"
    interface    = "scsi0"
    import_from  = proxmox_download_file.cloud.id
    size         = 8
    discard      = "on"
    iothread     = true
  }
  network_device {
    bridge = "vmbr0"
  }
  operating_system {
    type = "l26"
  }
  serial_device {}
  vga {
    type = "serial0"
  }
}

resource "proxmox_virtual_environment_vm" "docker" {
  node_name   = var.node
  vm_id       = 250
  name        = "docker"
  description = "Docker host, ${local.changed}"
  tags        = ["docker", "terraform"]
  pool_id     = proxmox_virtual_environment_pool.logging.pool_id
  on_boot     = true

  clone {
    vm_id = proxmox_virtual_environment_vm.template.vm_id
    full  = true
  }
  agent {
    enabled = true
    trim    = true
    timeout = "10s"
  }
  cpu {
    cores = var.cores
    type  = "host"
    numa  = false
  }
  memory {
    dedicated = 4096
    floating  = 4096
  }
  disk {
    datastore_id = "local-zfs"
    interface    = "scsi0"
    size         = 32
    discard      = "on"
    iothread     = true
    file_format  = "raw"
  }
  disk {
    datastore_id = "local-zfs"
    interface    = "virtio1"
    size         = var.cores == 2 ? 10 : 12
    file_format  = "raw"
    backup       = false
    speed {
      read = 100
    }
  }
  initialization {
    datastore_id = "local-zfs"
    dns {
      domain  = "lab.example"
      servers = ["10.20.30.1"]
    }
    ip_config {
      ipv4 {
        address = "10.20.30.250/24"
        gateway = "10.20.30.1"
      }
    }
    user_account {
      username = "debian"
      password = "a-strong-password"
      keys     = [local.key]
    }
  }
  network_device {
    bridge   = "vmbr0"
    firewall = true
  }
  network_device {
    bridge  = "vmbr0"
    vlan_id = 30
    model   = "virtio"
  }
  operating_system {
    type = "l26"
  }
  startup {
    order    = "6"
    up_delay = "30"
  }
}

# A VM from nothing, with everything that a desktop with a passed-through card has.
resource "proxmox_virtual_environment_vm" "desktop" {
  node_name       = var.node
  vm_id           = 251
  name            = "desktop"
  bios            = "ovmf"
  machine         = "q35"
  scsi_hardware   = "virtio-scsi-single"
  tablet_device   = false
  keyboard_layout = "de"
  protection      = false
  started         = false
  on_boot         = false
  boot_order      = ["scsi0", "net0"]

  agent {
    enabled = false
  }
  audio_device {
    device = "intel-hda"
    driver = "spice"
  }
  cdrom {
    interface = "ide3"
    file_id   = "none"
  }
  cpu {
    cores   = 4
    sockets = 1
    type    = "host"
    flags   = ["+aes"]
    units   = 200
    limit   = 3
  }
  memory {
    dedicated = 8192
    shared    = 0
  }
  disk {
    datastore_id = "local-zfs"
    interface    = "scsi0"
    size         = 64
    ssd          = true
    discard      = "on"
    cache        = "writeback"
    aio          = "io_uring"
    serial       = "desktop0"
    replicate    = false
    file_format  = "raw"
  }
  efi_disk {
    datastore_id      = "local-zfs"
    type              = "4m"
    pre_enrolled_keys = true
    file_format       = "raw"
  }
  tpm_state {
    datastore_id = "local-zfs"
    version      = "v2.0"
  }
  network_device {
    bridge      = "vmbr0"
    model       = "e1000e"
    mac_address = "BC:24:11:00:00:51"
    mtu         = 1
    queues      = 2
    rate_limit  = 12.5
    trunks      = "10;20"
  }
  operating_system {
    type = "win11"
  }
  hostpci {
    device  = "hostpci0"
    mapping = proxmox_hardware_mapping_pci.gpu.name
    pcie    = true
    rombar  = true
    xvga    = false
  }
  usb {
    mapping = proxmox_hardware_mapping_usb.stick.name
    usb3    = true
  }
  rng {
    source    = "/dev/urandom"
    max_bytes = 1024
    period    = 1000
  }
  smbios {
    manufacturer = "Homelab"
    serial       = "51"
  }
  watchdog {
    enabled = true
    model   = "i6300esb"
    action  = "reset"
  }
  vga {
    type   = "qxl"
    memory = 32
  }
  serial_device {
    device = "socket"
  }
}

resource "proxmox_cloned_vm" "clone" {
  node_name = var.node
  id        = 252
  name      = "cloned"

  clone = {
    source_vm_id = proxmox_virtual_environment_vm.template.vm_id
    full         = true
  }
  cpu = {
    cores = var.cores
  }
  memory = {
    size = 2048
  }
  network = {
    net0 = {
      bridge = "vmbr0"
      model  = "virtio"
      tag    = 100
    }
  }
  disk = {
    scsi0 = {
      datastore_id = "local-zfs"
      size_gb      = 20
    }
  }
}

resource "proxmox_vm" "next" {
  node_name = var.node
  id        = 253
  name      = "next"
  tags      = ["terraform"]
}

resource "proxmox_pool_membership" "vm" {
  pool_id = proxmox_virtual_environment_pool.empty.pool_id
  vm_id   = proxmox_virtual_environment_vm.desktop.vm_id
}

resource "proxmox_pool_membership" "storage" {
  pool_id    = proxmox_virtual_environment_pool.empty.pool_id
  storage_id = "local-zfs"
}

resource "proxmox_virtual_environment_file" "iso" {
  node_name    = var.node
  datastore_id = "local"
  content_type = "iso"

  source_file {
    path      = "${path.module}/tiny.iso"
    file_name = "tiny.iso"
  }
}
