// Fails when a hand-written file of the portal is longer than 200 lines.
import { readdir, readFile } from 'node:fs/promises';

const most = 200;
const root = new URL('../', import.meta.url);
let failed = false;
for (const folder of ['src/', 'e2e/', 'scripts/']) {
  for (const entry of await readdir(new URL(folder, root), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.endsWith('.gen.ts')) continue;
    const lines = (await readFile(`${entry.parentPath}/${entry.name}`, 'utf8')).split('\n').length - 1;
    if (lines <= most) continue;
    console.error(`${entry.name} has ${lines} lines; the most is ${most}. Split it.`);
    failed = true;
  }
}
if (failed) process.exit(1);
