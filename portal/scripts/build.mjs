// Builds the two entries apart, so that each carries only what it uses: no sign-in code reaches the customers' page.
import { build } from 'vite';

const entries = ['index.html', 'console/index.html'];
for (const [i, input] of entries.entries()) {
  await build({ logLevel: 'warn', build: { emptyOutDir: i === 0, copyPublicDir: i === 0, rollupOptions: { input } } });
}
