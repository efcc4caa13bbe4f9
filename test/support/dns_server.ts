import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** What the server answers to a question such as `A example.test`: the data of its records, or a response code. */
export type Answers = Record<string, { ttl?: number; data: Buffer[] } | number>;

const TYPES: Record<number, string> = { 1: 'A', 2: 'NS', 5: 'CNAME', 12: 'PTR', 15: 'MX', 16: 'TXT', 28: 'AAAA' };
const NOT_FOUND = 3;

/** A name as DNS writes it: each label behind its length. */
export function encodeName(name: string): Buffer {
  const labels = name.split('.').flatMap((label) => [Buffer.of(label.length), Buffer.from(label)]);
  return Buffer.concat([...labels, Buffer.of(0)]);
}

function questionIn(message: Buffer): { name: string; type: string; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = message[at]!; length > 0; length = message[at]!) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), type: TYPES[message.readUInt16BE(at + 1)]!, end: at + 5 };
}

function reply(message: Buffer, answer: Answers[string]): Buffer {
  const { end } = questionIn(message);
  const records = typeof answer === 'number' ? [] : answer.data.map((data) => {
    const record = Buffer.alloc(12);
    record.writeUInt16BE(0xc00c, 0); // the name of the question
    message.copy(record, 2, end - 4, end); // type and class
    record.writeUInt32BE(typeof answer === 'number' ? 0 : (answer.ttl ?? 60), 6);
    record.writeUInt16BE(data.length, 10);
    return Buffer.concat([record, data]);
  });
  const head = Buffer.from(message.subarray(0, 12));
  head.writeUInt16BE(0x8180 | (typeof answer === 'number' ? answer : 0), 2);
  head.writeUInt16BE(records.length, 6);
  head.fill(0, 8);
  return Buffer.concat([head, message.subarray(12, end), ...records]);
}

export interface DnsServer {
  readonly address: string;
  /** The questions so far. */
  readonly asked: string[];
  /** It answers nothing before this is settled. */
  held: Promise<void>;
  close(): void;
}

/** A DNS server on this machine. */
export async function dnsServer(answers: Answers): Promise<DnsServer> {
  const socket = createSocket('udp4');
  const server = { asked: [] as string[], held: Promise.resolve(), close: () => { socket.close(); } };
  socket.on('message', (message, from) => {
    const { type, name } = questionIn(message);
    server.asked.push(`${type} ${name}`);
    void server.held.then(() => socket.send(reply(message, answers[`${type} ${name}`] ?? NOT_FOUND), from.port, from.address));
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return Object.assign(server, { address: `127.0.0.1:${String(socket.address().port)}` });
}
