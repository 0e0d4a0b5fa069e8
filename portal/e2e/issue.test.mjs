// What must hold while a license is being issued.
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { newPage, newToken, openBrowser, signIn } from './browser.mjs';
import { confirm, fillCommon, main, shownLicense } from './steps.mjs';

const browser = await openBrowser().catch((error) => error);

describe('issuing', { timeout: 120_000 }, () => {
  if (browser instanceof Error) {
    it('has a browser and a stack', () => assert.fail(browser.message));
    return;
  }
  after(() => browser.close());

  const alone = (name, run) =>
    it(name, async () => {
      const { context, page } = await newPage(browser);
      page.setDefaultTimeout(15_000);
      try {
        await run(page);
      } finally {
        await context.close();
      }
    });
  const token = (page) => main(page).getByLabel('Server Token', { exact: true });
  const focused = (page) => page.evaluate(() => document.activeElement?.textContent);

  alone('is read first, and Esc does not lose its outcome', async (page) => {
    await signIn(page, 'sales');
    await fillCommon(page, { token: newToken('esc'), customer: 'E2E Issue', suite: 1, call: 1 });
    let answer = () => {};
    const held = new Promise((resolve) => {
      answer = resolve;
    });
    let sent = 0;
    await page.route('**/v1/temporary-licenses', async (route) => {
      sent += 1;
      await held;
      await route.continue();
    });
    await page.getByLabel('Customer', { exact: true }).focus();
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('heading', { name: 'Issue a trial for E2E Issue' }).waitFor();
    assert.equal(await focused(page), 'Issue a trial for E2E Issue');
    assert.equal(sent, 0, 'nothing is sent unread');
    await dialog.getByRole('button', { name: /^Issue until/ }).click();
    for (let n = 0; n < 3; n++) await page.keyboard.press('Escape');
    await dialog.getByRole('button', { name: 'Go back' }).click();
    await dialog.getByText('Wait for the answer').waitFor();
    answer();
    await shownLicense(page);
    const address = page.url().split('#')[1];

    await page.getByRole('link', { name: 'Licenses', exact: true }).first().click();
    const known = newToken('other');
    await page.evaluate((there) => {
      location.hash = `#/issue?token=${there}`;
    }, known);
    await page.getByText('New server.').waitFor();
    assert.match(page.url(), /#\/issue$/);
    await token(page).fill(`${known}-X`);
    await page.reload();
    await token(page).waitFor();
    assert.equal(await token(page).inputValue(), `${known}-X`, 'a reload keeps what was typed');

    await page.evaluate((there) => {
      location.hash = there;
    }, address);
    await page.getByRole('heading', { name: 'License key' }).waitFor();
    const first = await page.locator('.band .mono').first().innerText();
    await page.evaluate((there) => {
      location.hash = `#/issue?token=${there}`;
    }, first);
    await page.getByText('Known server.').waitFor();
    const customer = page.getByLabel('Customer', { exact: true });
    assert.equal(await customer.inputValue(), 'E2E Issue');
    await token(page).fill(known);
    await page.getByText('New server.').waitFor();
    assert.equal(await customer.inputValue(), '', 'another server is not of the same customer');
  });

  alone('takes an expiration date by keyboard', async (page) => {
    await signIn(page, 'sales', '/console/#/issue');
    const date = page.getByLabel('Expiration date', { exact: true });
    await date.focus();
    const year = new Date().getFullYear() + 1;
    await page.keyboard.type(`0115${year}`);
    assert.equal(await date.inputValue(), `${year}-01-15`);
  });

  alone('fits a narrow phone with the most seats', async (page) => {
    await signIn(page, 'sales', '/console/#/issue');
    await page.setViewportSize({ width: 320, height: 640 });
    await page.getByLabel('QMS Suite', { exact: true }).fill('100000');
    await page.getByLabel('Computer Recording', { exact: true }).fill('100000');
    await page.getByText('200,000').first().waitFor();
    const [is, most] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(is <= most, `${is} is wider than ${most}`);
    await page.getByLabel('Computer Recording', { exact: true }).fill('');
    assert.equal(
      await page.evaluate(() => document.querySelector('.seats').parentElement.scrollWidth <= innerWidth),
      true,
    );
  });

  alone('leaving the page closes the renew dialog, a reload does not', async (page) => {
    await signIn(page, 'accounting');
    await fillCommon(page, { token: newToken('back'), customer: 'E2E Back', suite: 1, call: 1 });
    await page.getByLabel('Contract', { exact: true }).fill('C-BACK');
    await confirm(page, /^Issue until/);
    await page.getByRole('button', { name: 'Renew', exact: true }).click();
    await page.getByRole('dialog').waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.type), 'radio');
    await page.reload();
    await page.getByRole('dialog').waitFor();
    await page.evaluate(() => {
      location.hash = '#/';
    });
    await page.getByRole('heading', { name: 'Home', level: 1 }).waitFor();
    await page.goBack();
    await page.getByRole('heading', { name: 'License key' }).waitFor();
    assert.equal(await page.getByRole('dialog').count(), 0);
  });
});
