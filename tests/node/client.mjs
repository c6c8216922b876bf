// An enterprise's own client: registers its key, has steps prepared, reads and shows them, signs them, submits them.
// Everything it knows of the suite are the .proto files and docs/STATEMENTS.md.
//
//   node client.mjs '{"address": ..., "protos": ..., "ca": ..., "certificate": ..., "key": ..., "issuer": ..., "receiver": ...,
//     "algorithm": "ED25519" or "ESP256", "log": ..., "log_issuer": ..., "log_key": COSE_Key in hex}'
//
// Shows on standard error what it signs; prints on standard output, as JSON, what came of it.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { decode } from './cbor.mjs';
import { Channel } from './grpc.mjs';
import { Key, PublicKey } from './keys.mjs';
import { Schema } from './proto.mjs';
import { check } from './receipt.mjs';
import { read, show } from './statement.mjs';

const LOTS = '/monazite.registry.v1.LotService';
const ENTERPRISES = '/monazite.registry.v1.EnterpriseService';
const RECEIPT = '/monazite.transparency.v1.TransparencyService/GetReceipt';
const RECEIPT_WAIT_MS = 20_000;
const PREPARED = 'monazite.registry.v1.PreparedStatement';
const CE = 58;
const ND = 60;

const options = JSON.parse(process.argv[2]);
const schema = new Schema(
  options.protos,
  'monazite/registry/v1/registry.proto',
  'monazite/transparency/v1/transparency.proto',
);
const channel = new Channel(
  options.address,
  { ca: readFileSync(options.ca), cert: readFileSync(options.certificate), key: readFileSync(options.key) },
  schema,
);
const key = new Key(options.algorithm);
// As the trust file certifies it, which came to this enterprise on another way than its answers do.
const log = { key: new PublicKey(Buffer.from(options.log_key, 'hex')), issuer: options.log_issuer, log: options.log };
const registered = [];
const numberOf = (name, value) => schema.enums.get(`monazite.type.v1.${name}`).get(value);

async function certify() {
  const { key: certified } = await channel.call(`${ENTERPRISES}/CertifyKey`, {
    request_id: randomUUID(),
    cose_key: key.coseKey,
    proof_of_possession: key.provePossession(options.issuer),
    own_signature_only: true,
  });
  assert(certified.thumbprint.equals(key.thumbprint));
}

const issue = async (count) => (await channel.call(`${LOTS}/IssueLotIds`, { request_id: randomUUID(), count })).lot_ids;

const prepare = (step) => channel.call(`${LOTS}/PrepareStatement`, { kid: key.kid, ...step });

// Reads, shows, compares with what was wanted, and only then signs.
function sign(prepared, { kind, outputs, spends }) {
  const statement = read(prepared, options.issuer, key);
  console.error(show(statement));
  assert.equal(statement.kind, kind);
  assert.deepEqual(statement.outputs.map(({ lotId, grossG }) => [lotId, grossG]), outputs);
  assert.deepEqual(statement.spends.map(({ id, index }) => [id.toString('hex'), index]), spends.map(spend));
  assert(statement.outputs.every(({ holder }) => holder === options.issuer));
  return { statement, item: statement.signed(key.sign(statement.signingInput)) };
}

const spend = ({ statement_id: id, output_index: index = 0 }) => [id.toString('hex'), index];

async function submit({ statement, item }) {
  const done = await channel.call(`${LOTS}/SubmitStatement`, { request_id: randomUUID(), statement: { item } });
  assert(done.statement.item.equals(item), 'what was taken in is what we signed');
  assert(done.admission.statement_id.equals(statement.statementId));
  const { index, receipt } = await registration(done.admission);
  const place = check(receipt, decode(item)[0], log);
  assert.equal(place.index, index);
  assert.throws(() => check(receipt, Buffer.concat([decode(item)[0], Buffer.alloc(1)]), log), /signed this root/);
  registered.push(place.index);
  return done;
}

// The index and the receipt come with the answer, or, if the log took longer than we were to wait, a little later.
async function registration(admission) {
  if (!admission.receipt_pending) return admission;
  return channel.call(RECEIPT, { statement_id: admission.statement_id, wait_ms: RECEIPT_WAIT_MS });
}

const material = (masses) => ({
  form: numberOf('Form', 'FORM_ORE_CONCENTRATE'),
  gross_g: 2000,
  net_g: 2000,
  elements: masses.map(([element, mass]) => ({ element, reo_mg: mass })),
  sources: [{ laboratory: 'assay-1', method: 'ICP-MS' }],
  custody_model: numberOf('CustodyModel', 'CUSTODY_MODEL_SEGREGATED'),
});

async function register() {
  const [lotId] = await issue(1);
  const step = {
    register_lot: {
      origin: { imported: { country: 'US', customs_declaration: 'D-1' } },
      lots: [{ lot_id: lotId, site: 'yard-1', material: material([[CE, 600000], [ND, 400000]]) }],
    },
  };
  const [prepared, other] = [await prepare(step), await prepare(step)];
  // What is shown must be what is signed: not even the salts of the same step may be another's.
  assert.throws(() => read({ ...prepared, signing_input: other.signing_input }, options.issuer, key), /bytes to sign/);
  assert.throws(() => read({ ...prepared, unsigned_item: other.unsigned_item }, options.issuer, key), /bytes to sign/);
  assert.throws(() => read(prepared, options.receiver, key), /in our name/);
  assert.throws(() => read(prepared, options.issuer, new Key(options.algorithm)), /our key/);
  const signed = sign(prepared, { kind: 'register', outputs: [[lotId, 2000]], spends: [] });
  assert.deepEqual(signed.statement.outputs[0].elements, [[CE, 600000], [ND, 400000]]);
  return (await submit(signed)).heads[0];
}

async function offerAndTakeBack(head) {
  const [remainder] = await issue(1);
  const offering = { consignments: [{ spend: head.outpoint, remainder_lot_id: remainder }], receiver: options.receiver };
  const outputs = [[head.lot_id, 2000]];
  const offer = sign(await prepare({ offer_lots: offering }), { kind: 'offer', outputs, spends: [head.outpoint] });
  assert.equal(offer.statement.outputs[0].receiver, options.receiver);
  const [moving] = (await submit(offer)).heads;
  const cancelling = { cancel_offer: { spends: [moving.outpoint] } };
  const cancel = sign(await prepare(cancelling), { kind: 'cancel', outputs, spends: [moving.outpoint] });
  const [back] = (await submit(cancel)).heads;
  return { offer: offer.statement.statementId, back };
}

async function split(head) {
  const ids = await issue(2);
  const outputs = [[ids[0], 500], [ids[1], 1500]];
  const parts = outputs.map(([lotId, grossG]) => ({ lot_id: lotId, gross_g: grossG }));
  const early = sign(await prepare({ split_lot: { spend: head.outpoint, parts } }), {
    kind: 'split',
    outputs,
    spends: [head.outpoint],
  });
  // Meanwhile the lot moves on, and what was signed is stale.
  const { offer, back } = await offerAndTakeBack(head);
  const stale = await submit(early).then(() => assert.fail('a spent head'), (error) => error);
  assert.equal(stale.reason, 'STALE');
  assert.equal(stale.metadata.get('spent_by'), offer.toString('hex'));
  const fresh = stale.details.find(({ name }) => name === PREPARED).value;
  const done = await submit(sign(fresh, { kind: 'split', outputs, spends: [back.outpoint] }));
  return done.heads.map(({ lot_id: lotId }) => lotId);
}

try {
  await certify();
  const head = await register();
  const lots = await split(head);
  console.log(JSON.stringify({ kid: key.kid.toString('hex'), lots, registered }));
} finally {
  channel.close();
}
