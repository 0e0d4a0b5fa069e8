// What must not be lost: a lost answer, a session that ends, no network.
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { newPage, newToken, openBrowser, signIn } from './browser.mjs';
import { fillCommon, main, shownLicense } from './steps.mjs';

const browser = await openBrowser().catch((error) => error);

describe('when something goes wrong', { timeout: 120_000 }, () => {
  if (browser instanceof Error) {
    it('has a browser and a stack', () => assert.fail(browser.message));
    return;
  }
  after(() => browser.close());

  const alone = (name, run) =>
    it(name, async () => {
      const { context, page } = await newPage(browser); // Chromium itself logs what is made to fail here
      page.setDefaultTimeout(15_000);
      try {
        await run(page, context);
      } finally {
        await context.close();
      }
    });

  const toReview = async (page, token) => {
    await signIn(page, 'sales');
    await fillCommon(page, { token, customer: 'E2E Trouble', suite: 1, call: 1 });
    await page.getByRole('button', { name: 'Review', exact: true }).click();
    return page.getByRole('dialog');
  };

  alone('a lost answer is the same request when it is tried again', async (page) => {
    const token = newToken('lost');
    const dialog = await toReview(page, token);
    const keys = [];
    await page.route('**/v1/temporary-licenses', async (route) => {
      keys.push(route.request().headers()['idempotency-key']);
      const response = await route.fetch();
      if (keys.length === 1) await route.abort('connectionreset');
      else await route.fulfill({ response });
    });
    await dialog.getByRole('button', { name: /^Issue until/ }).click();
    await dialog.getByText('The license is not confirmed').waitFor();
    await dialog.getByRole('button', { name: 'Try again' }).click();
    await shownLicense(page);
    assert.equal(keys.length, 2);
    assert.equal(keys[0], keys[1]);
    const chain = page.getByRole('region', { name: 'Licenses of this server' });
    await chain.getByRole('listitem').first().waitFor();
    assert.equal(await chain.getByRole('listitem').count(), 1, 'one license was issued');
  });

  alone('what was typed survives the end of the session', async (page) => {
    const token = newToken('over');
    const dialog = await toReview(page, token);
    await page.route(
      '**/v1/temporary-licenses',
      (route) => route.fulfill({ status: 401, json: { message: 'Unauthorized' } }),
      {
        times: 1,
      },
    );
    await dialog.getByRole('button', { name: /^Issue until/ }).click();
    await dialog.getByText('Your session ended').waitFor();
    await dialog.getByRole('button', { name: 'Sign in again' }).click();
    await page.getByRole('heading', { name: 'Issue a license', level: 1 }).waitFor();
    assert.equal(await main(page).getByLabel('Server Token', { exact: true }).inputValue(), token);
    assert.equal(await page.getByLabel('Customer', { exact: true }).inputValue(), 'E2E Trouble');
    assert.equal(await page.getByLabel('QMS Suite', { exact: true }).inputValue(), '1');
  });

  alone('without a network nothing is sent and nothing is lost', async (page, context) => {
    await page.goto('/');
    await context.setOffline(true);
    await page.getByLabel('Server Token').fill('QMSA-OFFLINE-1');
    await page.getByRole('button', { name: 'Get license' }).click();
    await page.getByText('No connection').waitFor();
    assert.equal(await page.getByLabel('Server Token').inputValue(), 'QMSA-OFFLINE-1');
  });

  alone('a license that was changed on its way is not shown', async (page) => {
    await page.route('**/v1/servers/**', (route) =>
      route.fulfill({
        json: { license: { licenseKey: `eyJhbGciOiJFUzI1NiJ9.e30.${'A'.repeat(86)}`, status: 'active' } },
      }),
    );
    await page.goto('/#t=QMSA-CHANGED-1');
    await page
      .getByText('The license that arrived is not whole')
      .or(page.getByText('was changed on its way'))
      .waitFor();
    assert.equal(await page.getByText('License key').count(), 0);
  });

  alone('the keyboard alone gets a license', async (page) => {
    await page.goto('/');
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to content');
    await page.getByLabel('Server Token').focus();
    await page.keyboard.type('QMSA-7');
    await page.keyboard.press('Enter');
    await page.getByText('This one has 6 characters, it needs at least 8.').waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.id), 'token');
  });
});
