// Drives a Salesforce end as its own client does in bulk: a job of Bulk API 2.0; prints what came of each row.
import jsforce from '@jsforce/jsforce-node';
const [url, token, records] = process.argv.slice(1);
const connection = new jsforce.Connection({ instanceUrl: url, accessToken: token, version: '62.0' });
try {
  const results = await connection.bulk2.loadAndWaitForResults({
    object: 'Redemption__c', operation: 'upsert', externalIdFieldName: 'External_Reference__c', lineEnding: 'LF', input: JSON.parse(records),
    pollInterval: 50, pollTimeout: 10000 });
  console.log(JSON.stringify(results));
} catch (error) {
  console.log(JSON.stringify({ error: error.errorCode ?? String(error) }));
}
