// A prepared statement: taken apart, checked and shown before it is signed (docs/STATEMENTS.md, part 1 and 1.12).

import assert from 'node:assert/strict';

import { Tagged, decode, encode } from './cbor.mjs';
import { sha256 } from './keys.mjs';

const KINDS = new Map([[1, 'register'], [3, 'split'], [4, 'merge'], [5, 'transform'], [6, 'offer'], [7, 'cancel'], [8, 'accept']]);
const CONTENT_TYPE = 'application/vnd.monazite.statement+cbor';
const TYP = 277;

// Merkle tree hash of RFC 9162 section 2.1.1 over leaf hashes.
export function root(leaves) {
  if (leaves.length === 0) return sha256();
  if (leaves.length === 1) return leaves[0];
  let left = 1;
  while (left * 2 < leaves.length) left *= 2;
  return sha256(Buffer.from([1]), root(leaves.slice(0, left)), root(leaves.slice(left)));
}

function lotOf(content) {
  const fields = decode(content);
  return {
    lotId: fields.get(1),
    holder: fields.get(2),
    site: fields.get(3),
    form: fields.get(4),
    grossG: fields.get(5),
    elements: fields.get(8).map(([element, reoMg]) => [element, reoMg]),
    receiver: fields.get(14) ?? null,
  };
}

// Reads and checks what a registry prepared for `issuer` and `key`; throws where anything is not as it must be.
export function read(prepared, issuer, key) {
  const [statement, openings, nodes, details] = decode(prepared.unsigned_item.item);
  const envelope = decode(statement);
  assert(envelope instanceof Tagged, 'a tagged COSE_Sign1');
  const [protectedHeader, unprotected, payload, signature] = envelope.value;
  assert.equal(unprotected.size, 0);
  assert.equal(signature.length, 0, 'nobody has signed it');

  const signingInput = encode(['Signature1', protectedHeader, Buffer.alloc(0), payload]);
  assert(signingInput.equals(prepared.signing_input), 'the bytes to sign are those of the item');
  const statementId = sha256(signingInput);
  assert(statementId.equals(prepared.statement_id), 'the id is of these bytes');

  const header = decode(protectedHeader);
  assert.deepEqual([...header.keys()], [1, 3, 4, 15, 16]);
  assert.equal(header.get(1), key.alg);
  assert.equal(header.get(3), CONTENT_TYPE);
  assert(header.get(4).equals(key.kid), 'our key');
  assert.equal(header.get(16), TYP);
  const claims = header.get(15);
  assert.equal(claims.get(1), issuer, 'in our name');
  assert(!claims.has(-70004), 'on behalf of nobody');

  const [version, outputsRoot, outputsCount, detailsDigest] = decode(payload);
  assert.equal(version, 1);
  assert.equal(nodes.length, 0, 'nothing is hidden');
  assert.deepEqual([...openings.keys()], [...Array(outputsCount).keys()]);
  const leaves = [...openings.values()].map(([salt, content]) => sha256(Buffer.from([0]), salt, content));
  assert(root(leaves).equals(outputsRoot), 'the outputs are those committed to');
  assert(sha256(...details).equals(detailsDigest), 'the details are those committed to');

  return {
    statementId,
    signingInput,
    kind: KINDS.get(claims.get(-70001)),
    subject: claims.get(2),
    issuedAt: new Date(claims.get(6) * 1000),
    spends: (claims.get(-70002) ?? []).map((spend) => ({ id: spend.subarray(0, 32), index: spend.readUInt16BE(32) })),
    refs: claims.get(-70003) ?? [],
    details: decode(details[1]),
    outputs: [...openings.values()].map(([, content]) => lotOf(content)),
    signed: (made) =>
      encode([encode(new Tagged(18, [protectedHeader, new Map(), payload, made])), openings, nodes, details]),
  };
}

// What a person reads before the key is used.
export function show(statement) {
  return [
    `${statement.kind} of ${statement.subject}, ${statement.issuedAt.toISOString()}`,
    `  id ${statement.statementId.toString('hex')}`,
    ...statement.spends.map(({ id, index }) => `  spends ${id.toString('hex')}:${index}`),
    ...statement.refs.map((ref) => `  refers to ${ref.toString('hex')}`),
    `  details ${JSON.stringify(plain(statement.details))}`,
    ...statement.outputs.flatMap((lot) => [
      `  makes ${lot.lotId}, ${lot.grossG} g gross, of ${lot.holder} at ${lot.site}${lot.receiver ? `, to ${lot.receiver}` : ''}`,
      ...lot.elements.map(([element, reoMg]) => `    element ${element}: ${reoMg} mg REO`),
    ]),
  ].join('\n');
}

function plain(value) {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, member]) => [key, plain(member)]));
  if (Buffer.isBuffer(value)) return value.toString('hex');
  if (Array.isArray(value)) return value.map(plain);
  return typeof value === 'bigint' ? value.toString() : value;
}
