import { generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type PublicKey, verifyLicenseKey } from './verify';

const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const { x = '', y = '' } = pair.publicKey.export({ format: 'jwk' });
const keys: PublicKey[] = [{ kid: 'sold-2026-1', x, y, licenseTypes: ['permanent', 'subscription'] }];
const header = '{"alg":"ES256","kid":"sold-2026-1","typ":"qms-license+jwt"}';
const start =
  '{"iss":"qms-licensing","jti":"5a7b22fd3b0147caae4f13a5d93c2b11","sub":"QMSA-4M8D-K2VX-77QH-PT31","iat":1795435200';
const seats = '"seats":{"callRecording":70,"computerRecording":50,"agentEvaluation":50},"suite":50,"seq":3}';
const permanent = `${start},"type":"permanent",${seats}`;
const subscription = `${start},"exp":1798804800,"type":"subscription","expiresOn":"2026-12-31",${seats}`;

const base64url = (text: string) => Buffer.from(text, 'latin1').toString('base64url');
function make(payload: string, head = header): string {
  const input = `${base64url(head)}.${base64url(payload)}`;
  const signature = sign('sha256', Buffer.from(input), { key: pair.privateKey, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}
const code = async (text: string, list = keys) => {
  const verdict = await verifyLicenseKey(text, list);
  return verdict.ok ? 'good' : verdict.code;
};

describe('a license key that is good', () => {
  it('says what it is for', async () => {
    expect(await verifyLicenseKey(make(permanent), keys)).toEqual({
      ok: true,
      license: {
        id: '5a7b22fd3b0147caae4f13a5d93c2b11',
        serverToken: 'QMSA-4M8D-K2VX-77QH-PT31',
        issuedAt: 1795435200,
        type: 'permanent',
        expiresOn: null,
        seats: { callRecording: 70, computerRecording: 50, agentEvaluation: 50 },
        suite: 50,
        sequence: 3,
      },
    });
    expect(await code(make(subscription))).toBe('good');
  });
});

describe('a license key that is not', () => {
  it('was changed', async () => {
    const good = make(permanent);
    const at = good.indexOf('.') + 40;
    const other = good[at] === 'A' ? 'B' : 'A';
    expect(await code(good.slice(0, at) + other + good.slice(at + 1))).toBe('signature_invalid');
  });

  it.each([
    ['cut', (key: string) => key.slice(0, -1)],
    ['with a space before', (key: string) => ` ${key}`],
    ['with a line break after', (key: string) => `${key}\n`],
    ['with padding', (key: string) => `${key}=`],
    ['with a fourth part', (key: string) => `${key}.AAAA`],
    ['empty', () => ''],
  ])('%s', async (_, change) =>
    expect(['damaged', 'signature_invalid']).toContain(await code(change(make(permanent)))),
  );

  it.each([
    ['85', (key: string) => key.slice(0, -1)],
    ['87', (key: string) => `${key}A`],
    ['82 with slack bits', (key: string) => `${key.slice(0, -5)}_`],
  ])('has a signature of %s characters', async (_, change) =>
    expect(await code(change(make(permanent)))).toBe('damaged'),
  );

  it('has slack bits', async () => {
    const good = make(permanent);
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const last = alphabet.indexOf(good.slice(-1));
    expect(await code(good.slice(0, -1) + alphabet[last + 1])).toBe('signature_invalid');
  });

  it('is signed with an unknown key', async () => expect(await code(make(permanent), [])).toBe('unknown_key'));

  it('is signed with a key that may not sign its type', async () =>
    expect(await code(make(permanent), [{ kid: 'sold-2026-1', x, y, licenseTypes: ['temporary'] }])).toBe(
      'key_not_for_type',
    ));

  it.each([
    ['another algorithm', permanent, header.replace('ES256', 'none')],
    ['another order of the header', permanent, '{"kid":"sold-2026-1","alg":"ES256","typ":"qms-license+jwt"}'],
    ['an unknown member', permanent.replace('"suite"', '"extra":1,"suite"'), header],
    ['a second member', permanent.replace('"suite":50', '"suite":50,"suite":50'), header],
    ['a space', permanent.replace(',"type"', ', "type"'), header],
    ['a leading zero', permanent.replace(':70', ':070'), header],
    ['an end that is not noon after the day', subscription.replace('1798804800', '1798804801'), header],
    ['29 February of a common year', subscription.replace('2026-12-31', '2026-02-29'), header],
    ['a subscription without an end', permanent.replace('permanent', 'subscription'), header],
    ['a permanent license with an end', subscription.replace('subscription', 'permanent'), header],
    [
      'more Computer than Call Recording',
      permanent.replace('"computerRecording":50', '"computerRecording":71'),
      header,
    ],
    ['more QMS Suite than seats', permanent.replace('"suite":50', '"suite":51'), header],
  ])('is genuine but has %s', async (_, payload, head) =>
    expect(['damaged', 'signature_invalid']).toContain(await code(make(payload, head))),
  );
});
