// The main job, end to end, in Chromium against a running stack: BASE_URL=http://localhost:3000 npm run e2e
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { newPage, newToken, openBrowser, signIn } from './browser.mjs';
import { confirm, fillCommon, main, permanentConditions, retrieve, shownLicense } from './steps.mjs';

const trial = newToken('trial');
const subscription = newToken('sub');
const permanent = newToken('perm');
const day = /\d{1,2}\s[A-Z][a-z]{2}\s20\d\d/;
const today = new Date().toISOString().slice(0, 10);

const browser = await openBrowser().catch((error) => error);

describe('the main job', { timeout: 180_000 }, () => {
  if (browser instanceof Error) {
    it('has a browser and a stack', () => assert.fail(browser.message));
    return;
  }
  after(() => browser.close());

  /** One test in a browser of its own that must end without a complaint. */
  const watched = (name, run, options) =>
    it(name, async () => {
      const { context, page, complaints } = await newPage(browser, options);
      page.setDefaultTimeout(15_000);
      try {
        await run(page);
      } finally {
        await context.close();
      }
      assert.deepEqual(complaints, []);
    });

  watched('sales issues a trial', async (page) => {
    await signIn(page, 'sales');
    await fillCommon(page, { token: trial, customer: 'E2E Trial', suite: 10, call: 5 });
    await main(page).getByText('Accounting issues these.').first().waitFor();
    await page.getByLabel('Computer Recording', { exact: true }).fill('8');
    await page.getByRole('button', { name: 'Add 3 Call Recording' }).click();
    await page.getByText('= 18 / 18 / 10 seats').first().waitFor();
    await confirm(page, /^Issue until/);
    await page.getByText('Trial issued for E2E Trial').waitFor();
  });

  watched('accounting issues a subscription and renews it', async (page) => {
    await signIn(page, 'accounting', '/console/#/issue');
    await fillCommon(page, { token: subscription, customer: 'E2E Subscription', suite: 50, call: 20 });
    await page.getByLabel('Contract', { exact: true }).fill('C-E2E');
    const first = await confirm(page, /^Issue until/);

    await page.getByRole('link', { name: 'Licenses', exact: true }).first().click();
    await main(page).getByLabel('Server Token', { exact: true }).fill(subscription);
    await page.getByRole('button', { name: 'Find licenses' }).click();
    await page
      .getByRole('row')
      .getByRole('link', { name: /Subscription/ })
      .click();
    await page.getByRole('button', { name: 'Renew', exact: true }).click();
    const dialog = page.getByRole('dialog');
    const renew = dialog.getByRole('button', { name: /^Renew until/ });
    const promised = (await renew.innerText()).match(day)?.[0];
    assert.ok(promised, 'the button names the new date');
    await renew.click();
    await page.getByText(`Renewed until ${promised}`).waitFor();
    const renewed = await shownLicense(page);
    assert.notEqual(renewed, first);
    await page.reload();
    await page.getByRole('heading', { name: 'E2E Subscription', level: 1 }).waitFor();
    assert.equal(await shownLicense(page), renewed, 'a reload signs in again and shows the same license');
    await page.getByRole('region', { name: 'Licenses of this server' }).getByText('Superseded').waitFor();
  });

  watched('accounting issues a permanent license when all conditions are met', async (page) => {
    await signIn(page, 'accounting', '/console/#/issue');
    await fillCommon(page, { token: permanent, customer: 'E2E Permanent', suite: 50, call: 20 });
    await page.getByRole('radio', { name: /^Permanent/ }).check();
    await page.getByLabel('Order', { exact: true }).fill('O-E2E');
    await page.getByText('4 conditions are not met yet.').waitFor();
    assert.equal(await page.getByRole('button', { name: 'Review' }).getAttribute('aria-disabled'), 'true');
    await permanentConditions(page, today);
    await confirm(page, 'Issue the permanent license');
    await page.getByRole('region', { name: 'License', exact: true }).getByText('Never').waitFor();
  });

  watched('a customer gets the trial', (page) => retrieve(page, trial, { type: 'Temporary', ends: day }));
  watched('a customer gets the renewed subscription', (page) =>
    retrieve(page, subscription, { type: 'Subscription', ends: day }),
  );
  watched(
    'a customer gets the permanent license on a phone',
    (page) => retrieve(page, permanent, { type: 'Permanent', ends: /^Never$/ }),
    {
      viewport: { width: 320, height: 640 },
    },
  );

  watched('a link with the Server Token shows the license at once', async (page) => {
    await page.goto(`/#t=${permanent}`);
    await page.getByText('Signature checked in this browser').waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
  });

  watched('a person without a role is told so', async (page) => {
    await signIn(page, 'nobody');
    await page.getByText('Your account has no role here.').waitFor();
  });

  it('an unknown Server Token is answered in words', async () => {
    const { context, page } = await newPage(browser); // Chromium itself logs the 404
    await page.goto(`/#t=${newToken('none')}`);
    await page.getByText('No license for this Server Token').waitFor();
    await context.close();
  });
});
