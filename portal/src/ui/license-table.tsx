import type { License } from '../api/client';
import { dayWords } from '../license/dates';
import { typeName } from '../license/roles';
import { allModules, moduleNames, numberWords } from '../license/seats';
import { StatusBadge } from './badge';

/** Licenses as rows; module names are the heads of three number columns. */
export function LicenseTable({ items, addressOf }: { items: readonly License[]; addressOf: (id: string) => string }) {
  return (
    // A table wider than its card scrolls in it, by keyboard too.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must take focus
    <section class="card scroll" tabIndex={0} aria-label="Table of licenses">
      <table class="rows">
        <thead>
          <tr>
            <th scope="col">License</th>
            <th scope="col">Customer</th>
            {allModules.map((module) => (
              <th scope="col" class="number" key={module}>
                {moduleNames[module]}
              </th>
            ))}
            <th scope="col" class="number">
              Issued
            </th>
            <th scope="col" class="number">
              Expires
            </th>
            <th scope="col">Status</th>
          </tr>
        </thead>
        <tbody>
          {items.map((license) => (
            <tr key={license.id}>
              <th scope="row" class="nowrap">
                <a href={addressOf(license.id)}>
                  {license.sequence}. {typeName(license.type)}
                  {license.purpose && `, ${license.purpose}`}
                </a>
              </th>
              <td data-name="Customer">{license.customer}</td>
              {allModules.map((module) => (
                <td class="number" key={module} data-name={moduleNames[module]}>
                  {numberWords(license.seats[module])}
                </td>
              ))}
              <td class="number nowrap" data-name="Issued">
                {dayWords(license.issuedOn)}
              </td>
              <td class="number nowrap" data-name="Expires">
                {license.expiresOn ? dayWords(license.expiresOn) : 'Never'}
              </td>
              <td data-name="Status">
                <StatusBadge status={license.status} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
