// Prints what the first view of each entry weighs, compressed as it is served, and fails the build over budget.
import { readFile } from 'node:fs/promises';
import { brotliCompressSync, gzipSync } from 'node:zlib';

const KiB = 1024;
const entries = [
  { page: 'index.html', name: 'customers', most: 20 * KiB },
  { page: 'console/index.html', name: 'staff', most: 40 * KiB },
];
const mostCSS = 8 * KiB;
const dist = new URL('../dist/', import.meta.url);
const read = (path) => readFile(new URL(path, dist));
const kib = (bytes) => `${(bytes / KiB).toFixed(1)} KiB`;

let failed = false;
for (const { page, name, most } of entries) {
  const html = await read(page);
  const linked = [...html.toString().matchAll(/(?:src|href)="\/([^"]+)"/g)].map((match) => match[1]);
  const files = [html, ...(await Promise.all(linked.map(read)))];
  const css = await Promise.all(linked.filter((path) => path.endsWith('.css')).map(read));
  const sum = (compress, parts) => parts.reduce((total, part) => total + compress(part).length, 0);
  const all = sum(gzipSync, files);
  const styles = sum(gzipSync, css);
  console.log(`${name}: ${kib(all)} gzip (${kib(sum(brotliCompressSync, files))} brotli), of it CSS ${kib(styles)}`);
  if (all > most) console.error(`${name}: over the budget of ${kib(most)}`);
  if (styles > mostCSS) console.error(`${name}: CSS over the budget of ${kib(mostCSS)}`);
  failed ||= all > most || styles > mostCSS;
}
if (failed) process.exit(1);
