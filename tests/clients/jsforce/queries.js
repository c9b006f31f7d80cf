// Queries, their pages, and jsforce's own query builder.
'use strict';

/** Whether these are the rows 0, 1, 2 … of the seed, each once. */
function complete(rows, count) {
  const numbers = rows.map((row) => Number(row.Row__c)).sort((a, b) => a - b);
  return numbers.length === count && numbers.every((number, at) => number === at);
}

module.exports = async (connection, { settings, check }) => {
  const soql = 'SELECT Id, Row__c FROM Contact WHERE Row__c != NULL';
  const first = await connection.query(soql);
  const pages = [first];
  check('a query answers its first page', first.totalSize === settings.rows && first.records.length === 2000 && !first.done);
  while (!pages.at(-1).done) pages.push(await connection.queryMore(pages.at(-1).nextRecordsUrl));
  const rows = pages.flatMap((page) => page.records);
  check('all rows arrive page by page, each once', pages.length === 3 && complete(rows, settings.rows), rows.length);
  const fetched = await connection.query(soql, { autoFetch: true, maxFetch: 10_000 });
  check('all rows arrive at once, each once', complete(fetched.records, settings.rows), fetched.records.length);
  const streamed = [];
  const query = connection.query(soql, { autoFetch: true, headers: { 'Sforce-Query-Options': 'batchSize=500' } });
  await new Promise((resolve, reject) => {
    query.on('record', (row) => streamed.push(row)).on('end', resolve).on('error', reject).run({ autoFetch: true, maxFetch: 10_000 });
  });
  check('all rows arrive as a stream, each once', complete(streamed, settings.rows), streamed.length);

  const person = await connection.sobject('Contact').findOne({ Row__c: { $gte: 4000, $lt: 4001 } }, 'Id, LastName, Row__c');
  check('finds one by conditions', person.LastName === 'Row 4000', person);
  const count = await connection.sobject('Contact').count({ LastName: { $like: 'Row 12__' } });
  check('counts by conditions', count === 100, count);
  const hidden = await connection.query("SELECT Id FROM Lead WHERE Ext__c = 'js-1'");
  const all = await connection.query("SELECT Id, IsDeleted FROM Lead WHERE Ext__c = 'js-1'", { scanAll: true });
  check('a query of everything shows deleted records', hidden.totalSize === 0 && all.records[0].IsDeleted === true, all);
  check('jsforce reads how much of the limit is used', connection.limitInfo.apiUsage.used > 0, connection.limitInfo);
};

module.exports.complete = complete;
