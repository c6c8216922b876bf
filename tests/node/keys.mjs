// Ed25519 and P-256 keys of node's crypto as docs/STATEMENTS.md (1.6) wants them.

import { createHash, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';

import { decode, encode } from './cbor.mjs';

const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

export const sha256 = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest();

export class Key {
  constructor(algorithm) {
    const ed25519 = algorithm === 'ED25519';
    const pair = ed25519 ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const { x, y } = pair.publicKey.export({ format: 'jwk' });
    const members = ed25519
      ? [[1, 1], [-1, 6], [-2, Buffer.from(x, 'base64url')]]
      : [[1, 2], [-1, 1], [-2, Buffer.from(x, 'base64url')], [-3, Buffer.from(y, 'base64url')]];
    this.privateKey = pair.privateKey;
    this.ed25519 = ed25519;
    this.alg = ed25519 ? -19 : -9;
    this.coseKey = encode(new Map(members));
    this.thumbprint = sha256(this.coseKey);
    this.kid = this.thumbprint.subarray(0, 16);
  }

  sign(message) {
    if (this.ed25519) return sign(null, message, this.privateKey);
    const signature = sign('sha256', message, { key: this.privateKey, dsaEncoding: 'ieee-p1363' });
    const s = BigInt(`0x${signature.subarray(32).toString('hex')}`);
    const low = s > P256_ORDER / 2n ? P256_ORDER - s : s;
    return Buffer.concat([signature.subarray(0, 32), Buffer.from(low.toString(16).padStart(64, '0'), 'hex')]);
  }

  provePossession(issuer) {
    return this.sign(Buffer.concat([Buffer.from('monazite key possession v1\0'), this.thumbprint, Buffer.from(issuer)]));
  }
}

// The public half of a COSE_Key, to verify with.
export class PublicKey {
  constructor(coseKey) {
    const members = decode(coseKey);
    const [x, y] = [members.get(-2), members.get(-3)].map((part) => part?.toString('base64url'));
    this.ed25519 = members.get(1) === 1;
    const jwk = this.ed25519 ? { kty: 'OKP', crv: 'Ed25519', x } : { kty: 'EC', crv: 'P-256', x, y };
    this.publicKey = createPublicKey({ key: jwk, format: 'jwk' });
    this.alg = this.ed25519 ? -19 : -9;
    this.kid = sha256(coseKey).subarray(0, 16);
  }

  verify(message, signature) {
    if (this.ed25519) return verify(null, message, this.publicKey, signature);
    return verify('sha256', message, { key: this.publicKey, dsaEncoding: 'ieee-p1363' }, signature);
  }
}
