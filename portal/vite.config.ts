import { defineConfig } from 'vitest/config';

// Where `npm run dev` finds the API; the built site is served by the same origin as the API.
const api = process.env.BASE_URL ?? 'http://localhost:3000';

export default defineConfig({
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    target: 'es2023',
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'], // keeps light-dark() as written
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0, // the policy allows no data: addresses
  },
  server: { proxy: { '/v1': api, '/.well-known': api, '/config.json': api } },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
