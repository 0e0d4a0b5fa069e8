// The published vectors of the format. This reader does not clean, so it takes a paste only if it is the clean text already.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { modulesOf } from './seats';
import { type PublicKey, verifyLicenseKey } from './verify';

interface Vector {
  name: string;
  paste: string;
  repeat?: number;
  problems: string[];
  repairs: string[];
  text?: string;
  license?: {
    serverToken: string;
    type: string;
    expiresOn: string | null;
    modules: object;
    seats: object;
    suite: number;
  };
}

const testdata = new URL('../../../shared/license/licensekey/testdata/', import.meta.url);
const read = (name: string): unknown => JSON.parse(readFileSync(new URL(name, testdata), 'utf8'));
const vectors = read('vectors.json') as Vector[];
const { keys: table } = read('keys.json') as { keys: PublicKey[] };

const ofTheKey = ['damaged', 'signature_invalid', 'unknown_key', 'key_not_for_type'];
const codeOf = async (text: string) => {
  const verdict = await verifyLicenseKey(text, table);
  return verdict.ok ? 'good' : verdict.code;
};

describe('the clean text', () => {
  const clean = vectors.filter(({ text }) => text !== undefined);
  it.each(clean.map((vector) => [vector.name, vector] as const))('%s', async (_, { text = '', problems, license }) => {
    const verdict = await verifyLicenseKey(text, table);
    const expected = problems.find((problem) => ofTheKey.includes(problem)) ?? 'good';
    expect(verdict.ok ? 'good' : verdict.code).toBe(expected);
    if (!verdict.ok || !license) return;
    const { serverToken, type, expiresOn, seats, suite } = verdict.license;
    expect({ serverToken, type, expiresOn, seats, suite, modules: modulesOf(seats, suite) }).toEqual(license);
  });
});

describe('the paste', () => {
  it.each(vectors.map((vector) => [vector.name, vector] as const))('%s', async (_, vector) => {
    const { paste, repeat = 1, text, problems, repairs } = vector;
    const code = await codeOf(paste.repeat(repeat));
    if (code === 'good') expect(paste).toBe(text);
    const [first = 'good'] = problems;
    if (repairs.length === 0 && (first === 'signature_invalid' || first === 'unknown_key')) expect(code).toBe(first);
    if (first === 'damaged') expect(['damaged', 'signature_invalid']).toContain(code);
  });
});

it('has good ones and every kind of bad', () => {
  expect(vectors.length).toBeGreaterThanOrEqual(60);
  const kinds = new Set(vectors.flatMap(({ problems }) => problems));
  for (const code of ofTheKey) expect(kinds).toContain(code);
});
