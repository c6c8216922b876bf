// Reads .proto files (proto3, as far as ours go) and writes and reads their messages, so that the schema alone is needed.
// Fields have their names of the .proto; 64-bit integers beyond 2^53 are BigInt; enums are numbers.

import { readFileSync } from 'node:fs';
import path from 'node:path';

// Of other people's protos what ours refer to, and what a gRPC status carries.
const WELL_KNOWN = `
  package google.protobuf;
  message Timestamp { int64 seconds = 1; int32 nanos = 2; }
  message Any { string type_url = 1; bytes value = 2; }
`;
const STATUS = `
  package google.rpc;
  message Status { int32 code = 1; string message = 2; repeated google.protobuf.Any details = 3; }
  message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }
`;
const VARINTS = new Set(['bool', 'int32', 'int64', 'uint32', 'uint64']);

export class Schema {
  constructor(root, ...files) {
    this.root = root;
    this.messages = new Map();
    this.enums = new Map();
    this.methods = new Map();
    this.read = new Set();
    this.parse(WELL_KNOWN);
    this.parse(STATUS);
    for (const file of files) this.load(file);
  }

  load(file) {
    if (this.read.has(file) || file.startsWith('google/')) return;
    this.read.add(file);
    this.parse(readFileSync(path.join(this.root, file), 'utf8'));
  }

  parse(text) {
    const plain = text.replace(/\/\/[^\n]*/g, '');
    const tokens = plain.match(/"[^"]*"|[\w.]+|[{}=;<>,()[\]-]/g);
    const take = () => tokens.shift();
    const skipTo = (end) => {
      while (take() !== end);
    };
    let scope = '';
    while (tokens.length) {
      const word = take();
      if (word === 'package') scope = take();
      else if (word === 'import') this.load(take().slice(1, -1));
      else if (word === 'message') this.message(take, tokens, scope);
      else if (word === 'enum') this.enumeration(take, scope);
      else if (word === 'service') this.service(take, scope);
      else if (word === 'syntax' || word === 'option') skipTo(';');
    }
  }

  message(take, tokens, scope) {
    const name = `${scope}.${take()}`;
    const fields = [];
    this.messages.set(name, fields);
    take();
    let depth = 1;
    while (depth) {
      let word = take();
      if (word === '}') depth -= 1;
      else if (word === 'oneof') {
        take();
        take();
        depth += 1;
      } else if (word === 'message') this.message(take, tokens, name);
      else if (word === 'enum') this.enumeration(take, name);
      else if (word === 'reserved' || word === 'option') while (take() !== ';');
      else if (word !== ';') {
        const repeated = word === 'repeated';
        if (repeated || word === 'optional') word = take();
        let entry = null;
        if (word === 'map') {
          take();
          const key = take();
          take();
          entry = [key, take()];
          take();
        }
        const field = take();
        take();
        const number = Number(take());
        while (take() !== ';');
        fields.push({ name: field, number, type: entry ? null : word, entry, repeated: repeated || entry !== null, scope: name });
      }
    }
  }

  enumeration(take, scope) {
    const values = new Map();
    this.enums.set(`${scope}.${take()}`, values);
    take();
    for (let word = take(); word !== '}'; word = take()) {
      if (take() !== '=') continue;
      values.set(word, Number(take()));
      while (take() !== ';');
    }
  }

  service(take, scope) {
    const name = `${scope}.${take()}`;
    take();
    for (let word = take(); word !== '}'; word = take()) {
      if (word !== 'rpc') continue;
      const method = take();
      const signature = [];
      for (let part = take(); part !== ';' && part !== '{'; part = take()) signature.push(part);
      const types = signature.filter((part) => !['(', ')', 'returns', 'stream'].includes(part));
      const [request, response] = types.map((type) => this.messageName(type, scope));
      this.methods.set(`/${name}/${method}`, { request, response });
    }
  }

  // The full name of what is named within a scope: the innermost that there is. Messages may be named before they are read.
  within(table, type, scope) {
    for (let outer = scope; outer; outer = outer.slice(0, Math.max(outer.lastIndexOf('.'), 0))) {
      if (table.has(`${outer}.${type}`)) return `${outer}.${type}`;
    }
    return table.has(type) ? type : null;
  }

  messageName(type, scope) {
    return type.includes('.') ? type : `${scope}.${type}`;
  }

  kind(type, scope) {
    if (VARINTS.has(type)) return 'varint';
    if (type === 'string' || type === 'bytes') return type;
    if (this.within(this.enums, type, scope)) return 'varint';
    return this.within(this.messages, type, scope);
  }

  encode(name, value) {
    const fields = this.messages.get(name);
    for (const given of Object.keys(value)) {
      if (!fields.some((field) => field.name === given)) throw new Error(`${name} has no field ${given}`);
    }
    return Buffer.concat(
      fields
        .filter((field) => value[field.name] !== undefined)
        .flatMap((field) => (field.repeated ? value[field.name] : [value[field.name]]).map((each) => this.field(field, each))),
    );
  }

  field({ number, type, scope }, value) {
    const kind = this.kind(type, scope);
    if (kind === 'varint') return Buffer.concat([varint(number << 3), varint(value)]);
    const bytes = kind === 'string' || kind === 'bytes' ? Buffer.from(value) : this.encode(kind, value);
    return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes]);
  }

  decode(name, bytes) {
    const fields = new Map(this.messages.get(name).map((field) => [field.number, field]));
    const value = {};
    for (const field of fields.values()) {
      if (field.entry) value[field.name] = new Map();
      else if (field.repeated) value[field.name] = [];
    }
    const reader = { bytes, at: 0 };
    while (reader.at < bytes.length) {
      const key = Number(readVarint(reader));
      const field = fields.get(key >> 3);
      const content = readContent(reader, key & 7);
      if (field) this.put(value, field, key & 7, content);
    }
    return value;
  }

  put(value, field, wire, content) {
    if (field.entry) {
      const reader = { bytes: content, at: 0 };
      const pair = ['', ''];
      while (reader.at < content.length) {
        const key = Number(readVarint(reader));
        pair[(key >> 3) - 1] = readContent(reader, key & 7).toString('utf8');
      }
      value[field.name].set(...pair);
      return;
    }
    const kind = this.kind(field.type, field.scope);
    if (kind === 'varint' && wire === 2) {
      const reader = { bytes: content, at: 0 };
      while (reader.at < content.length) value[field.name].push(integer(readVarint(reader), field.type));
      return;
    }
    let read = content;
    if (kind === 'varint') read = integer(content, field.type);
    else if (kind === 'string') read = content.toString('utf8');
    else if (kind !== 'bytes') read = this.decode(kind, content);
    if (field.repeated) value[field.name].push(read);
    else value[field.name] = read;
  }
}

function varint(value) {
  let left = BigInt.asUintN(64, BigInt(value));
  const bytes = [];
  do {
    const low = Number(left & 0x7fn);
    left >>= 7n;
    bytes.push(left ? low | 0x80 : low);
  } while (left);
  return Buffer.from(bytes);
}

function readVarint(reader) {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = reader.bytes[reader.at];
    reader.at += 1;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  throw new Error('a varint without end');
}

function readContent(reader, wire) {
  if (wire === 0) return readVarint(reader);
  const size = wire === 2 ? Number(readVarint(reader)) : { 1: 8, 5: 4 }[wire];
  if (size === undefined || reader.at + size > reader.bytes.length) throw new Error('a message that ends too early');
  reader.at += size;
  return reader.bytes.subarray(reader.at - size, reader.at);
}

function integer(value, type) {
  if (type === 'bool') return value !== 0n;
  const signed = BigInt.asIntN(64, value);
  return signed >= Number.MIN_SAFE_INTEGER && signed <= Number.MAX_SAFE_INTEGER ? Number(signed) : signed;
}
