// Drives a Salesforce end as its own client does: an upsert of a collection; prints what the client made of the answers.
import jsforce from '@jsforce/jsforce-node';
const [url, token, records] = process.argv.slice(1);
const connection = new jsforce.Connection({ instanceUrl: url, accessToken: token, version: '62.0' });
try {
  const results = await connection.sobject('Redemption__c').upsert(JSON.parse(records), 'External_Reference__c', { allOrNone: false });
  console.log(JSON.stringify({ results, limit: connection.limitInfo }));
} catch (error) {
  console.log(JSON.stringify({ error: error.errorCode ?? error.name }));
}
