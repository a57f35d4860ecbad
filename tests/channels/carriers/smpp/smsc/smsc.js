// An SMSC for the tests: npm's smpp does the talking, HTTP tells it what to do. node smsc.js SMPP_PORT HTTP_PORT [PEM]
// PEM: a file with a key and a certificate; then it speaks TLS
"use strict";
const fs = require("fs");
const http = require("http");
const smpp = require("smpp");

const [smppPort, httpPort] = process.argv.slice(2, 4).map(Number);
const pem = process.argv[4] && fs.readFileSync(process.argv[4]);
const seen = { binds: [], submits: [], enquiries: 0, unbinds: 0 };
// submit: ok | mute | drop | late; statuses: what the next submits are answered; receipts: states to report, in turn;
// empty: submits are answered without an id; named: with this one
// lower: ids are reported in small letters, as some SMSCs do
let mode = {};
const fresh = () => ({ submit: "ok", statuses: [], bind: 0, receipts: [], receiptFirst: false, lower: true, enquire: "ok" });
const sessions = new Set();
let ids = 0;
let late = [];

function receipt(session, submit, id, state) {
  session.deliver_sm({
    source_addr: submit.destination_addr,
    destination_addr: submit.source_addr,
    esm_class: 4,
    short_message: `id:${id} sub:001 dlvrd:001 submit date:2611231200 done date:2611231201 stat:${state} err:000 text:`,
  });
}

function noted(pdu) {
  const message = (pdu.message_payload && pdu.message_payload.message) || pdu.short_message.message;
  const udh = pdu.short_message.udh;
  return {
    from: pdu.source_addr,
    to: pdu.destination_addr,
    to_ton: pdu.dest_addr_ton,
    text: Buffer.isBuffer(message) ? message.toString("hex") : message,
    udh: udh ? Buffer.concat([].concat(udh)).toString("hex") : null,
    data_coding: pdu.data_coding,
    registered_delivery: pdu.registered_delivery,
    service_type: pdu.service_type,
    ussd_service_op: pdu.ussd_service_op,
    its_session_info: pdu.its_session_info && pdu.its_session_info.toString("hex"),
    user_message_reference: pdu.user_message_reference,
  };
}

function submitted(session, pdu) {
  const entry = noted(pdu);
  seen.submits.push(entry);
  if (mode.submit === "mute") return;
  if (mode.submit === "drop") {
    session.destroy();
    return;
  }
  const status = mode.statuses.length ? mode.statuses.shift() : 0;
  entry.status = status;
  if (status) {
    session.send(pdu.response({ command_status: status }));
    return;
  }
  ids += 1;
  entry.id = mode.empty ? "" : mode.named || `00${ids.toString(16)}A`;
  const answer = () => session.send(pdu.response({ message_id: entry.id }));
  if (mode.submit === "late") {
    late.push(answer);
    return;
  }
  const state = mode.receipts.shift();
  if (state && mode.receiptFirst) {
    receipt(session, pdu, entry.id, state);
    setTimeout(answer, 50);
    return;
  }
  answer();
  if (state) setTimeout(() => receipt(session, pdu, mode.lower ? entry.id.toLowerCase() : entry.id, state), 20);
}

function bound(session, pdu) {
  seen.binds.push({ command: pdu.command, system_id: pdu.system_id, password: pdu.password });
  session.send(pdu.response({ command_status: mode.bind, system_id: "smsc" }));
  if (!mode.bind) {
    session.receives = pdu.command !== "bind_transmitter";
    session.name = pdu.system_type;
    sessions.add(session);
  }
}

const server = smpp.createServer(pem ? { key: pem, cert: pem } : {}, (session) => {
  session.on("error", () => session.destroy());
  session.on("close", () => sessions.delete(session));
  for (const bind of ["bind_transceiver", "bind_transmitter", "bind_receiver"]) {
    session.on(bind, (pdu) => bound(session, pdu));
  }
  session.on("submit_sm", (pdu) => submitted(session, pdu));
  session.on("enquire_link", (pdu) => {
    seen.enquiries += 1;
    if (mode.enquire === "ok") session.send(pdu.response());
  });
  session.on("unbind", (pdu) => {
    seen.unbinds += 1;
    session.send(pdu.response());
    session.close();
  });
});

function deliver(order, done) {
  const named = (each) => order.via === undefined || each.name === order.via;
  const session = [...sessions].reverse().find((each) => each.receives && named(each));
  if (!session) return done({ status: null });
  const fields = order.pdu;
  for (const name of ["short_message", "message_payload", "its_session_info"]) {
    if (order[name] !== undefined) fields[name] = Buffer.from(order[name], "hex");
  }
  let answered = false;
  const once = (value) => {
    if (!answered) done(value);
    answered = true;
  };
  session.once("close", () => once({ status: null }));
  session.deliver_sm(fields, (pdu) => once({ status: pdu.command_status }));
  if (order.then_drop) setTimeout(() => session.destroy(), order.then_drop);
  return undefined;
}

function told(order, done) {
  switch (order.do) {
    case "state":
      return done({ ...seen, sessions: sessions.size });
    case "reset":
      Object.assign(seen, { binds: [], submits: [], enquiries: 0, unbinds: 0 });
      mode = fresh();
      late = [];
      return done({});
    case "mode":
      mode = { ...mode, ...order.mode };
      return done({});
    case "deliver":
      return deliver(order, done);
    case "receipt":
      for (const session of sessions) receipt(session, order, order.id, order.state);
      return done({});
    case "answer":
      late.splice(0).forEach((answer) => answer());
      return done({});
    case "drop":
      for (const session of sessions) session.destroy();
      return done({});
    case "unbind":
      for (const session of sessions) session.unbind(() => session.close());
      return done({});
    default:
      return done({ error: "unheard of" });
  }
}

mode = fresh();
server.listen(smppPort, "127.0.0.1");
http
  .createServer((request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      told(JSON.parse(Buffer.concat(chunks).toString() || '{"do":"state"}'), (value) => response.end(JSON.stringify(value)));
    });
  })
  .listen(httpPort, "127.0.0.1");
