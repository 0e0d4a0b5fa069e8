import { describe, expect, it } from 'vitest';
import { cleanServerToken } from './server-token';

const clean = 'QMSA-4M8D-K2VX-77QH-PT31';

describe('a pasted Server Token', () => {
  it.each([
    ['as it is', clean],
    ['spaces and line breaks', `  QMSA-4M8D-K2VX-\r\n77QH-PT31\t`],
    ['small letters', clean.toLowerCase()],
    ['typographic dashes', clean.replaceAll('-', '\u2013')],
    ['minus signs', clean.replaceAll('-', '\u2212')],
    ['invisible characters', `\ufeffQMSA-\u200b4M8D-\u00adK2VX-77QH\u2060-PT31\u200f`],
    ['no-break spaces', `\u00a0${clean}\u202f`],
  ])('is cleaned: %s', (_, raw) => expect(cleanServerToken(raw)).toEqual({ ok: true, token: clean }));

  it.each([
    ['', 'Enter the Server Token.'],
    ['QMSA-7', 'Enter the whole Server Token. This one has 6 characters, it needs at least 8.'],
    ['A'.repeat(129), 'This is too long for a Server Token: 129 characters. Copy it again from QMS.'],
  ])('is refused in words: %s', (raw, error) => expect(cleanServerToken(raw)).toEqual({ ok: false, error }));

  it.each(['QMSA%2F4M8D', 'QMSA_4M8D', '../../etc/passwd', '<b>QMSA4M8D', 'QMSÄ-4M8D', 'ıMSA-4M8D'])(
    'names what cannot be in one: %s',
    (raw) => expect(cleanServerToken(raw)).toMatchObject({ ok: false }),
  );

  it('has 8 to 128 characters', () => {
    expect(cleanServerToken('A'.repeat(8)).ok).toBe(true);
    expect(cleanServerToken('A'.repeat(128)).ok).toBe(true);
  });
});
