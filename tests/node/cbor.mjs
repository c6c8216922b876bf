// Deterministic CBOR (RFC 8949 section 4.2.1) as far as docs/STATEMENTS.md needs it: integers, byte and text strings, arrays,
// maps with integer keys, booleans, null, and the one tag 18. Integers beyond 2^53 are BigInt.

export class Tagged {
  constructor(tag, value) {
    this.tag = tag;
    this.value = value;
  }
}

const DEPTH_MAX = 8;

function head(major, argument) {
  const value = BigInt(argument);
  const first = major << 5;
  if (value < 24n) return Buffer.from([first | Number(value)]);
  if (value < 1n << 8n) return Buffer.from([first | 24, Number(value)]);
  if (value < 1n << 16n) {
    const bytes = Buffer.from([first | 25, 0, 0]);
    bytes.writeUInt16BE(Number(value), 1);
    return bytes;
  }
  if (value < 1n << 32n) {
    const bytes = Buffer.from([first | 26, 0, 0, 0, 0]);
    bytes.writeUInt32BE(Number(value), 1);
    return bytes;
  }
  const bytes = Buffer.alloc(9);
  bytes[0] = first | 27;
  bytes.writeBigUInt64BE(value, 1);
  return bytes;
}

export function encode(value) {
  if (value === null) return Buffer.from([0xf6]);
  if (value === true) return Buffer.from([0xf5]);
  if (value === false) return Buffer.from([0xf4]);
  if (typeof value === 'bigint' || Number.isInteger(value)) {
    return value < 0 ? head(1, -1n - BigInt(value)) : head(0, value);
  }
  if (typeof value === 'string') {
    const bytes = Buffer.from(value, 'utf8');
    return Buffer.concat([head(3, bytes.length), bytes]);
  }
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value]);
  if (Array.isArray(value)) return Buffer.concat([head(4, value.length), ...value.map(encode)]);
  if (value instanceof Tagged) return Buffer.concat([head(6, value.tag), encode(value.value)]);
  if (value instanceof Map) {
    const members = [...value].map(([key, member]) => [encode(key), encode(member)]);
    members.sort(([left], [right]) => Buffer.compare(left, right));
    return Buffer.concat([head(5, members.length), ...members.flat()]);
  }
  throw new TypeError('not a value of this profile');
}

class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  take(count) {
    if (this.at + count > this.bytes.length) throw new Error('CBOR ends too early');
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  argument(additional) {
    if (additional < 24) return additional;
    if (additional > 27) throw new Error('an indefinite length, or a reserved one');
    const size = 1 << (additional - 24);
    const value = BigInt(`0x${this.take(size).toString('hex')}`);
    return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
  }

  value(depth) {
    if (depth > DEPTH_MAX) throw new Error('nested too deep');
    const first = this.take(1)[0];
    const major = first >> 5;
    if (major === 7) {
      if (first === 0xf4 || first === 0xf5) return first === 0xf5;
      if (first === 0xf6) return null;
      throw new Error('a float or a simple value');
    }
    const argument = this.argument(first & 31);
    switch (major) {
      case 0:
        return argument;
      case 1:
        return typeof argument === 'bigint' ? -1n - argument : -1 - argument;
      case 2:
        return Buffer.from(this.take(argument));
      case 3:
        return new TextDecoder('utf-8', { fatal: true }).decode(this.take(argument));
      case 4: {
        const list = [];
        for (let index = 0; index < argument; index += 1) list.push(this.value(depth + 1));
        return list;
      }
      case 5: {
        const map = new Map();
        for (let index = 0; index < argument; index += 1) {
          const key = this.value(depth + 1);
          map.set(key, this.value(depth + 1));
        }
        return map;
      }
      default:
        if (argument !== 18) throw new Error('a tag');
        return new Tagged(18, this.value(depth));
    }
  }
}

export function decode(bytes) {
  const reader = new Reader(bytes);
  const value = reader.value(0);
  // Whatever was longer than needed, out of order, twice or left over does not come back the same.
  if (!encode(value).equals(bytes)) throw new Error('not deterministic CBOR');
  return value;
}
