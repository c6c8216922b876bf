// Unary gRPC calls over node's own HTTP/2, with a client certificate.

import http2 from 'node:http2';

const DEADLINE_S = 30;

export class CallError extends Error {
  constructor(code, message, reason, metadata, details) {
    super(`${reason || `gRPC ${code}`}: ${message}`);
    Object.assign(this, { code, reason, metadata, details });
  }
}

export class Channel {
  constructor(address, certificates, schema) {
    this.schema = schema;
    this.session = http2.connect(`https://${address}`, certificates);
    this.session.on('error', (error) => {
      this.failure = error;
    });
  }

  close() {
    this.session.close();
  }

  async call(path, request) {
    const method = this.schema.methods.get(path);
    const { headers, body } = await this.exchange(path, this.schema.encode(method.request, request));
    const code = Number(headers['grpc-status'] ?? 2);
    if (code !== 0) throw this.error(code, headers);
    if (body.length < 5 || body[0] !== 0 || body.readUInt32BE(1) !== body.length - 5) throw new Error('not one whole message');
    return this.schema.decode(method.response, body.subarray(5));
  }

  exchange(path, message) {
    const frame = Buffer.alloc(5);
    frame.writeUInt32BE(message.length, 1);
    return new Promise((resolve, reject) => {
      const stream = this.session.request({
        ':method': 'POST',
        ':path': path,
        'content-type': 'application/grpc',
        te: 'trailers',
        'grpc-timeout': `${DEADLINE_S}S`,
      });
      const headers = {};
      const chunks = [];
      stream.on('response', (received) => Object.assign(headers, received));
      stream.on('trailers', (received) => Object.assign(headers, received));
      stream.on('data', (chunk) => chunks.push(chunk));
      stream.on('error', (error) => reject(this.failure ?? error));
      stream.on('end', () => resolve({ headers, body: Buffer.concat(chunks) }));
      stream.end(Buffer.concat([frame, message]));
    });
  }

  error(code, headers) {
    const message = decodeURIComponent(headers['grpc-message'] ?? '');
    const raw = headers['grpc-status-details-bin'];
    if (!raw) return new CallError(code, message, '', new Map(), []);
    const { details } = this.schema.decode('google.rpc.Status', Buffer.from(raw, 'base64'));
    const read = details.map((detail) => {
      const name = detail.type_url.slice(detail.type_url.lastIndexOf('/') + 1);
      return { name, value: this.schema.messages.has(name) ? this.schema.decode(name, detail.value) : null };
    });
    const info = read.find(({ name }) => name === 'google.rpc.ErrorInfo')?.value;
    return new CallError(code, message, info?.reason ?? '', info?.metadata ?? new Map(), read);
  }
}
