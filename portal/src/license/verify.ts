// Verifies a license key in the browser: compact JWS, ES256, canonical form only (shared/license/licensekey/FORMAT.md). It takes
// clean text; cleaning a paste is another matter. The key table decides the algorithm and the types; the header never does.
import { type Day, expiryInstant, isDay } from './dates';
import type { LicenseType } from './roles';
import { mostSeats, type Seats } from './seats';

export type KeyProblem = 'damaged' | 'unknown_key' | 'signature_invalid' | 'key_not_for_type';

/** What the signed text says. */
export interface SignedLicense {
  id: string;
  serverToken: string;
  issuedAt: number;
  type: LicenseType;
  /** null is Never. */
  expiresOn: Day | null;
  seats: Seats;
  suite: number;
  sequence: number;
}

export type Verdict = { ok: true; license: SignedLicense } | { ok: false; code: KeyProblem };

/** A public key as /.well-known/jwks.json lists it. */
export interface PublicKey {
  kid: string;
  x: string;
  y: string;
  licenseTypes: readonly LicenseType[];
}

const mostSigned = 4095;
const signatureChars = 86;
const headerStart = '{"alg":"ES256","kid":"';
const headerEnd = '","typ":"qms-license+jwt"}';
const payloadStart = '{"iss":"qms-licensing","jti":"';
const bad = (code: KeyProblem): Verdict => ({ ok: false, code });

export async function verifyLicenseKey(text: string, keys: readonly PublicKey[]): Promise<Verdict> {
  if (text.length > mostSigned + 1 + signatureChars) return bad('damaged');
  const [, head = '', body = '', tail = ''] = /^([\w-]*)\.([\w-]*)\.([\w-]*)$/.exec(text) ?? [];
  if (tail.length !== signatureChars) return bad('damaged');
  const header = decodeText(head);
  const payload = decodeText(body);
  const signature = decode(tail);
  if (header === null || payload === null || signature === null) return bad('signature_invalid');
  const kid = keyId(header);
  if (kid === null) return bad(foreign(header, payload) ? 'damaged' : 'signature_invalid');
  const key = keys.find((candidate) => candidate.kid === kid);
  if (!key) return bad('unknown_key');
  if (!(await signed(`${head}.${body}`, signature, key))) return bad('signature_invalid');
  const license = decodePayload(payload);
  if (!license) return bad('damaged');
  return key.licenseTypes.includes(license.type) ? { ok: true, license } : bad('key_not_for_type');
}

/** The id in a header that is otherwise exact, byte for byte. */
function keyId(header: string): string | null {
  if (!header.startsWith(headerStart) || !header.endsWith(headerEnd)) return null;
  const kid = header.slice(headerStart.length, -headerEnd.length);
  return /^[a-z0-9-]{1,40}$/.test(kid) ? kid : null;
}

/** One changed character spoils at most one of the three constant parts; more: another kind of signed text. */
function foreign(header: string, payload: string): boolean {
  const intact = [header.startsWith(headerStart), header.endsWith(headerEnd), payload.startsWith(payloadStart)];
  return intact.filter((part) => !part).length > 1;
}

async function signed(input: string, signature: Uint8Array<ArrayBuffer>, { x, y }: PublicKey): Promise<boolean> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  const key = await crypto.subtle.importKey('jwk', { kty: 'EC', crv: 'P-256', x, y }, algorithm, false, ['verify']);
  return crypto.subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, key, signature, new TextEncoder().encode(input));
}

const number = '(0|[1-9]\\d{0,11})';
const mostInstant = 253402300799; // 31 Dec 9999, 23:59:59 UTC
const mostSequence = 2 ** 31 - 1;
const canonical = new RegExp(
  `^\\{"iss":"qms-licensing","jti":"([0-9a-f]{32})","sub":"([A-Z0-9-]{8,128})","iat":${number}(?:,"exp":${number})?` +
    `,"type":"(permanent|subscription|temporary)"(?:,"expiresOn":"(\\d{4}-\\d\\d-\\d\\d)")?` +
    `,"seats":\\{"callRecording":${number},"computerRecording":${number},"agentEvaluation":${number}\\}` +
    `,"suite":${number},"seq":${number}\\}$`,
);

/** The payload has one spelling, so a pattern reads it strictly: order, no unknown or second member, no spaces. */
function decodePayload(text: string): SignedLicense | null {
  const match = canonical.exec(text);
  if (!match) return null;
  const [, id = '', serverToken = '', iat, exp, type = '', day, call, computer, agent, suiteText, seq] = match;
  const expiresOn = day ?? null;
  const [callRecording, computerRecording, agentEvaluation] = [Number(call), Number(computer), Number(agent)];
  const [suite, sequence] = [Number(suiteText), Number(seq)];
  const forever = type === 'permanent';
  if (forever !== (exp === undefined) || forever !== (expiresOn === null)) return null;
  if (expiresOn !== null && (!workable(expiresOn) || Number(exp) * 1000 !== expiryInstant(expiresOn))) return null;
  if (Number(iat) < 1 || Number(iat) > mostInstant || sequence < 1 || sequence > mostSequence) return null;
  if (callRecording < 1 || callRecording > mostSeats || computerRecording > callRecording) return null;
  if (agentEvaluation > callRecording || suite > Math.min(computerRecording, agentEvaluation)) return null;
  return {
    id,
    serverToken,
    issuedAt: Number(iat),
    type: type as LicenseType,
    expiresOn,
    seats: { callRecording, computerRecording, agentEvaluation },
    suite,
    sequence,
  };
}

const workable = (day: Day): boolean => isDay(day) && day >= '1970' && day < '9999';

/** base64url without padding and without slack: re-encoding must give the same text. */
function decode(segment: string): Uint8Array<ArrayBuffer> | null {
  if (segment.length % 4 === 1) return null;
  const bytes = Uint8Array.from(atob(segment.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
  const again = btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '');
  return again === segment ? bytes : null;
}

/** One character per byte; what is not ASCII fits no canonical text. */
function decodeText(segment: string): string | null {
  const bytes = decode(segment);
  return bytes && String.fromCharCode(...bytes);
}
