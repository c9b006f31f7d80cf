// What goes wrong, as jsforce raises it: under the org's error code.
'use strict';

module.exports = async (connection, { check, refused, control }) => {
  const raises = (what, code, act) => refused(`raises ${code} for ${what}`, code, act);
  const leads = connection.sobject('Lead');
  await raises('a query that cannot be read', 'MALFORMED_QUERY', () => connection.query('SELECT Id FROM'));
  await raises('an unknown field', 'INVALID_FIELD', () => connection.query('SELECT Nope FROM Lead'));
  await raises('an unknown object in a query', 'INVALID_TYPE', () => connection.query('SELECT Id FROM Nope__c'));
  await raises('an unknown object', 'NOT_FOUND', () => connection.describe('Nope__c'));
  await raises('an unknown record', 'NOT_FOUND', () => leads.retrieve('00Q000000000000AAA'));
  await raises('a missing field', 'REQUIRED_FIELD_MISSING', () => leads.create({ LastName: 'Alone' }));
  await raises('a value that is too long', 'STRING_TOO_LONG', () => leads.create({ LastName: 'x'.repeat(81), Company: 'C' }));
  await raises('a bulk query that cannot be read', 'MALFORMED_QUERY', () => connection.bulk2.query('SELECT Id FROM'));

  await control('faults', { when: { route: 'limits', count: 1 }, effect: { kind: 'quota' } });
  await raises('a used up limit', 'REQUEST_LIMIT_EXCEEDED', () => connection.limits());
  await control('faults', { when: { route: 'sobject', count: 1 }, effect: { kind: 'html', status: 503 } });
  await raises('a page instead of an answer', 'ERROR_HTTP_503', () => leads.create({ LastName: 'A', Company: 'B' }));
  await control('faults', { when: { route: 'limits', count: 1 }, effect: { kind: 'cut_after' } });
  const limits = await connection.limits();
  check('jsforce asks again when a connection is cut', limits.DailyApiRequests.Max > 0, limits);

  await connection.logout(true);
  check('a logout ends the session', connection.accessToken === null, connection.accessToken);
};
