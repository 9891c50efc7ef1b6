"""Calls of proxmoxer against an API of Proxmox VE 9 that has nothing but what `provision simulate` begins with.

It makes what it needs and takes it away. Each line says what a call got; the exit code is 1 when a call did not get
what it should. Address and logins come from PROXMOX_VE_ENDPOINT, _API_TOKEN, _USERNAME and _PASSWORD.
"""

import io
import os
import sys
import time
from urllib.parse import urlsplit

from proxmoxer import ProxmoxAPI
from proxmoxer.core import ResourceException

HOST = urlsplit(os.environ["PROXMOX_VE_ENDPOINT"]).netloc
TOKEN, SECRET = os.environ["PROXMOX_VE_API_TOKEN"].split("=")
USER, TOKEN = TOKEN.split("!")
NODE = "pve"
failed = 0


def check(name, call, want=lambda _: True, refused=0):
    """Makes a call; refused is the status that a real cluster answers as well."""
    global failed
    try:
        got, status = call(), 0
    except ResourceException as e:
        got, status = str(e), e.status_code
    ok = status == refused and (status or want(got))
    failed += not ok
    print("%s  %s  %s" % ("ok  " if ok else "FAIL", name, repr(got)[:140]), flush=True)
    return got


def task(api, name, call, end="OK", node=NODE):
    """Makes a call that starts a task and waits for its end."""
    upid = check(name, call, lambda r: str(r).startswith("UPID:"))
    if not str(upid).startswith("UPID:"):
        return
    try:
        from proxmoxer.tools import Tasks  # since 2.0
        done = Tasks.blocking_status(api, upid, timeout=20, polling_interval=0.05)
        text = Tasks.decode_log(api.nodes(node).tasks(upid).log.get())
    except ImportError:
        for _ in range(100):
            done = api.nodes(node).tasks(upid).status.get()
            if done["status"] == "stopped":
                break
            time.sleep(0.05)
        text = "\n".join(line["t"] for line in api.nodes(node).tasks(upid).log.get())
    check("  its task", lambda: (done["exitstatus"], text), lambda r: r[0] == end and "TASK " in r[1])
    return upid


def file(name, content):
    f = io.BytesIO(content)
    f.name = name
    return f


def cluster(api):
    check("version", api.version.get, lambda r: r["version"].startswith("9."))
    check("nodes", api.nodes.get, lambda r: r[0]["node"] == NODE and r[0]["status"] == "online")
    for kind in "vm", "storage", "node", "sdn":
        check("cluster.resources " + kind, lambda: api.cluster.resources.get(type=kind), lambda r: isinstance(r, list))
    for path in ("cluster/status", "cluster/options", "cluster/tasks", "cluster/log", "cluster/replication", "cluster/sdn/zones", "cluster/sdn/vnets",
                 "cluster/firewall/refs", "cluster/ha/status/current", "cluster/ha/rules", "cluster/mapping/pci", "cluster/mapping/usb", "cluster/metrics/server",
                 "cluster/backup-info/not-backed-up"):
        check(path, api(path).get, lambda r: r is not None)
    check("cluster.nextid", api.cluster.nextid.get, lambda r: r == "100")
    for path in "status", "version", "network", "dns", "time", "hosts", "services", "subscription", "tasks", "storage", "qemu", "lxc", "aplinfo", "disks/list", \
            "certificates/info", "apt/versions", "rrddata?timeframe=hour", "config":
        check("nodes.pve " + path, api("nodes/%s/%s" % (NODE, path)).get if "?" not in path else lambda: api.nodes(NODE).rrddata.get(timeframe="hour"),
              lambda r: r is not None)
    check("nodes.pve.network vmbr0", api.nodes(NODE).network("vmbr0").get, lambda r: r["type"] == "bridge")
    check("nodes.nosuch", api.nodes("nosuch").status.get, refused=500)
    check("an unknown path", api.nosuch.get, refused=501)


def access(api):
    check("roles", api.access.roles.get, lambda r: any(x["roleid"] == "Administrator" for x in r))
    check("roles.post", lambda: api.access.roles.post(roleid="Ops", privs="VM.Audit VM.PowerMgmt"))
    check("roles.get", api.access.roles("Ops").get, lambda r: r["VM.Audit"] == 1)
    check("groups.post", lambda: api.access.groups.post(groupid="ops", comment=""))
    check("users.post", lambda: api.access.users.post(userid="ann@pve", password="secret-word", groups="ops", comment="", email="", firstname="Ann", enable=1, expire=0))
    check("users", lambda: api.access.users.get(full=1), lambda r: any(u["userid"] == "ann@pve" and u["groups"] == "ops" for u in r))
    check("users.put", lambda: api.access.users("ann@pve").put(comment="of Ops", groups="ops", append=1))
    check("users.get", api.access.users("ann@pve").get, lambda r: r["groups"] == ["ops"])
    token = check("token.post", lambda: api.access.users("ann@pve").token("ci").post(privsep=0, comment="CI"), lambda r: r["full-tokenid"] == "ann@pve!ci")
    check("token.get", api.access.users("ann@pve").token("ci").get, lambda r: r["privsep"] == 0)
    check("tokens", api.access.users("ann@pve").token.get, lambda r: r[0]["tokenid"] == "ci")
    check("acl.put", lambda: api.access.acl.put(path="/vms", roles="Ops", groups="ops", propagate=1))
    check("acl", api.access.acl.get, lambda r: any(a["ugid"] == "ops" and a["propagate"] == 1 for a in r))
    ann = ProxmoxAPI(HOST, user="ann@pve", token_name="ci", token_value=token["value"], verify_ssl=False)
    check("permissions", ann.access.permissions.get, lambda r: r["/vms"]["VM.Audit"] == 1)
    check("permissions of a path", lambda: api.access.permissions.get(path="/vms/100", userid="ann@pve"), lambda r: "VM.PowerMgmt" in r["/vms/100"])
    check("no right", lambda: ann.access.users.post(userid="bob@pve"), refused=403)
    check("acl.put delete", lambda: api.access.acl.put(path="/vms", roles="Ops", groups="ops", delete=1))
    check("password", lambda: ProxmoxAPI(HOST, user="ann@pve", password="secret-word", verify_ssl=False).access.password.put(userid="ann@pve", password="another-word"))
    check("domains", api.access.domains.get, lambda r: len(r) >= 2)
    check("domains.pve", api.access.domains("pve").get, lambda r: r["type"] == "pve")
    check("token.delete", api.access.users("ann@pve").token("ci").delete)
    check("users.delete", api.access.users("ann@pve").delete)
    check("groups.delete", api.access.groups("ops").delete)
    check("roles.delete", api.access.roles("Ops").delete)


def storage(api):
    local = api.nodes(NODE).storage("local")
    check("storage", api.storage.get, lambda r: len(r) == 2)
    check("storage.post", lambda: api.storage.post(storage="more", type="dir", path="/srv/more", content="images,rootdir,iso,snippets", nodes=NODE))
    check("storage.put", lambda: api.storage("more").put(content="images,rootdir,iso", disable=0))
    check("storage.delete", api.storage("more").delete)
    check("node storage", lambda: api.nodes(NODE).storage.get(content="images", enabled=1), lambda r: r[0]["storage"] == "local-zfs")
    check("storage status", local.status.get, lambda r: r["avail"] > 0)
    task(api, "appliance", lambda: api.nodes(NODE).aplinfo.post(storage="local", template="debian-12-standard_12.12-1_amd64.tar.zst"))
    task(api, "upload of an iso", lambda: local.upload.post(content="iso", filename=file("tiny.iso", b"x" * 2048)))
    task(api, "upload with a checksum", lambda: local.upload.create(**{"content": "vztmpl", "filename": file("tiny.tar.gz", b"abc"), "checksum-algorithm": "sha256",
         "checksum": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}))
    check("upload of a wrong name", lambda: local.upload.post(content="iso", filename=file("tiny.txt", b"x")), refused=400)
    check("content", local.content.get, lambda r: {"local:iso/tiny.iso", "local:vztmpl/tiny.tar.gz"} < {v["volid"] for v in r})
    check("content of a kind", lambda: local.content.get(content="iso"), lambda r: len(r) == 1 and r[0]["size"] == 2048)
    task(api, "download-url", lambda: local("download-url").post(**{"content": "iso", "filename": "big.iso", "url": "https://example.com/big.iso",
         "checksum": None, "checksum-algorithm": None}))
    check("volume", api("nodes/%s/storage/local/content/local:iso/tiny.iso" % NODE).get, lambda r: r["format"] == "iso")
    for vol in "local:iso/tiny.iso", "local:iso/big.iso", "local:vztmpl/tiny.tar.gz":
        check("content.delete", lambda: local.content.delete(vol), lambda r: r.startswith("UPID"))


def containers(api):
    lxc = api.nodes(NODE).lxc
    task(api, "lxc.create", lambda: lxc.create(vmid=101, ostemplate="local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst", hostname="web", storage="local-zfs", memory=512,
         swap=0, cores=1, password="secret-word", unprivileged=1, rootfs="local-zfs:4", net0="name=eth0,bridge=vmbr0,ip=192.0.2.7/24,gw=192.0.2.1", features="nesting=1",
         **{"ssh-public-keys": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPVzW2Dk2dUl0IQxYd7cZ+6uSAq0lUyWLN9yDrC1n5cH me"}))
    ct = lxc(101)
    check("lxc", lxc.get, lambda r: [(g["vmid"], g["name"], g["status"]) for g in r] == [(101, "web", "stopped")])
    check("lxc.config", ct.config.get, lambda r: r["hostname"] == "web" and r["memory"] == 512)
    check("lxc.config.put", lambda: ct.config.put(description="of proxmoxer", tags="a;b", nameserver="192.0.2.53"))
    check("lxc.config.set", lambda: ct.config.set(delete="nameserver"))
    check("lxc.config without options", ct.config.put, refused=500)
    task(api, "lxc.start", ct.status.start.post)
    check("lxc.status", ct.status.current.get, lambda r: r["status"] == "running")
    check("lxc.interfaces", ct.interfaces.get, lambda r: any(i.get("inet") == "192.0.2.7/24" for i in r))
    task(api, "lxc.resize", lambda: ct.resize.put(disk="rootfs", size="+1G"))
    snapshots(api, ct)
    guest_firewall(api, ct)
    task(api, "lxc.shutdown", lambda: ct.status.shutdown.post(forceStop=1, timeout=10))
    task(api, "lxc.clone", lambda: ct.clone.post(newid=102, hostname="web2", full=1, storage="local-zfs"))
    check("lxc.template", lxc(102).template.post)
    task(api, "lxc.clone linked", lambda: lxc(102).clone.post(newid=103, hostname="web3"))
    for path in "pending", "feature", "rrddata":
        args = {"feature": {"feature": "clone"}, "rrddata": {"timeframe": "hour"}}.get(path, {})
        check("lxc." + path, lambda: ct(path).get(**args), lambda r: r is not None)
    backup(api)
    for vmid in 103, 102, 101:
        task(api, "lxc.delete", lambda: lxc(vmid).delete(purge=1, force=1))


def snapshots(api, guest):
    task(api, "snapshot", lambda: guest.snapshot.post(snapname="before", description="as it was"))
    check("snapshots", guest.snapshot.get, lambda r: [s["name"] for s in r] == ["before", "current"])
    check("snapshot.config", guest.snapshot("before").config.get, lambda r: r)
    check("snapshot.config.put", lambda: guest.snapshot("before").config.put(description="changed"))
    task(api, "snapshot.rollback", guest.snapshot("before").rollback.post)
    check("a snapshot without memory", guest.status.current.get, lambda r: r["status"] == "stopped")
    task(api, "start", guest.status.start.post)
    task(api, "snapshot.delete", guest.snapshot("before").delete)


def guest_firewall(api, guest):
    fw = guest.firewall
    check("guest firewall options", lambda: fw.options.put(enable=1, policy_in="DROP"))
    check("guest firewall options", fw.options.get, lambda r: r["enable"] == 1)
    rules(fw)
    ipset(fw, "ipset of guest")


def rules(fw):  # positions are texts: proxmoxer 1.2 drops the number 0
    check("rules.post", lambda: fw.rules.post(type="in", action="ACCEPT", proto="tcp", dport="22", enable=1, comment="", source="", dest="", sport="", macro="", iface="", log=""))
    check("rules.post macro", lambda: fw.rules.post(type="in", action="ACCEPT", macro="Ping", enable=1))
    check("rules", fw.rules.get, lambda r: len(r) == 2 and r[1]["dport"] == "22")
    check("rules.put", lambda: fw.rules("1").put(comment="SSH", source="", dport="22"))
    check("rules.put delete", lambda: fw.rules("1").put(delete="comment"))
    check("rules.move", lambda: fw.rules("1").put(moveto=0))
    check("rules.get", fw.rules("0").get, lambda r: r["dport"] == "22")
    check("rules.delete", fw.rules("0").delete)
    check("rules.delete", fw.rules("0").delete)


def ipset(fw, name):
    check(name, lambda: fw.ipset.post(name="office", comment="of proxmoxer"))
    check(name + " post", lambda: fw.ipset("office").post(cidr="192.0.2.0/24", comment="", nomatch=0))
    check(name + " entries", fw.ipset("office").get, lambda r: r[0]["cidr"] == "192.0.2.0/24")
    check(name + " delete", lambda: fw.ipset("office").delete("192.0.2.0/24"), refused=501)  # proxmoxer parts the path at its slash, as on a real one
    check(name + " delete", lambda: fw.ipset("office").delete("192.0.2.0%2F24"))
    check(name + " delete", fw.ipset("office").delete)


def firewall(api):
    fw = api.cluster.firewall
    check("firewall options", lambda: fw.options.put(enable=1, policy_in="ACCEPT"))
    check("firewall options", fw.options.get, lambda r: r["policy_in"] == "ACCEPT")
    check("aliases", lambda: fw.aliases.post(name="vpn", cidr="198.51.100.0/24", comment=""))
    check("aliases.put", lambda: fw.aliases("vpn").put(cidr="198.51.100.0/25", rename="tunnel"))
    check("aliases.get", fw.aliases("tunnel").get, lambda r: r["cidr"] == "198.51.100.0/25")
    check("aliases.delete", fw.aliases("tunnel").delete)
    check("groups.post", lambda: fw.groups.post(group="web", comment=""))
    check("groups rule", lambda: fw.groups("web").post(type="in", action="ACCEPT", proto="tcp", dport="443", enable=1, source="", **{"icmp-type": ""}))
    check("groups rules", fw.groups("web").get, lambda r: r[0]["dport"] == "443")
    check("groups rule put", lambda: fw.groups("web")("0").put(dport="80", comment=""))
    check("groups rule delete", fw.groups("web")("0").delete)
    check("groups.delete", fw.groups("web").delete)
    rules(fw)
    ipset(fw, "ipset of cluster")
    check("node firewall options", lambda: api.nodes(NODE).firewall.options.put(enable=1))
    rules(api.nodes(NODE).firewall)
    check("firewall options", lambda: fw.options.put(enable=0))


def machines(api):
    qemu = api.nodes(NODE).qemu
    task(api, "qemu.create", lambda: qemu.create(vmid=201, name="db", memory=1024, cores=2, sockets=1, cpu="host", ostype="l26", scsihw="virtio-scsi-single", agent="enabled=1",
         scsi0="local-zfs:8,discard=on", ide2="local-zfs:cloudinit", net0="virtio,bridge=vmbr0,tag=20", ipconfig0="ip=192.0.2.9/24,gw=192.0.2.1", ciuser="admin",
         sshkeys="ssh-ed25519%20AAAA%20me", onboot=1, tags="db", boot="order=scsi0", description=""))
    vm = qemu(201)
    check("qemu", lambda: qemu.get(full=1), lambda r: r[0]["vmid"] == 201 and r[0]["name"] == "db")
    check("qemu.config", lambda: vm.config.get(current=1), lambda r: r["name"] == "db" and "digest" in r)
    check("qemu.config.put", lambda: vm.config.put(cores=4, description="of proxmoxer"))
    task(api, "qemu.config.post", lambda: vm.config.post(scsi1="local-zfs:2", memory=2048))
    check("qemu.agent of a stopped one", vm.agent("network-get-interfaces").get, refused=500)
    task(api, "qemu.start", vm.status.start.post)
    check("qemu.status", vm.status.current.get, lambda r: r["status"] == "running" and r["qmpstatus"] == "running")
    check("qemu.agent interfaces", vm.agent("network-get-interfaces").get, lambda r: r["result"][1]["ip-addresses"][0]["ip-address"] == "192.0.2.9")
    check("qemu.agent ping", vm.agent.ping.post, lambda r: r["result"] == {})
    check("qemu.agent get-osinfo", vm.agent("get-osinfo").get, lambda r: r["result"]["id"])
    check("qemu.agent get-host-name", vm.agent("get-host-name").get, lambda r: r["result"]["host-name"] == "db")
    check("qemu.agent info", vm.agent.info.get, lambda r: r["result"]["supported_commands"])
    check("qemu.agent exec", lambda: vm.agent.exec.post(command=["uname", "-a"]), refused=501)
    check("qemu.cloudinit", vm.cloudinit.get, lambda r: r)
    check("qemu.cloudinit.dump", lambda: vm.cloudinit.dump.get(type="user"), lambda r: "admin" in r)
    check("qemu.pending", vm.pending.get, lambda r: r)
    snapshots(api, vm)
    guest_firewall(api, vm)
    task(api, "qemu.suspend", vm.status.suspend.post)
    check("qemu.status", vm.status.current.get, lambda r: r["qmpstatus"] == "paused")
    task(api, "qemu.resume", vm.status.resume.post)
    task(api, "qemu.reset", vm.status.reset.post)
    task(api, "qemu.reboot", vm.status.reboot.post)
    task(api, "qemu.resize", lambda: vm.resize.put(disk="scsi1", size="+1G"))
    task(api, "qemu.shutdown", lambda: vm.status.shutdown.post(timeout=10))
    check("qemu.unlink", lambda: vm.unlink.put(idlist="scsi1", force=1))
    check("qemu.move_disk to where it is", lambda: vm.move_disk.post(disk="scsi0", storage="local-zfs", delete=1), refused=500)
    task(api, "qemu.clone", lambda: vm.clone.post(newid=202, name="db2", full=1, target=NODE))
    task(api, "qemu.template", qemu(202).template.post)
    for target, node in (("pve2", NODE), (NODE, "pve2")):
        if len(api.nodes.get()) > 1:
            task(api, "qemu.migrate", lambda: api.nodes(node).qemu(201).migrate.post(target=target), node=node)
    for vmid in 202, 201:
        task(api, "qemu.delete", lambda: qemu(vmid).delete(**{"purge": 1, "destroy-unreferenced-disks": 1}))


def backup(api):
    task(api, "vzdump", lambda: api.nodes(NODE).vzdump.post(vmid=101, storage="local", mode="snapshot", compress="zstd", remove=0))
    check("backups", lambda: api.nodes(NODE).storage("local").content.get(content="backup"), lambda r: r[0]["vmid"] == 101)
    check("backup.post", lambda: api.cluster.backup.post(id="nightly", schedule="02:00", vmid="101", storage="local", mode="snapshot", enabled=1, comment=""))
    check("backup", api.cluster.backup.get, lambda r: r[0]["id"] == "nightly")
    check("backup.get", api.cluster.backup("nightly").get, lambda r: r["schedule"] == "02:00")
    check("backup.put", lambda: api.cluster.backup("nightly").put(vmid="101,102", enabled=0))
    check("backup.delete", api.cluster.backup("nightly").delete)
    check("ha.post", lambda: api.cluster.ha.resources.post(sid="ct:101", state="started", max_restart=2, comment=""))
    check("ha.put", lambda: api.cluster.ha.resources("ct:101").put(state="stopped"))
    check("ha.get", api.cluster.ha.resources("ct:101").get, lambda r: r["state"] == "stopped")
    check("ha.groups", api.cluster.ha.groups.get, refused=500)  # rules took their place in Proxmox VE 9
    check("ha.delete", api.cluster.ha.resources("ct:101").delete)
    check("pools.post", lambda: api.pools.post(poolid="prod", comment=""))
    check("pools.put", lambda: api.pools("prod").put(vms=[101, 102]))
    check("pools.put storage", lambda: api.pools("prod").put(storage=["local"], comment="of proxmoxer"))
    check("pools.get", api.pools("prod").get, lambda r: {m["id"] for m in r["members"]} == {"lxc/101", "lxc/102", "storage/pve/local"})
    check("pools", lambda: api.pools.get(poolid="prod"), lambda r: len(r[0]["members"]) == 3)
    check("pools.put delete", lambda: api.pools("prod").put(vms=[101, 102], storage=["local"], delete=1))
    check("pools.delete", api.pools("prod").delete)


def main():
    by_token = ProxmoxAPI(HOST, user=USER, token_name=TOKEN, token_value=SECRET, verify_ssl=False)
    by_password = ProxmoxAPI(HOST, user=os.environ["PROXMOX_VE_USERNAME"], password=os.environ["PROXMOX_VE_PASSWORD"], verify_ssl=False)
    check("a wrong token", lambda: ProxmoxAPI(HOST, user=USER, token_name=TOKEN, token_value="wrong", verify_ssl=False).version.get(), refused=401)
    for login, api in ("token", by_token), ("password", by_password):
        print("---- by " + login)
        for part in cluster, access, storage, containers, machines, firewall:
            part(api)
    sys.exit(1 if failed else 0)


main()
