"""A second, independent vehicle: mission servers written from the format notes, on a simulated clock.

It shares nothing with the project's own simulated vehicle or transfer, so a
mistake made in both would have to be made twice. `Channel` loses, repeats,
delays and so reorders what passes.
"""

from __future__ import annotations

import heapq
import math
import struct

import numpy as np
from pymavlink.dialects.v20 import ardupilotmega as mavlink

LOCATED = {16, 17, 18, 19, 21, 22, 30, 31, 82, 189, 195, 201}
ITEM_FIELDS = ("seq", "frame", "command", "param1", "param2", "param3", "param4", "x", "y", "z")


def stamped(message, system, component):
    message._header = mavlink.MAVLink_header(message.id, srcSystem=system, srcComponent=component)
    return message


def f32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def wire_row(message):
    """What arrives of an item: floats have 32 bits on the wire."""
    return {name: f32(getattr(message, name)) if name[0] in "pz" else getattr(message, name) for name in ITEM_FIELDS}


class Server:
    """What both autopilots share: three lists, one upload at a time."""

    system, component = 1, 1
    reask_s, patience_s = 1.0, 8.0
    most_items = 700

    def __init__(self):
        self.lists = {0: [], 1: [], 2: []}
        self.receiving = None
        self.partner = None
        self.kind = 0
        self.expected = 0
        self.next = 0
        self.buffer = []
        self.heard = self.asked = 0.0
        self.out = []
        self.refuse = {}
        self.corrupt = None
        self.timers = []
        self.stored_uploads = 0

    def say(self, message):
        self.out.append(stamped(message, self.system, self.component))

    def ack(self, to, code, kind):
        self.say(mavlink.MAVLink_mission_ack_message(*to, code, kind))

    def feed(self, message, now):
        if getattr(message, "target_system", self.system) != self.system:
            return []
        handler = getattr(self, "on_" + message.get_type().lower(), None)
        if handler is not None:
            handler(message, (message.get_srcSystem(), message.get_srcComponent()), now)
        out, self.out = self.out, []
        return out

    def poll(self, now):
        due = [t for t in self.timers if t[0] <= now]
        self.timers = [t for t in self.timers if t[0] > now]
        for _, message in due:
            self.say(message)
        if self.receiving is not None:
            if now >= self.heard + self.patience_s:
                self.give_up(now)
            elif now >= self.asked + self.reask_s:
                self.ask(now)
        out, self.out = self.out, []
        return out

    @property
    def wake(self):
        times = [t[0] for t in self.timers]
        if self.receiving is not None:
            times += [self.asked + self.reask_s, self.heard + self.patience_s]
        return min(times, default=math.inf)

    def stop(self):
        self.receiving = None

    def on_mission_clear_all(self, message, sender, now):
        self.lists[message.mission_type] = []
        self.ack(sender, 0, message.mission_type)

    def send_item(self, row, to, kind):
        row = dict(row)
        if self.corrupt is not None:
            row = self.corrupt(row)
        values = [row[n] for n in ITEM_FIELDS]
        self.say(
            mavlink.MAVLink_mission_item_int_message(*to, values[0], values[1], values[2], 0, 1, *values[3:], kind)
        )


class ArduPilot(Server):
    """Asks with MISSION_REQUEST, keeps fifteen bytes, replaces the mission in place, holds home as item 0."""

    home = {"x": 514_400_123, "y": 49_200_456, "z": 19.5}

    def ask(self, now):
        self.asked = now
        self.say(mavlink.MAVLink_mission_request_message(*self.partner, self.next, self.kind))

    def give_up(self, now):
        self.ack(self.partner, 15, self.kind)
        self.stop()

    def on_mission_count(self, message, sender, now):
        kind = message.mission_type
        if self.receiving is not None and sender != self.partner:
            return self.ack(sender, 14, kind)
        if message.count > self.most_items:
            return self.ack(sender, 4, kind)
        if "count" in self.refuse:
            return self.ack(sender, self.refuse["count"], kind)
        self.receiving, self.partner, self.kind = True, sender, kind
        self.expected, self.next, self.heard = message.count, 0, now
        self.buffer = self.lists[kind][: message.count] if kind == 0 else []
        if kind == 0:
            self.lists[0] = self.buffer
        self.ask(now)
        return None

    def on_mission_item_int(self, message, sender, now):
        kind = message.mission_type
        if self.receiving is None:
            return self.ack(sender, 1, kind)
        if message.seq != self.next or kind != self.kind:
            return self.ack(sender, 13, kind)
        if message.seq in self.refuse:
            self.stop()
            return self.ack(sender, self.refuse[message.seq], kind)
        row = self.kept(wire_row(message), kind)
        if message.seq < len(self.buffer):
            self.buffer[message.seq] = row
        else:
            self.buffer.append(row)
        self.heard = now
        self.next += 1
        if self.next >= self.expected:
            self.lists[kind] = self.buffer
            self.stored_uploads += 1
            self.stop()
            return self.ack(sender, 0, kind)
        return self.ask(now)

    def kept(self, row, kind):
        row = dict(row)
        p = [0.0 if math.isnan(row[f"param{i}"]) else row[f"param{i}"] for i in (1, 2, 3, 4)]
        command = row["command"]
        if kind == 1:
            p, row["z"], row["frame"] = [p[0], 0, 0, 0], 0.0, 0
        elif kind == 2:
            p, row["z"], row["frame"] = [0, 0, 0, 0], float(int(row["z"])), 3
        elif command == 16:
            p = [float(int(p[0]) & 0xFFFF), 0, 0, 0]
        elif command == 21:
            p = [float(int(p[0]) & 0xFFFF), 0, 0, -1.0 if p[3] < 0 else 1.0]
        elif command == 22:
            p = [float(int(p[0]) & 0xFFFF), 0, 0, 0]
        elif command == 1000:
            p = [
                float(np.int8(int(p[0]))),
                float(np.int16(int(p[1]))),
                float(np.int8(int(p[2]))),
                float(np.int8(int(p[3]))),
            ]
        elif command == 206:
            p = [p[0], 0, float(p[2] > 0), 0]
        elif command == 177:
            p = [float(int(p[0])), float(int(p[1])), 0, 0]
        if kind == 0:
            if command in LOCATED:
                row["frame"] = {5: 0, 6: 3, 11: 10}.get(row["frame"], row["frame"])
                row["z"] = int(f32(row["z"]) * 100) / 100
            else:
                row["frame"] = 0
                row["x"], row["y"] = (row["x"], row["y"]) if command == 1000 else (0, 0)
                row["z"] = row["z"] if command == 1000 else 0.0
        row.update(param1=p[0], param2=p[1], param3=p[2], param4=p[3])
        return row

    def on_mission_request_list(self, message, sender, now):
        if self.receiving is not None:
            return self.ack(sender, 14, message.mission_type)
        held = len(self.lists[message.mission_type])
        return self.say(mavlink.MAVLink_mission_count_message(*sender, held, message.mission_type))

    def on_mission_request_int(self, message, sender, now):
        kind = message.mission_type
        if self.receiving is not None:
            return self.ack(sender, 14, kind)
        if message.seq >= len(self.lists[kind]):
            return self.ack(sender, 13, kind)
        row = dict(self.lists[kind][message.seq])
        if kind == 0 and message.seq == 0:
            row.update(frame=0, command=16, param1=0.0, param2=0.0, param3=0.0, param4=0.0, **self.home)
        return self.send_item(row, sender, kind)

    def on_mission_ack(self, message, sender, now):
        if message.type == 15 and self.receiving is not None and sender == self.partner:
            self.stop()


class Px4(Server):
    """Asks with INT, wants order, keeps floats, answers a repeated last item, judges after the ACK."""

    reask_s, patience_s = 0.5, 5.0
    most_items = 1000

    def __init__(self):
        super().__init__()
        self.sending = None
        self.send_next = 0
        self.infeasible = None
        self.mission_state = 0

    def ask(self, now):
        self.asked = now
        self.say(mavlink.MAVLink_mission_request_int_message(*self.partner, self.next, self.kind))

    def give_up(self, now):
        self.stop()

    def on_mission_count(self, message, sender, now):
        kind = message.mission_type
        if self.receiving is not None:
            if self.next or sender != self.partner:
                return self.ack(sender, 1, kind)
        elif message.count > self.most_items:
            return self.ack(sender, 4, kind)
        self.sending = None
        self.receiving, self.partner, self.kind = True, sender, kind
        self.expected, self.next, self.heard, self.buffer = message.count, 0, now, []
        return self.ask(now)

    def on_mission_item_int(self, message, sender, now):
        kind = message.mission_type
        if self.receiving is None:
            done = message.seq + 1 == self.next and sender == self.partner
            return self.ack(sender, 0 if done else 1, kind)
        self.heard = now
        if message.seq != self.next:
            return None
        if message.seq in self.refuse:
            self.stop()
            return self.ack(sender, self.refuse[message.seq], kind)
        row = wire_row(message)
        row["param4"] = row["param4"] if math.isnan(row["param4"]) else f32((row["param4"] + 180) % 360 - 180)
        if row["command"] == 16:
            row["param3"] = 0.0
        if row["command"] == 22:
            row["param1"] = row["param2"] = row["param3"] = 0.0
        self.buffer.append(row)
        self.next += 1
        if self.next < self.expected:
            return self.ask(now)
        self.lists[kind] = self.buffer
        self.stored_uploads += 1
        self.stop()
        self.ack(sender, 0, kind)
        if self.infeasible and kind == 0:
            self.mission_state = 1
            text = mavlink.MAVLink_statustext_message(3, self.infeasible.encode())
            self.timers.append((now + 1.2, text))
        return None

    def on_mission_request_list(self, message, sender, now):
        if self.receiving is not None:
            return self.ack(sender, 1, message.mission_type)
        self.sending, self.send_next, self.partner = message.mission_type, 0, sender
        held = len(self.lists[message.mission_type])
        return self.say(mavlink.MAVLink_mission_count_message(*sender, held, message.mission_type))

    def on_mission_request_int(self, message, sender, now):
        if self.sending is None or sender != self.partner or self.sending != message.mission_type:
            return None
        rows = self.lists[self.sending]
        if message.seq == self.send_next and self.send_next < len(rows):
            self.send_next += 1
        elif message.seq != self.send_next - 1:
            self.sending = None
            self.say(mavlink.MAVLink_statustext_message(2, b"WPM: REJ. CMD: Req. WP was unexpected"))
            return self.ack(sender, 1, message.mission_type)
        return self.send_item(rows[message.seq], sender, self.sending)

    def on_mission_ack(self, message, sender, now):
        if sender != self.partner:
            return
        self.sending = None
        if message.type == 15 and self.receiving is not None:
            self.stop()


class Channel:
    """Loss, repetition and a spread of delays, both ways; messages overtake each other."""

    def __init__(self, rng, *, loss=0.0, repeat=0.0, delay_s=0.01, spread_s=0.0):
        self.rng, self.loss, self.repeat, self.delay_s, self.spread_s = rng, loss, repeat, delay_s, spread_s
        self.down_until = -1.0
        self.drop = None

    def arrivals(self, now, message):
        """The times at which copies of a message sent now arrive."""
        if now < self.down_until or (self.drop is not None and self.drop(message)):
            return []
        copies = 2 if self.rng.random() < self.repeat else 1
        kept = [1 for _ in range(copies) if self.rng.random() >= self.loss]
        return [now + self.delay_s + self.spread_s * self.rng.random() for _ in kept]


def simulate(machine, server, channel, *, limit_s=20_000.0, until=None, start_s=0.0, other_traffic=()):
    """Run machine against server until it is done; returns simulated seconds, or fails on a hang."""
    now, order = start_s, 0
    heap = []

    def post(messages, to_server):
        nonlocal order
        for message in messages:
            if to_server and message.get_srcSystem() == 0:
                stamped(message, machine.peer.own_system, machine.peer.own_component)
            for when in channel.arrivals(now, message):
                order += 1
                heapq.heappush(heap, (when, order, to_server, message))

    for when, message in other_traffic:
        order += 1
        heapq.heappush(heap, (when, order, True, message))
    post(machine.start(now), True)
    while not machine.done:
        wakes = [machine.wake_s, server.wake]
        if heap:
            wakes.append(heap[0][0])
        now = max(now, min(wakes))
        if now > start_s + limit_s:
            raise AssertionError(f"hang: still {machine.state} after {limit_s} simulated seconds")
        if until is not None and until(machine, server, now):
            post(machine.cancel(now), True)
            until = None
        while heap and heap[0][0] <= now:
            _, _, to_server, message = heapq.heappop(heap)
            post(server.feed(message, now) if to_server else machine.feed(message, now), not to_server)
        post(server.poll(now), False)
        post(machine.poll(now), True)
    return now - start_s
