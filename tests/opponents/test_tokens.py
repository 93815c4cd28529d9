"""Our tokens as others read them: jose checks each claim and the signature, with the key and without."""
import json

import pytest

import opponents
from case_table import case
from redemption_api import SECRET, Api, credential

pytestmark = pytest.mark.all_only

# token, key in hex -> what jose says with this key, and with none of ours
JUDGE = """
import {jwtVerify, decodeProtectedHeader} from 'jose';
const [token, hex] = process.argv.slice(-2), key = Buffer.from(hex, 'hex');
const say = async (t, k, options) => {
	try { return (await jwtVerify(t, k, options)).payload; } catch (e) { return e.code; }
};
const strict = {issuer: 'handback', algorithms: ['HS256'], requiredClaims: ['exp', 'iat', 'sub'], maxTokenAge: '31m'};
const [head, payload, signature] = token.split('.');
const b64 = o => Buffer.from(JSON.stringify(o)).toString('base64url');
console.log(JSON.stringify({
	header: decodeProtectedHeader(token),
	payload: await say(token, key, strict),
	other_key: await say(token, Buffer.alloc(32), strict),
	other_algorithm: await say(token, key, {...strict, algorithms: ['HS512']}),
	later: await say(token, key, {...strict, currentDate: new Date(Date.now() + 31 * 60 * 1000)}),
	none: await say(b64({alg: 'none'}) + '.' + payload + '.', key, strict),
	changed: await say(head + '.' + b64({...JSON.parse(Buffer.from(payload, 'base64url')), sub: 'other'}) + '.' + signature, key, strict),
}));
"""


def judge(token, key):
    done = opponents.node(JUDGE, token, key.hex())
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@case("API: its tokens, judged by jose")
def test_jose_reads_our_tokens(build, database):
    opponents.folder()
    with database.connect() as c:
        c.execute("INSERT INTO ledger.programme (programme_id, code, name, rate_points, rate_minor, currency)"
                  " VALUES (1, 'P', 'First', 1, 100, 'EUR')")
        credential(c)
        c.execute("SELECT api.add_sender('sky', 'skyline', sha256(%s))", (SECRET.encode(),))
    with Api(build, database) as api:
        key = api.key.read_bytes()
        for client in ("app", "sky"):
            said = judge(api.token(client), key)
            assert said["header"]["alg"] == "HS256" and said["header"]["typ"] == "JWT" and said["header"]["kid"]
            payload = said["payload"]
            assert payload["sub"] == client and payload["iss"] == "handback", payload
            assert payload["exp"] - payload["iat"] == 30 * 60 and payload["iat"] > 1e9
            assert said["other_key"] == said["changed"] == "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"
            assert said["other_algorithm"] == said["none"] == "ERR_JOSE_ALG_NOT_ALLOWED"
            assert said["later"] == "ERR_JWT_EXPIRED"
        bound = api.ask_token("app", scope='["LOGIN","M1"]').json["results"]["token"]
        assert "M1" not in json.dumps(judge(bound, key)["payload"])  # a token tells nobody whose it is
