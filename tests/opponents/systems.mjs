// Systems at the other end, by libraries that nobody here wrote: SAP CAP with its OData V2 adapter on a PostgreSQL, a SOAP server,
// a token server, and mountebank in front of the first.  Prints where they are as JSON, and goes when its input ends.
import crypto from 'node:crypto';
import http from 'node:http';
import cds from '@sap/cds';
import odataV2 from '@cap-js-community/odata-v2-adapter';
import express from 'express';
import mountebank from 'mountebank';
import { OAuth2Server } from 'oauth2-mock-server';
import soap from 'soap';
import { DOMParser } from '@xmldom/xmldom';
import { SignedXml } from 'xml-crypto';

const { host, database, model: path, password, certificate } = JSON.parse(process.argv[1]);
const print = process.stdout.write.bind(process.stdout);
process.stdout.write = process.stderr.write.bind(process.stderr); // what libraries have to say
const said = {}; // what only a test asks of an end: GET /said
const listen = (app) => new Promise((done) => {
  const server = http.createServer(app).listen(0, '127.0.0.1', () => done([server, server.address().port]));
});
const free = async () => {
  const [server, port] = await listen();
  await new Promise((done) => server.close(done));
  return port;
};

// ---- SuccessFactors: what OData V2 is, is CAP's; only what SAP adds to it is ours ----

// A token for an assertion whose signature xml-crypto believes, once.
const tokens = new Set();
const assertions = new Set();
const text = (xml, name) => xml.getElementsByTagNameNS('urn:oasis:names:tc:SAML:2.0:assertion', name)[0]?.textContent;
const token = (form) => {
  const assertion = Buffer.from(form.assertion, 'base64').toString();
  const xml = new DOMParser().parseFromString(assertion, 'text/xml');
  const signature = new SignedXml({ publicCert: certificate });
  signature.loadSignature(xml.getElementsByTagNameNS('http://www.w3.org/2000/09/xmldsig#', 'Signature')[0]);
  if (!signature.checkSignature(assertion) || signature.getSignedReferences().length !== 1) throw new Error('signature');
  const signed = new DOMParser().parseFromString(signature.getSignedReferences()[0], 'text/xml');
  const id = signed.documentElement.getAttribute('ID');
  if (form.grant_type !== 'urn:ietf:params:oauth:grant-type:saml2-bearer' || form.company_id !== 'your-company' || assertions.has(id)
    || text(signed, 'Issuer') !== form.client_id || text(signed, 'Audience') !== 'www.successfactors.com') throw new Error('assertion');
  assertions.add(id);
  const made = crypto.randomUUID();
  tokens.add(made);
  return { access_token: made, token_type: 'Bearer', expires_in: 3600 };
};

// One row of an upsert is a PUT of it.
const upsertRow = async (base, row, index) => {
  const { __metadata, ...fields } = row;
  const answer = await fetch(`${base}/${__metadata.uri}`, {
    method: 'PUT', body: JSON.stringify(fields), headers: { 'content-type': 'application/json', accept: 'application/json' } });
  const body = answer.status === 204 ? null : await answer.json();
  return { key: __metadata.uri, status: answer.ok ? 'OK' : 'ERROR', editStatus: answer.ok ? 'UPSERTED' : null,
    message: answer.ok ? null : body.error.message.value, index, httpCode: answer.status, inlineResults: null };
};

const successFactors = async () => {
  cds.env.requires.db = { kind: 'postgres', impl: '@cap-js/postgres', credentials: { host, database, user: 'postgres' } };
  cds.env.requires.auth = { kind: 'mocked-auth', restrict_all_services: false };
  cds.env.sql.dialect = 'postgres';
  const model = await cds.load(path);
  cds.model = cds.linked(model);
  await cds.deploy(model).to('db');
  const inner = express();
  const [, port] = await listen(inner);
  await cds.serve('all').from(model).in(inner);
  inner.use(odataV2({ model: path, registerOnListening: false, target: `http://127.0.0.1:${port}` }));
  const base = `http://127.0.0.1:${port}/odata/v2/success-factors`;
  const app = express();
  app.post('/oauth/token', express.urlencoded({ extended: false }), (request, response) => {
    try {
      response.json(token(request.body));
    } catch (error) {
      response.status(401).json({ error: 'invalid_grant', error_description: String(error) });
    }
  });
  app.use((request, response, next) => {
    if (tokens.has((request.headers.authorization ?? '').replace('Bearer ', ''))) next();
    else response.status(401).json({ error: { code: 'LGN0022', message: { value: 'unauthorized' } } });
  });
  app.post('/odata/v2/upsert', express.json({ limit: '4mb' }), async (request, response) => {
    if (request.query.purgeType !== 'incremental' || request.body.length > 1000)
      return response.status(400).json({ error: { code: 'COE_GENERAL_BAD_REQUEST' } });
    said.upserts = (said.upserts ?? 0) + 1;
    const rows = [];
    for (const [index, row] of request.body.entries()) rows.push(await upsertRow(base, row, index));
    return response.json({ d: rows.reverse() }); // in no order: each has its index
  });
  app.get('/odata/v2/:entity', async (request, response) => {
    // "in" is SAP's own
    const filter = request.query.$filter.replace(/^(\w+) in (.+)$/, (_, name, keys) => keys.split(',').map((key) => `${name} eq ${key}`).join(' or '));
    const asked = await fetch(`${base}/${request.params.entity}?${new URLSearchParams({ ...request.query, $filter: filter })}`);
    response.status(asked.status).type('json').send(await asked.text());
  });
  return (await listen(app))[1];
};

// ---- Workday: SOAP ----

const wsdl = `<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
  xmlns:wd="urn:com.workday/bsvc" xmlns:x="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:com.workday/bsvc">
  <types><x:schema targetNamespace="urn:com.workday/bsvc" elementFormDefault="qualified" attributeFormDefault="qualified">
    <x:complexType name="Worker"><x:sequence><x:element name="ID"><x:complexType><x:simpleContent><x:extension base="x:string">
      <x:attribute name="type" type="x:string"/></x:extension></x:simpleContent></x:complexType></x:element></x:sequence></x:complexType>
    <x:complexType name="Data"><x:sequence><x:element name="ID" type="x:string"/><x:element name="Version" type="x:int"/>
      <x:element name="Worker_Reference" type="wd:Worker"/><x:element name="Status" type="x:string"/>
      <x:element name="Points" type="x:int"/><x:element name="Partner" type="x:string"/>
      <x:element name="Redeemed_On" type="x:date"/></x:sequence></x:complexType>
    <x:element name="Put_Reward_Redemption_Request"><x:complexType><x:sequence><x:element name="Redemption_Data" type="wd:Data"/></x:sequence>
      <x:attribute name="version" type="x:string"/><x:attribute name="Add_Only" type="x:boolean"/></x:complexType></x:element>
    <x:element name="Put_Reward_Redemption_Response"><x:complexType><x:sequence><x:element name="ID" type="x:string"/></x:sequence></x:complexType></x:element>
  </x:schema></types>
  <message name="Request"><part name="body" element="wd:Put_Reward_Redemption_Request"/></message>
  <message name="Response"><part name="body" element="wd:Put_Reward_Redemption_Response"/></message>
  <portType name="Port"><operation name="Put_Reward_Redemption"><input message="wd:Request"/><output message="wd:Response"/></operation></portType>
  <binding name="Binding" type="wd:Port"><soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
    <operation name="Put_Reward_Redemption"><soap:operation soapAction=""/><input><soap:body use="literal"/></input>
      <output><soap:body use="literal"/></output></operation></binding>
  <service name="Your_Service"><port name="Port" binding="wd:Binding"><soap:address location="http://127.0.0.1/"/></port></service>
</definitions>`;

const workday = async () => {
  const fault = (code, words) => { throw { Fault: { faultcode: code, faultstring: words, statusCode: 500 } }; };
  said.workday = {};
  const attribute = (all, name) => Object.entries(all ?? {}).find(([key]) => key.replace(/^.*:/, '') === name)?.[1]; // of any prefix
  const put = ({ attributes, Redemption_Data: data }) => {
    const { ID, Version, Worker_Reference: worker, ...more } = data ?? {};
    if (attribute(attributes, 'Add_Only') !== 'false') fault('SOAP-ENV:Client.validationError', 'Validation error occurred. Add_Only');
    if (!Number.isInteger(Version) || attribute(worker?.ID?.attributes, 'type') !== 'Employee_ID' || !Number.isInteger(more.Points))
      fault('SOAP-ENV:Client.validationError', 'Validation error occurred. Invalid instance');
    if (worker.ID.$value === 'M404') fault('SOAP-ENV:Client.validationError', 'Validation error occurred. Invalid ID value: no such worker');
    said.workday[ID] = { version: Version, worker: worker.ID.$value, status: more.Status, points: more.Points,
      redeemed: more.Redeemed_On instanceof Date ? more.Redeemed_On.toISOString().slice(0, 10) : more.Redeemed_On };
    return { ID };
  };
  const [server, port] = await listen((request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(said));
  });
  const made = soap.listen(server, { path: '/ccx/service/your_tenant/Your_Service/v42.0', xml: wsdl,
    services: { Your_Service: { Port: { Put_Reward_Redemption: put } } } });
  made.authenticate = (security) => security?.UsernameToken?.Username === 'handback_isu@your_tenant'
    && (security.UsernameToken.Password?.$value ?? security.UsernameToken.Password) === password;
  return port;
};

// ---- tokens ----

const tokenServer = async () => {
  const server = new OAuth2Server();
  await server.issuer.keys.generate('RS256');
  await server.start(0, '127.0.0.1');
  return server.address().port;
};

const ports = { successFactors: await successFactors(), workday: await workday(), tokens: await tokenServer(), mountebank: await free() };
await mountebank.create({ port: ports.mountebank, host: '127.0.0.1', localOnly: true, allowInjection: true, nologfile: true, log: { level: 'error', transports: {} } });
print(`${JSON.stringify(ports)}\n`);
process.stdin.resume().on('end', () => process.exit(0));
