// Describes, single records, and collections: jsforce sends arrays to /composite/sobjects.
'use strict';

module.exports = async (connection, { check, refused }) => {
  const names = (await connection.describeGlobal()).sobjects.map((sobject) => sobject.name);
  check('describes the org', names.includes('Lead') && names.includes('Contact'), names);
  const fields = Object.fromEntries((await connection.describe('Lead')).fields.map((field) => [field.name, field]));
  check('describes an object', fields.Ext__c.externalId && fields.LastName.length === 80);

  const leads = connection.sobject('Lead');
  const began = new Date(Date.now() - 3600_000);
  const made = await leads.create({ LastName: 'Onze', Company: 'Clients', Ext__c: 'js-1' });
  check('creates a record', made.success && made.id.length === 18, made);
  const lead = await leads.retrieve(made.id);
  check('reads it', lead.LastName === 'Onze' && lead.attributes.type === 'Lead', lead);
  const updated = await leads.update({ Id: made.id, Title: 'CTO' });
  check('updates it', updated.success && (await leads.retrieve(made.id)).Title === 'CTO', updated);
  const until = new Date(Date.now() + 60_000);
  const changes = await leads.updated(began, until);
  check('lists what was updated', changes.ids.includes(made.id), changes);
  const destroyed = await leads.destroy(made.id);
  check('deletes it', destroyed.success, destroyed);
  const deletions = await leads.deleted(began, until);
  check('lists what was deleted', deletions.deletedRecords.some(({ id }) => id === made.id), deletions);
  await refused('a deleted record is said to be deleted', 'ENTITY_IS_DELETED', () => leads.retrieve(made.id));

  await upserts(leads, { check, refused });
  await collections(leads, { check });
};

async function upserts(leads, { check, refused }) {
  const created = await leads.upsert({ LastName: 'Douze', Company: 'Clients', Ext__c: 'js-2' }, 'Ext__c');
  check('an upsert creates', created.success && created.created === true, created);
  const found = await leads.upsert({ Title: 'CFO', Ext__c: 'js-2' }, 'Ext__c');
  check('the next one updates the same record', found.id === created.id && found.created === false, found);
  const twins = ['Treize', 'Quatorze'].map((LastName) => ({ LastName, Company: 'Clients', Group__c: 'js-many' }));
  await leads.create(twins);
  await refused('several records for one external id are an error of their own', 'MULTIPLE_CHOICES', () =>
    leads.upsert({ Title: 'nobody', Group__c: 'js-many' }, 'Group__c'));
}

async function collections(leads, { check }) {
  const several = Array.from({ length: 450 }, (_, n) => ({ LastName: `Set ${n}`, Company: 'Clients', Ext__c: `js-set-${n}` }));
  delete several[7].LastName;
  const saved = await leads.create(several, { allowRecursive: true });
  const failed = saved.flatMap((result, n) => (result.success ? [] : [n]));
  check('three collections of leads fail one by one', saved.length === 450 && failed.join() === '7', failed);
  check("an item's error says its code", saved[7].errors[0].statusCode === 'REQUIRED_FIELD_MISSING', saved[7]);
  const upserted = await leads.upsert(several.slice(6, 9).map((lead) => ({ ...lead, LastName: 'Upserted' })), 'Ext__c');
  const marks = upserted.map((result) => result.created);
  check('a collection is upserted', marks.join() === 'false,true,false', upserted);
  const ids = upserted.map((result) => result.id);
  const read = await leads.retrieve([...ids, '00Q000000000000AAA'], { fields: ['Ext__c'] });
  check('a collection is read, with gaps', read.map((row) => row && row.Ext__c).join() === 'js-set-6,js-set-7,js-set-8,', read);
  const changes = ids.map((Id, n) => ({ Id, Title: n === 1 ? 'x'.repeat(200) : 'COO' }));
  const undone = (await leads.update(changes, { allOrNone: true })).map((result) => result.errors[0].statusCode);
  const rolledBack = 'ALL_OR_NONE_OPERATION_ROLLED_BACK';
  check('all or none holds', undone.join() === [rolledBack, 'STRING_TOO_LONG', rolledBack].join(), undone);
  const removed = await leads.destroy(ids);
  check('a collection is deleted', removed.length === 3 && removed.every((result) => result.success), removed);
}
