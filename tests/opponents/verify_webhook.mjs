// Verifies one request as Standard Webhooks' own library does; its headers and body are JSON on standard input.
import { Webhook } from 'standardwebhooks';
import { readFileSync } from 'node:fs';
const { secret, headers, body } = JSON.parse(readFileSync(0, 'utf8'));
try {
  console.log(JSON.stringify({ verified: new Webhook(secret).verify(body, headers) }));
} catch (error) {
  console.log(JSON.stringify({ error: error.message }));
}
