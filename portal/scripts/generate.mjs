// Writes src/api/schema.gen.ts from infra/openapi.yaml; with --check only says whether it is up to date.
import { readFile, writeFile } from 'node:fs/promises';
import openapiTS, { astToString } from 'openapi-typescript';

const source = new URL('../../infra/openapi.yaml', import.meta.url);
const target = new URL('../src/api/schema.gen.ts', import.meta.url);

const header = '// Generated from infra/openapi.yaml by `npm run generate`. Do not edit.\n\n';
const text = header + astToString(await openapiTS(source, { alphabetize: false, enumValues: true, silent: true }));

if (!process.argv.includes('--check')) {
  await writeFile(target, text);
} else if ((await readFile(target, 'utf8').catch(() => '')) !== text) {
  console.error('portal/src/api/schema.gen.ts is older than infra/openapi.yaml. Run: npm run generate');
  process.exit(1);
}
