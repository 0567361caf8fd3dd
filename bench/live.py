#!/usr/bin/env python3
"""bench/live.py PORT KEY COUNT: COUNT clients of GET /api/live that read everything and keep nothing.

Prints `watching` once each has its first event; on SIGTERM what they got, as key=value lines."""
import collections
import re
import selectors
import signal
import socket
import sys

port, key, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
head = f"GET /api/live HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\n\r\n".encode()
event = re.compile(rb"^event: (\w+)$", re.M)
is_over = False


def stop(*_):
    global is_over
    is_over = True


signal.signal(signal.SIGTERM, stop)
ready = selectors.DefaultSelector()
for _ in range(count):
    client = socket.create_connection(("127.0.0.1", port))
    client.sendall(head)
    ready.register(client, selectors.EVENT_READ, [])
seen, got_bytes, lost, greeted = collections.Counter(), 0, 0, 0
while not is_over:
    for entry, _ in ready.select(0.2):
        data = entry.fileobj.recv(1 << 18)
        if not data:
            lost += 1
            ready.unregister(entry.fileobj)
            continue
        got_bytes += len(data)
        seen.update(event.findall(data))  # an event that two reads share is missed: a figure to look at, not to check
        if not entry.data:
            entry.data.append(True)
            greeted += 1
            if greeted == count:
                print("watching", flush=True)
print(f"bytes={got_bytes}\nlost={lost}")
for name, times in seen.items():
    print(f"events_{name.decode()}={times}")
