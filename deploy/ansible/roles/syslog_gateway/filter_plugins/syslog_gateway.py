"""Filters of the role syslog_gateway and of validate.yml."""

import copy
import json

import yaml

VENDORS = ("unifi", "palo_alto", "cisco_asa", "linux", "windows")

# Keys that the gateway applies on a reload: the rows of docs/configuration.md whose
# column "Reload" says yes. NAME is a source's or a class's name. A test compares them.
RELOADED = (
    "sources.NAME.index",
    "sources.NAME.sourcetype",
    "sources.NAME.timezone",
    "sources.NAME.timezones",
    "sources.NAME.fields",
    "sources.NAME.packs",
    "sources.NAME.max_message_size",
    "sources.NAME.allow",
    "sources.NAME.proxy_protocol",
    "sources.NAME.max_connections",
    "sources.NAME.idle_timeout",
    "sources.NAME.silent_after",
    "sources.NAME.tls.client_names",
    "sources.NAME.relp",
    "metadata",
    "packs",
    "hec.endpoints",
    "hec.token",
    "hec.token_file",
    "hec.fallback_index",
    "hec.timeout",
    "hec.retry",
    "log.level",
    "shutdown_timeout",
)


def sources(ports, indexes):
    """The section sources of gateway.yaml out of the inventory's ports."""
    made = {}
    for name, port in ports.items():
        made[name] = {"port": int(port), "vendor": name if name in VENDORS else "auto"}
        if indexes.get(name):
            made[name]["index"] = indexes[name]
    return made


def _drop(tree, path):
    """Remove a key from a tree, NAME standing for every key."""
    if not isinstance(tree, dict):
        return
    first, rest = path[0], path[1:]
    for key in list(tree) if first == "NAME" else [first]:
        if rest:
            _drop(tree.get(key), rest)
        else:
            tree.pop(key, None)


def _fixed(config):
    """What of a configuration needs a restart; sections that became empty are left out."""
    tree = copy.deepcopy(config) if isinstance(config, dict) else {}
    for key in RELOADED:
        _drop(tree, key.split("."))
    return {k: v for k, v in tree.items() if v not in ({}, None)}


def needs_restart(before, after):
    """Whether the step from one gateway.yaml (text) to the next (data) needs more than a reload."""
    try:
        old = yaml.safe_load(before)
    except yaml.YAMLError:
        return True
    plain = json.loads(json.dumps(after))  # Ansible's own strings and numbers as Python's
    return _fixed(old) != _fixed(plain)


def missing(after, before, ports):
    """Names of the sources that have not received and delivered two events more than before."""
    then = {s["source"]: s for s in before["json"]["sources"]}
    now = {s["source"]: s for s in after["json"]["sources"]}
    short = []
    for name in ports:
        if name not in now:
            short.append(name)
            continue
        grown = {k: now[name][k] - then.get(name, {}).get(k, 0) for k in ("received", "delivered")}
        if min(grown.values()) < 2:
            short.append(name)
    return short


class FilterModule:
    """The filters by their names in playbooks."""

    def filters(self):
        return {
            "syslog_gateway_sources": sources,
            "syslog_gateway_needs_restart": needs_restart,
            "syslog_gateway_missing": missing,
        }
