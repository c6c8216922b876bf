// A receipt of the log (docs/STATEMENTS.md, part 3): the statement stands in a tree whose root the log signed.

import assert from 'node:assert/strict';

import { Tagged, decode, encode } from './cbor.mjs';
import { sha256 } from './keys.mjs';

const TYP = 278;
const RFC9162_SHA256 = 1;
const node = (left, right) => sha256(Buffer.from([1]), left, right);

// The leaf of a statement whose unprotected header is empty, as one is that has just been signed.
export const leafOf = (statement) => sha256(Buffer.from([0]), sha256(statement));

// RFC 9162 section 2.1.3.2. Numbers are exact: no log of ours has 2^53 entries.
export function rootFrom(leaf, index, size, path) {
  assert(index < size, 'an entry of the tree');
  let [first, last, root] = [index, size - 1, leaf];
  for (const sibling of path) {
    assert(last > 0, 'the path is too long');
    if (first % 2 === 1 || first === last) {
      root = node(sibling, root);
      while (first % 2 === 0 && first > 0) [first, last] = [first / 2, Math.floor(last / 2)];
    } else {
      root = node(root, sibling);
    }
    [first, last] = [Math.floor(first / 2), Math.floor(last / 2)];
  }
  assert.equal(last, 0, 'the path is too short');
  return root;
}

// Throws unless `key` of the log `log` signed a head under which `statement` stands; gives its place.
export function check(receipt, statement, { key, issuer, log }) {
  const envelope = decode(receipt);
  assert(envelope instanceof Tagged, 'a tagged COSE_Sign1');
  const [protectedHeader, unprotected, payload, signature] = envelope.value;
  assert.equal(payload, null, 'the proof leads to the root');

  const header = decode(protectedHeader);
  assert.deepEqual([...header.keys()], [1, 4, 15, 16, 395]);
  assert.equal(header.get(1), key.alg);
  assert(header.get(4).equals(key.kid), 'the key of the log');
  assert.equal(header.get(16), TYP);
  assert.equal(header.get(395), RFC9162_SHA256);
  const claims = header.get(15);
  assert.equal(claims.get(1), issuer);
  assert.equal(claims.get(2), log);

  assert.deepEqual([...unprotected.keys()], [396]);
  const proofs = unprotected.get(396);
  assert.deepEqual([...proofs.keys()], [-1]);
  assert.equal(proofs.get(-1).length, 1, 'one proof');
  const [size, index, path] = decode(proofs.get(-1)[0]);
  assert.equal(size, claims.get(-70010), 'the size that was signed');

  const root = rootFrom(leafOf(statement), index, size, path);
  const signed = encode(['Signature1', protectedHeader, Buffer.alloc(0), root]);
  assert(key.verify(signed, signature), 'the log signed this root');
  return { index, size };
}
