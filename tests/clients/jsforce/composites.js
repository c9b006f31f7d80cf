// Composite resources. jsforce has no methods for them: they go through its requestPost.
'use strict';

module.exports = async (connection, { check }) => {
  const base = `/services/data/v${connection.version}/sobjects`;
  const post = (sobject, referenceId, body) => ({ method: 'POST', url: `${base}/${sobject}`, referenceId, body });
  const composite = (compositeRequest) =>
    connection.requestPost('/composite', { allOrNone: true, compositeRequest }).then((answer) => answer.compositeResponse);

  const done = await composite([
    post('Account', 'firm', { Name: 'Script SA' }),
    post('Contact', 'person', { LastName: 'Quinze', AccountId: '@{firm.id}' }),
    { method: 'GET', url: `${base}/Contact/@{person.id}?fields=AccountId`, referenceId: 'read' },
  ]);
  check('a composite request follows references', done[2].body.AccountId === done[0].body.id, done);
  const undone = await composite([
    post('Account', 'firm', { Name: 'Undone SA' }),
    post('Contact', 'person', { AccountId: '@{firm.id}' }),
  ]);
  const codes = undone.map((part) => part.body[0].errorCode);
  check('a failing part undoes the others', codes.join() === 'PROCESSING_HALTED,REQUIRED_FIELD_MISSING', undone);
  check('nothing of it is left', (await connection.sobject('Account').count({ Name: 'Undone SA' })) === 0);

  const graph = (graphId, name) => ({ graphId, compositeRequest: [post('Account', 'one', { Name: name })] });
  const { graphs } = await connection.requestPost('/composite/graph', { graphs: [graph('good', 'Graph SA'), graph('bad', '')] });
  check('graphs succeed and fail on their own', graphs.map((each) => each.isSuccessful).join() === 'true,false', graphs);
  const tree = await connection.requestPost('/composite/tree/Account', {
    records: [
      {
        attributes: { type: 'Account', referenceId: 'root' },
        Name: 'Tree SA',
        Contacts: { records: [{ attributes: { type: 'Contact', referenceId: 'leaf' }, LastName: 'Seize' }] },
      },
    ],
  });
  check('a tree makes parent and child', tree.results.map((row) => row.referenceId).join() === 'root,leaf', tree);
};
