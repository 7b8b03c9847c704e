#!/usr/bin/env python3
"""Prints the events and journeys of recordings as JSON lines: reader.py FILE...

Written from docs/recording.md alone, to show that the page is enough: it uses nothing of ipft. It reads fields that are
integers; others are left out. The files of one recording are given in the order of their parts.
"""
import base64
import json
import struct
import sys
import zlib

MAGIC = b'\x8aIPFT\r\n\x1a'
VERSION = 1
LIMIT = 16 << 20
HEADER, RECORDS, NAMES, SYMBOLS, LOSSES, END, INDEX, CARRIED = range(1, 9)
DEFLATED = 1

RETURN, NO_FIELDS, FREED, ENTRY_LOST, NOTICE = 1, 2, 4, 8, 128
NOTICE_BEGIN, NOTICE_PLACE, NOTICE_END, NOTICE_SNAPSHOT, NOTICE_PROCESS = 1, 2, 3, 4, 5
PARTIES = {1: 'sender', 2: 'receiver'}
# The sizes of notices behind which a snapshot may stand.
SNAPSHOT_AT = {NOTICE_BEGIN: 72, NOTICE_PLACE: 48, NOTICE_SNAPSHOT: 24}
SEQUENCE_UNKNOWN = 0xffffffff
STAGES = ('none', 'sent', 'queued', 'processed', 'unread')
RECEIVED, DROPPED = 4, 8
GIVEN_UP = 1 << 30
SETTLING_NS = 100_000_000


class Damaged(Exception):
    pass


def padded(size):
    return (size + 7) & ~7


def text_of(raw):
    return raw.split(b'\0', 1)[0].decode('utf-8', 'replace')


def read_chunks(path):
    """Yields (type, content) of the whole chunks; warns where the file ends early."""
    with open(path, 'rb') as file:
        data = file.read()
    if data[:8] != MAGIC:
        raise Damaged(f'{path}: no recording')
    version, at = struct.unpack_from('<II', data, 8)
    if version != VERSION:
        raise Damaged(f'{path}: version {version}')
    number = 0
    while True:
        if len(data) < at + 24:
            return warn(f'{path}: cut at byte {at}')
        kind, flags, stored, size, checksum, its = struct.unpack_from('<6I', data, at)
        body = data[at + 24:at + 24 + stored]
        if not any(data[at:at + 24]) and not any(data[at + 24:]):
            return warn(f'{path}: cut at byte {at}')
        if max(stored, size) > LIMIT or its != number:
            raise Damaged(f'{path}: damaged at byte {at}')
        if len(body) < stored:
            return warn(f'{path}: cut at byte {at}')
        if zlib.crc32(body) != checksum:
            if any(data[at + 24:]):
                raise Damaged(f'{path}: damaged at byte {at}')
            return warn(f'{path}: cut at byte {at}')
        content = zlib.decompress(body) if flags & DEFLATED else body
        if len(content) != size:
            raise Damaged(f'{path}: damaged at byte {at}')
        number += 1
        begin, at = at, at + 24 + padded(stored)
        yield kind, content
        if kind == INDEX:
            if data[at:] != struct.pack('<Q', begin) + MAGIC:
                raise Damaged(f'{path}: something else than the end behind the index')
            return None


def warn(text):
    print(f'reader.py: {text}', file=sys.stderr)


class Btf:
    """Enough of BTF for integers of an event struct."""
    INT, STRUCT, TYPEDEF, VAR, TAG = 1, 4, 8, 14, 17
    # How many bytes stand behind the three words of a type: for the type, and for each of its vlen members.
    TAIL = {1: (4, 0), 2: (0, 0), 3: (12, 0), 4: (0, 12), 5: (0, 12), 6: (0, 8), 7: (0, 0), 8: (0, 0), 9: (0, 0),
            10: (0, 0), 11: (0, 0), 12: (0, 0), 13: (0, 8), 14: (4, 0), 15: (0, 12), 16: (0, 0), 17: (4, 0),
            18: (0, 0), 19: (0, 12)}

    def __init__(self, raw):
        magic, _, _, head, types, types_size, strings, strings_size = struct.unpack_from('<HBBIIIII', raw)
        if magic != 0xeb9f:
            raise Damaged('no BTF')
        self.strings = raw[head + strings:head + strings + strings_size]
        self.types = [None]
        at = head + types
        while at < head + types + types_size:
            name, info, size = struct.unpack_from('<III', raw, at)
            kind, count = info >> 24 & 31, info & 0xffff
            own, each = self.TAIL[kind]
            tail = raw[at + 12:at + 12 + own + each * count]
            self.types.append((kind, self.string(name), size, tail, info >> 31))
            at += 12 + len(tail)

    def string(self, at):
        return self.strings[at:self.strings.index(b'\0', at)].decode()

    def integer(self, number):
        """(size, signed, is it a bool) of an integer type, else None."""
        kind, _, size, tail, _ = self.types[number]
        while kind in (8, 9, 10, 11, 18):
            kind, _, size, tail, _ = self.types[size]
        if kind != self.INT:
            return None
        encoding, = struct.unpack('<I', tail)
        if encoding >> 16 & 0xff or encoding & 0xff != size * 8 or size > 8:
            return None
        return size, bool(encoding >> 24 & 1), bool(encoding >> 24 & 4)

    def fields(self, named, begin):
        """(name, offset, size, signed, is it a bool, format, bit) of the members that are integers.

        bit: the byte and the mask that say whether it has a value, or None.
        """
        variable = next(one for one in self.types[1:] if one[0] == self.VAR and one[1] == named)
        event = variable[2]
        tags, bits, bits_member = {}, {}, None
        for kind, name, size, tail, _ in self.types[1:]:
            if kind != self.TAG or size != event:
                continue
            member, = struct.unpack('<i', tail)
            if name.startswith('ipft:fmt:'):
                tags[member] = name[len('ipft:fmt:'):]
            elif name.startswith('ipft:present:'):
                bits[member] = int(name[len('ipft:present:'):])
            elif name == 'ipft:present':
                bits_member = member
        _, _, _, members, has_bits = self.types[event]
        places = [offset & 0xffffff if has_bits else offset for _, _, offset in struct.iter_unpack('<III', members)]
        for index, (name, type_, offset) in enumerate(struct.iter_unpack('<III', members)):
            if has_bits and offset >> 24:
                continue
            its = self.integer(type_)
            if its and tags.get(index, '') in ('', 'hex') and index != bits_member:
                bit = None
                if index in bits:
                    bit = begin + places[bits_member] // 8 + bits[index] // 8, 1 << bits[index] % 8
                yield self.string(name), begin + places[index] // 8, *its, tags.get(index, ''), bit


def parse_fields(header):
    found = {}
    base = 0
    for part in header['field_sets']:
        btf = Btf(base64.b64decode(part['btf']))
        for struct in part.get('structs', [{'variable': '__ipft_event_struct', 'offset': 0}]):
            for name, *field in btf.fields(struct['variable'], base + struct['offset']):
                found[name] = field
        base += part['data_bytes']
    # As in the list of all fields, which has their order.
    return [(one['name'], *found[one['name']]) for one in header['fields'] if one['name'] in found]


class Journey:
    def __init__(self, number, short_id, id_, skb, parent, place, carried):
        self.number, self.short_id, self.id, self.skb, self.parent = number, short_id, id_, skb, parent
        self.place = place
        self.carried = carried
        self.begin = self.last = None
        self.events = self.numbered = self.expected = 0
        self.lowest = None
        self.over_at = None
        self.end = None
        self.snapshots = []     # source, destination and length of each
        self.processes = {}     # by party


class Reader:
    def __init__(self, emit):
        self.emit = emit
        self.journeys = {}     # by short id
        self.replaced = {}     # by id: those whose short id another one has
        self.over = []
        self.windows = []
        self.count = 0
        self.targets = []
        self.names = {'reasons': {}, 'netns': {}, 'symbols': {}, 'cgroups': {}}
        self.told = {}
        self.id = None
        self.data_bytes = 0
        self.fields = []
        self.ended = None

    def read(self, path):
        follows = None
        for kind, content in read_chunks(path):
            if kind == HEADER:
                header = json.loads(content)
                follows = self.id == header['id']
                self.id = header['id']
                self.targets = header['targets']
                self.data_bytes = header['data_bytes']
                self.fields = parse_fields(header)
            elif kind == NAMES:
                names = json.loads(content)
                for key, known in self.names.items():
                    known.update(names.get(key, {}))
                self.targets += names['targets']
            elif kind == CARRIED and not follows:
                for record in self.records(content, 0, len(content)):
                    self.began(record, True)
            elif kind == RECORDS:
                self.steps(content)
            elif kind == END:
                self.ended = json.loads(content)

    def finish(self):
        end = self.ended or {'at_ns': '0', 'living': []}
        at_ns = int(end['at_ns'])
        living = {one['journey']: one for one in end['living']}
        for one in end['living']:
            freeing = one.get('freeing')
            if freeing and int(freeing['at_ns']) + SETTLING_NS < at_ns:
                journey = self.find(freeing['journey'])
                if journey and not journey.end:
                    self.end(journey, int(freeing['at_ns']), {**freeing, 'location': int(freeing['location'])})
        for journey in self.over:
            self.complete(journey, 'unknown')
        for journey in list(self.journeys.values()):
            if journey.over_at is not None:
                continue
            its = living.get(journey.short_id)
            if its:
                journey.expected = max(journey.expected, its['events'])
            alive = its or (journey.begin or 0) > at_ns
            self.complete(journey, 'alive' if alive else 'unknown')

    def steps(self, content):
        at = 0
        while at < len(content):
            up_to, events, ends, windows, _ = struct.unpack_from('<QIIII', content, at)
            begin = at + 24
            after = begin + events + ends
            at = after + windows * 16
            self.windows += struct.iter_unpack('<QQ', content[after:at])
            for record in self.records(content, begin, after):
                self.record(record)
            while self.over and self.over[0].over_at + SETTLING_NS <= up_to:
                self.complete(self.over.pop(0), 'unknown')

    @staticmethod
    def records(content, at, end):
        while at < end:
            length, _ = struct.unpack_from('<II', content, at)
            size = length & ~(3 << 30)
            if not length & GIVEN_UP:
                yield content[at + 8:at + 8 + size]
            at += padded(size + 8)

    def record(self, record):
        time, short_id, sequence, target, cpu, flags, depth = struct.unpack_from('<QIIIHBB', record)
        if not flags & NOTICE:
            self.event(record, time, short_id, sequence, target, cpu, flags)
        elif target == NOTICE_BEGIN:
            self.began(record, False)
        elif target == NOTICE_PLACE and short_id in self.journeys:
            self.journeys[short_id].place = self.place(record, 24) or self.journeys[short_id].place
        elif target == NOTICE_PROCESS and short_id in self.journeys:
            cgroup, _, pid, name, party = struct.unpack_from('<QII16sI', record, 24)
            self.journeys[short_id].processes.setdefault(PARTIES[party], self.process(cgroup, pid, text_of(name)))
        elif target == NOTICE_END:
            id_, location, reason, _, family, protocol, stage, flags, _, device = struct.unpack_from(
                '<QQIIHHBBH16s', record, 24)
            if len(record) > 72:
                symbol = text_of(record[72:152])
                if symbol:
                    self.told[location] = symbol
            journey = self.find(id_)
            if journey and not journey.end:
                self.end(journey, time, {
                    'events': sequence, 'location': location, 'reason': reason, 'family': family,
                    'protocol': protocol, 'stage': STAGES[stage], 'received': bool(flags & RECEIVED),
                    'dropped': bool(flags & DROPPED), 'device': text_of(device),
                })
        if flags & NOTICE and short_id in self.journeys and len(record) > SNAPSHOT_AT.get(target, len(record)):
            self.snapshot(record, SNAPSHOT_AT[target], self.journeys[short_id])

    def process(self, cgroup, pid, name):
        group = self.names['cgroups'].get(str(cgroup), {})
        container = {'id': group.get('container'), 'name': group.get('container_name')}
        its = {'pid': pid or None, 'command': name, 'cgroup': group.get('path'),
               'container': {key: known for key, known in container.items() if known} or None,
               'unit': group.get('unit'), 'pod': group.get('pod')}
        return {key: known for key, known in its.items() if known is not None}

    def snapshot(self, record, at, journey):
        length, captured, protocol, _, _, _, _, has_ethernet = struct.unpack_from('<IH2sHHHHI', record, at)
        content = record[at + 20:at + 20 + captured]
        if captured and protocol == b'\x08\x00' and not has_ethernet:
            journey.snapshots.append(['.'.join(map(str, content[begin:begin + 4])) for begin in (12, 16)] + [length])

    @staticmethod
    def place(record, at):
        netns, _, device = struct.unpack_from('<II16s', record, at)
        return (netns, text_of(device)) if netns else None

    def find(self, id_):
        journey = self.journeys.get(id_ & 0xffffffff)
        return journey if journey and journey.id == id_ else self.replaced.get(id_)

    def began(self, record, carried):
        time, = struct.unpack_from('<Q', record)
        skb, id_, parent = struct.unpack_from('<QQQ', record, 24)
        short_id = id_ & 0xffffffff
        known = self.journeys.get(short_id)
        if known and known.id == id_:
            return
        if known:
            self.replaced[known.id] = self.journeys.pop(short_id)
            self.set_over(known, time)
        for other in self.journeys.values():
            if other.skb == skb:
                self.set_over(other, time)
        self.count += 1
        its_parent = self.journeys.get(parent & 0xffffffff) if parent else None
        journey = Journey(self.count, short_id, id_, skb, its_parent, self.place(record, 48), carried)
        if its_parent and 'sender' in its_parent.processes:
            journey.processes['sender'] = its_parent.processes['sender']
        if carried:
            journey.begin = time
        self.journeys[short_id] = journey

    def event(self, record, time, short_id, sequence, target, cpu, flags):
        journey = self.journeys.get(short_id)
        if not journey:
            warn('an event came too late')
            return
        journey.events += 1
        if sequence != SEQUENCE_UNKNOWN:
            journey.numbered += 1
            journey.expected = max(journey.expected, sequence + 1)
            journey.lowest = sequence if journey.lowest is None else min(journey.lowest, sequence)
        if journey.begin is None:
            journey.begin = time
        journey.last = max(journey.last or 0, time)
        module, function = reversed(self.targets[target]) if target < len(self.targets) else ('?', '?')
        line = {'packet_id': hex(journey.skb), 'timestamp': time, 'processor_id': cpu, 'module': module,
                'function': function, 'is_return': bool(flags & RETURN)}
        at = 24
        if flags & RETURN:
            line['duration_ns'] = time - struct.unpack_from('<Q', record, 24)[0]
            at = 32
        if flags & ENTRY_LOST:
            line['partner'] = 'lost'
        if flags & FREED:
            line['skb_freed'] = True
        line['journey'] = journey.number
        names = [field[0] for field in self.fields]
        if journey.place and 'netns' not in names:
            line['netns'] = journey.place[0]
        if journey.place and journey.place[1] and 'device' not in names:
            line['device'] = journey.place[1]
        if not flags & NO_FIELDS:
            for name, offset, size, signed, is_bool, shown, bit in self.fields:
                if bit and not record[at + bit[0]] & bit[1]:
                    continue
                value = int.from_bytes(record[at + offset:at + offset + size], 'little', signed=signed)
                line[name] = hex(value) if shown == 'hex' else bool(value) if is_bool else value
        self.emit(line)

    def end(self, journey, time, facts):
        journey.end = {**facts, 'at': time}
        journey.expected = max(journey.expected, facts['events'])
        self.set_over(journey, time)

    def set_over(self, journey, time):
        if journey.over_at is None:
            journey.over_at = time
            self.over.append(journey)

    def complete(self, journey, without_end):
        if self.journeys.get(journey.short_id) is journey:
            del self.journeys[journey.short_id]
        self.replaced.pop(journey.id, None)
        if journey.events == 0:
            return
        end = journey.end
        last = max(end['at'], journey.last) if end else journey.last
        lost = max(0, journey.expected - journey.numbered - (journey.lowest or 0 if journey.carried else 0))
        gap = journey.carried or lost > 0 or (not end and without_end != 'alive')
        gap = gap or any(begin <= last and until >= journey.begin for begin, until in self.windows)
        outcome = outcome_of(end) if end else without_end
        line = {'type': 'journey', 'journey': journey.number, 'packet_id': hex(journey.skb),
                'parent': journey.parent.number if journey.parent else None, 'outcome': outcome}
        if outcome in ('forwarded', 'transmitted'):
            line['device'] = end['device']
        reason = self.names['reasons'].get(str(end['reason'])) if end and end['dropped'] else None
        line.update(reason=reason, ended_in=self.location(end), begin=journey.begin, end=last,
                    events=journey.events, gap=gap)
        if lost:
            line['lost'] = lost
        if journey.snapshots:
            line['packet'] = [journey.snapshots[0], journey.snapshots[-1]]
        line.update(journey.processes)
        if outcome == 'delivered' or outcome == 'processed' or end and end['stage'] == 'unread' and outcome == 'dropped':
            line['socket'] = (end['family'], end['protocol'])
        self.emit(line)

    def location(self, end):
        if not end or not end['location']:
            return None
        symbol = self.told.get(end['location'], '') or end.get('symbol', '')
        name = symbol.split('/', 1)[0] if '/' in symbol else self.names['symbols'].get(str(end['location']))
        return None if name is None or is_trampoline(name) else name


def is_trampoline(name):
    name = name.split('+', 1)[0]
    if name in ('return_to_handler', 'arch_rethook_trampoline') or name.lstrip('_') == 'kretprobe_trampoline':
        return True
    return name.startswith('ftrace_') or name.startswith('bpf_trampoline_')


def outcome_of(end):
    if end['dropped']:
        return 'processed' if end['stage'] == 'processed' else 'dropped'
    if end['stage'] == 'sent':
        return 'forwarded' if end['received'] else 'transmitted'
    return {'unread': 'dropped', 'queued': 'delivered'}.get(end['stage'], 'consumed')


def main(paths):
    reader = Reader(lambda line: print(json.dumps(line)))
    try:
        for path in paths:
            reader.read(path)
    except Damaged as problem:
        warn(problem)
    reader.finish()


if __name__ == '__main__':
    main(sys.argv[1:])
