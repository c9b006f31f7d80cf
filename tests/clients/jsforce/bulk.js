// Bulk API 2.0 through jsforce's bulk2.
'use strict';

const { complete } = require('./queries');

module.exports = async (connection, { settings, check }) => {
  const { bulk2 } = connection;
  bulk2.pollInterval = 50;
  const input = Array.from({ length: 1000 }, (_, n) => ({ LastName: `Bulk ${n}`, Company: 'Clients, "SA"', Ext__c: `js-bulk-${n}` }));
  input[3].Company = '';
  const inserted = await bulk2.loadAndWaitForResults({ object: 'Lead', operation: 'insert', input });
  const figures = [inserted.successfulResults.length, inserted.failedResults.length];
  check('a bulk job inserts a thousand rows but one', figures.join() === '999,1', figures);
  const [failed] = inserted.failedResults;
  const reason = failed.sf__Error.startsWith('REQUIRED_FIELD_MISSING:');
  check('the failed row says why', failed.Ext__c === 'js-bulk-3' && reason, failed);
  check('quotes and commas survive', inserted.successfulResults[0].Company === 'Clients, "SA"', inserted.successfulResults[0]);

  const changes = input.slice(0, 5).map((lead) => ({ ...lead, Company: 'Clients' }));
  const job = bulk2.createJob({ object: 'Lead', operation: 'upsert', externalIdFieldName: 'Ext__c' });
  await job.open();
  await job.uploadData(changes);
  await job.close();
  await job.poll();
  const marks = (await job.getSuccessfulResults()).map((row) => row.sf__Created);
  check('a bulk job upserts, step by step', marks.filter((mark) => mark === 'true').length === 1 && marks.length === 5, marks);

  const rows = await (await bulk2.query('SELECT Id, Row__c FROM Contact WHERE Row__c != NULL')).toArray();
  check('a bulk query brings all rows, each once', complete(rows, settings.rows), rows.length);

  const ids = inserted.successfulResults.map((row) => ({ Id: row.sf__Id }));
  const deleted = await bulk2.loadAndWaitForResults({ object: 'Lead', operation: 'delete', input: ids });
  const left = await connection.sobject('Lead').count({ Ext__c: { $like: 'js-bulk-%' } });
  check('a bulk job deletes', deleted.successfulResults.length === 999 && left === 1, left);
  const open = bulk2.createJob({ object: 'Lead', operation: 'insert' });
  await open.open();
  await open.abort();
  check('an open job is given up', open.getInfo().state === 'Aborted', open.getInfo());
};
