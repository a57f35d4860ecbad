// Clients of others, led by lines of JSON: node client.js URL KEYS
// in: {"of": "mtn" | "daraja", "call": "requestToPay", "args": [...]}; out: {"value"}, or {"error", "status", "body"}
"use strict";
const readline = require("readline");
const momo = require("mtn-momo");
const Mpesa = require("mpesa-node");

const [url, told] = process.argv.slice(2, 4);
const keys = JSON.parse(told);
const mpesa = new Mpesa(keys.daraja);
mpesa.baseURL = `${url}/daraja`;
const clients = {
  mtn: momo.create({ callbackHost: "pay.example.ma", baseUrl: `${url}/mtn` }).Collections(keys.mtn),
  daraja: {
    push: (...args) => mpesa.lipaNaMpesaOnline(...args).then((answer) => answer.data),
    query: (...args) => mpesa.lipaNaMpesaQuery(...args).then((answer) => answer.data),
  },
};

async function answered({ of, call, args }) {
  try {
    return { value: await clients[of][call](...args) };
  } catch (error) {
    const { status, data } = error.response || {};
    return { error: error.name, status: status || null, body: data || null, message: error.message };
  }
}

readline.createInterface({ input: process.stdin }).on("line", async (line) => {
  process.stdout.write(`${JSON.stringify(await answered(JSON.parse(line)))}\n`);
});
