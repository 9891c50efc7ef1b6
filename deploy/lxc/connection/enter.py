"""Enters a container by a command, as community.proxmox.proxmox_pct_remote does by pct."""

import subprocess

from ansible.errors import AnsibleConnectionFailure
from ansible.module_utils.common.text.converters import to_bytes
from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = """
name: enter
short_description: run commands in a container by a command that enters it
description:
  - Files go through the standard input and output of that command.
options:
  command:
    description: The command, and what of it comes before the one to run inside.
    type: list
    elements: str
    required: true
    vars:
      - name: ansible_enter_command
"""


class Connection(ConnectionBase):
    """One command inside for each that Ansible wants."""

    transport = "enter"
    has_pipelining = True

    def _connect(self):
        self._connected = True
        return self

    def _run(self, cmd, **streams):
        prefix = [to_bytes(word) for word in self.get_option("command")]
        return subprocess.run(prefix + [b"/bin/sh", b"-c", to_bytes(cmd)], check=False, **streams)

    def exec_command(self, cmd, in_data=None, sudoable=True):
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        done = self._run(cmd, input=in_data or b"", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return done.returncode, done.stdout, done.stderr

    def put_file(self, in_path, out_path):
        super().put_file(in_path, out_path)
        with open(in_path, "rb") as content:
            done = self._run("cat > %s" % self._shell.quote(out_path), stdin=content, stderr=subprocess.PIPE)
        self._check(done, out_path)

    def fetch_file(self, in_path, out_path):
        super().fetch_file(in_path, out_path)
        with open(out_path, "wb") as content:
            done = self._run("cat %s" % self._shell.quote(in_path), stdout=content, stderr=subprocess.PIPE)
        self._check(done, in_path)

    def _check(self, done, path):
        if done.returncode:
            raise AnsibleConnectionFailure("%s: %s" % (path, done.stderr.decode(errors="replace")))

    def close(self):
        self._connected = False
