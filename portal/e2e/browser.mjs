// A browser that watches: any violation of the policy, error in the console, uncaught error or request to another origin fails.
import { access } from 'node:fs/promises';
import { chromium } from 'playwright-core';

export const baseURL = (process.env.BASE_URL ?? 'http://localhost:3000').replace(/\/$/, '');
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const args = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Starts Chromium, or fails with one sentence that says what is missing. */
export async function openBrowser() {
  await access(executablePath).catch(() => {
    throw new Error(`Chromium is missing at ${executablePath}: install Debian's package chromium, or set CHROMIUM.`);
  });
  await fetch(`${baseURL}/config.json`).catch(() => {
    throw new Error(`Nothing answers at ${baseURL}: start the stack with make run, or set BASE_URL.`);
  });
  return chromium.launch({ executablePath, args, headless: true });
}

/** A page of a person of their own. `complaints` must stay empty. */
export async function newPage(browser, options = {}) {
  const context = await browser.newContext({ baseURL, acceptDownloads: true, ...options });
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: baseURL });
  const page = await context.newPage();
  const complaints = [];
  const { issuer } = await (await fetch(`${baseURL}/config.json`)).json();
  const known = [new URL(baseURL).origin, new URL(issuer).origin];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('request', (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol.startsWith('http') && !known.includes(origin)) complaints.push(`request to ${origin}`);
  });
  await page.exposeFunction('reportViolation', (what) => complaints.push(`policy: ${what}`));
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => {
      window.reportViolation(`${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  return { context, page, complaints };
}

/** Signs in as the person whose button on the sign-in page starts with this name. */
export async function signIn(page, name, address = '/console/') {
  await page.goto(address);
  await page.getByRole('button', { name: 'Continue with company account' }).click();
  const byValue = page.locator(`button[value="${name}"]`);
  const byName = page.getByRole('button', { name, exact: true });
  await byValue.or(byName).first().click();
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
}

/** A Server Token that no server has yet. */
export function newToken(kind) {
  const tail = Math.random().toString(36).slice(2, 10).toUpperCase().padEnd(8, '0');
  return `E2E-${kind.toUpperCase()}-${tail}`;
}
