// The steps of the main job, as a person does them.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

export const main = (page) => page.locator('main');

/** Fills in what every license needs. */
export async function fillCommon(page, { token, customer, suite, call }) {
  await page.getByRole('navigation').getByRole('link', { name: 'Issue' }).click();
  await page.getByRole('heading', { name: 'Issue a license', level: 1 }).waitFor();
  await main(page).getByLabel('Server Token', { exact: true }).fill(token);
  await page.getByText('New server.').waitFor();
  await page.getByLabel('Customer', { exact: true }).fill(customer);
  await page.getByLabel('QMS Suite', { exact: true }).fill(String(suite));
  await page.getByLabel('Call Recording', { exact: true }).fill(String(call));
  await main(page).getByText(`${suite} QMS Suite + ${call} Call Recording =`).first().waitFor();
}

/** Reviews and confirms; answers the id of the license that the page then shows. */
export async function confirm(page, button) {
  await page.getByRole('button', { name: 'Review', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: button }).dblclick(); // a double click issues once
  return shownLicense(page);
}

export async function shownLicense(page) {
  await page.waitForURL(/#\/licenses\/[0-9a-f]{32}$/);
  await page.getByRole('heading', { name: 'License key' }).waitFor();
  return page.url().split('/').at(-1);
}

export async function permanentConditions(page, day) {
  for (const name of [
    'Contract signed',
    'Payment received',
    'Quantities match the order',
    'Customer name matches the order',
  ]) {
    const condition = page.getByRole('group', { name });
    await condition.getByLabel('Met on').fill(day);
    await condition.getByLabel('Evidence').fill(`Checked: ${name.toLowerCase()}`);
  }
}

/** A customer gets the license by Server Token, copies it and downloads it: three times the same bytes. */
export async function retrieve(page, token, { type, ends }) {
  await page.goto('/');
  await page.getByLabel('Server Token').fill(` ${token.toLowerCase().replaceAll('-', '\u2013')} `);
  await page.getByRole('button', { name: 'Get license' }).click();
  await page.getByText('Signature checked in this browser').waitFor();
  const view = page.getByRole('region', { name: 'License', exact: true });
  assert.equal(await view.locator('.band .mono').innerText(), token);
  const fact = (name) => view.locator('.fact', { has: page.getByText(name, { exact: true }) }).locator('.value');
  assert.equal(await fact('Type').innerText(), type);
  assert.match(await fact('Expiration date').innerText(), ends);

  const shown = await page.locator('.key-text').innerText();
  await page.getByRole('button', { name: 'Copy license key' }).click();
  await page
    .getByRole('status')
    .filter({ hasText: `Copied ${shown.length} characters, no spaces.` })
    .waitFor();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  const downloading = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download .lic file' }).click();
  const download = await downloading;
  assert.match(download.suggestedFilename(), /\.lic$/);
  const file = await readFile(await download.path());
  const answer = await page.request.get(`/v1/servers/${token}/license`);
  const { license } = await answer.json();
  assert.match(license.licenseKey, /^eyJ[\w-]+\.[\w-]+\.[\w-]{86}$/);
  assert.equal(shown, license.licenseKey);
  assert.equal(copied, license.licenseKey);
  assert.deepEqual(file, Buffer.from(license.licenseKey));
  return license;
}
