#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""prompted.py interactive|not-interactive DEVICE: a caller whose authentication agent shows the prompt for ever.

Prints, a line each as JSON: what polkit asks it, and whether the question was withdrawn after it was told to
leave; or the error that came instead of a question.
"""
import json
import os
import pathlib
import sys

from jeepney import DBusAddress, HeaderFields, MessageType, new_method_call, new_method_return

from client import BusError, Client

AUTHORITY = DBusAddress("/org/freedesktop/PolicyKit1/Authority", "org.freedesktop.PolicyKit1",
                        "org.freedesktop.PolicyKit1.Authority")


def say(what):
    print(json.dumps(what), flush=True)


def next_call(agent, member):
    while True:
        message = agent.connection.receive(timeout=20)
        if message.header.message_type is MessageType.method_call:
            assert message.header.fields[HeaderFields.member] == member
            return message


agent = Client()
started = int(pathlib.Path("/proc/self/stat").read_text().rpartition(") ")[2].split()[19])
subject = ("unix-process", {"pid": ("u", os.getpid()), "start-time": ("t", started), "uid": ("i", os.getuid())})
agent.wait(agent.post_message(new_method_call(
    AUTHORITY, "RegisterAuthenticationAgent", "(sa{sv})ss", (subject, "C", "/org/fwctld1/test_agent"))))

caller = Client()
interactive = sys.argv[1] == "interactive"
serial = caller.device(sys.argv[2]).post_execute(
    "nvme.set-features", {"fid": "temperature-threshold", "value": 340}, interactive=interactive)
if not interactive:
    try:
        caller.wait(serial)
    except BusError as error:
        say(error.name)
    sys.exit()

action, message = next_call(agent, "BeginAuthentication").body[:2]
say({"action": action, "message": message})
sys.stdin.readline()
caller.close()
agent.connection.send(new_method_return(next_call(agent, "CancelAuthentication")))
say("cancelled")
