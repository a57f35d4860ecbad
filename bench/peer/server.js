// The peer: ussd-menu-builder on express as its README has it (a menu a request), sessions in Redis, kept ten minutes.
'use strict';

const express = require('express');
const UssdMenu = require('ussd-menu-builder');
const { createClient } = require('redis');

const SESSION_TTL_S = 600;
const BILLS = [
  { month: '09/2026', amount: '199,00' },
  { month: '10/2026', amount: '214,50' },
];

const redis = createClient({ url: process.env.BENCH_REDIS_URL });

function list(session) {
  const rows = BILLS.map((bill, n) => `${n + 2}. [${session.leftOut.includes(n) ? ' ' : 'x'}] ${bill.month} ${bill.amount} DH`);
  return ['Factures choisies', '1. Payer', ...rows, '0. Retour'].join('\n');
}

async function load(id) {
  const stored = await redis.get(`bench:${id}`);
  const session = stored ? JSON.parse(stored) : {};
  return { screen: 'PickInvoices', line: '0600000002', leftOut: [], ...session };
}

function menuOf() {
  const menu = new UssdMenu();
  menu.startState({ run: () => menu.con('Langue\n1. Francais\n2. English'), next: { '*[0-9]': 'service' } });
  menu.state('service', { run: () => menu.con('Payer\n1. Ma ligne'), next: { '*[0-9]': 'terms' } });
  menu.state('terms', { run: () => menu.con('Conditions\n1. Accepter'), next: { '*[0-9]': 'bills' } });
  menu.state('bills', {
    run: async () => {
      const session = await load(menu.args.sessionId);
      const chosen = Number(menu.val) - 2;
      if (chosen >= 0 && chosen < BILLS.length) {
        session.leftOut = session.leftOut.includes(chosen)
          ? session.leftOut.filter((n) => n !== chosen)
          : [...session.leftOut, chosen];
      }
      await redis.set(`bench:${menu.args.sessionId}`, JSON.stringify(session), { EX: SESSION_TTL_S });
      menu.con(list(session));
    },
    next: { '*[0-9]': 'bills' },
  });
  return menu;
}

const app = express();
app.use(express.urlencoded({ extended: false }));
app.get('/', (request, response) => response.status(204).end());
app.post('/', (request, response) => {
  menuOf().run(request.body, (answer) => response.type('text/plain').send(answer));
});

redis.connect().then(() => app.listen(Number(process.env.PORT), '127.0.0.1'));
