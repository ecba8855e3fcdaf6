// Checks a day of the ledger and reckons its bill, from what spec/ledger/README.md says and with node's own library.
//
//     node stranger.mjs FILE      (decompressed; prints a JSON document, exits 1 at the first bad line)

import {createHash} from "node:crypto";
import {readFileSync} from "node:fs";

const METRICS = ["cpu", "memory", "gpu", "gpu_memory"];
const BASES = ["usage", "requests", "charged"];

const lines = readFileSync(process.argv[2], "ascii").split("\n").slice(0, -1);
const header = JSON.parse(lines[0]);
const names = header.namespaces.map((each) => each.name);

let previous = header.previous;
lines.forEach((line, at) => {
  const body = line.replace(/,"chain":"[0-9a-f]{64}"}$/, "}");
  const chain = createHash("sha256").update(`${previous}\n${body}`, "ascii").digest("hex");
  if (chain !== JSON.parse(line).chain) {
    console.log(JSON.stringify({bad: at + 1}));
    process.exit(1);
  }
  previous = chain;
});

const hours = lines.slice(1).map((line) => {
  const hour = JSON.parse(line);
  names.push(...(hour.names ?? []).map((each) => each.name));
  return {hour: hour.hour, metrics: Object.fromEntries(METRICS.map((metric) => [metric, reckoned(hour, metric)]))};
});
console.log(JSON.stringify({head: previous, hours}, (_, value) => (typeof value === "bigint" ? value.toString() : value)));

function reckoned(hour, metric) {
  const rows = new Map(names.map((name, place) => [`namespace ${name}`, amountsOf(hour, metric, (column) => column[place], hour)]));
  for (const [name, entry] of Object.entries(hour.special ?? {})) {
    rows.set(`special ${name}`, amountsOf(hour, metric, (amount) => amount, entry));
  }
  const bases = metric === "gpu_memory" ? ["usage"] : BASES;
  return Object.fromEntries(bases.map((basis) => [basis, split(hour, metric, basis, rows)]));
}

function amountsOf(hour, metric, pick, from) {
  const columns = from[metric] ?? {};
  const ofMetric = hour.capacity[metric] === null ? null : 0;
  const usage = columns.usage === undefined ? ofMetric : pick(columns.usage);
  const requests = columns.requests === undefined ? ofMetric : pick(columns.requests);
  const byItself = hour.origin === "collector" ? 0 : null;
  const above = columns.charged === undefined ? byItself : pick(columns.charged);
  return {usage, requests, charged: requests === null || above === null ? null : requests + above};
}

function split(hour, metric, basis, rows) {
  const capacity = hour.capacity[metric], allocatable = hour.allocatable[metric];
  const bill = capacity === null ? null : (hour.bill?.[metric] ?? null);
  const amounts = {}, costs = {};
  let known = 0n, spent = 0n, complete = true;
  for (const [name, row] of rows) {
    amounts[name] = row[basis];
    costs[name] = row[basis] === null || bill === null ? null : cost(bill, row[basis], capacity);
    complete &&= row[basis] !== null;
    known += BigInt(row[basis] ?? 0);
    spent += costs[name] ?? 0n;
  }
  if (capacity === null || allocatable === null) return {amounts, costs};
  const rest = complete ? "rest idle" : basis === "usage" ? "rest unmeasured" : null;
  amounts["non-allocatable"] = capacity - allocatable;
  if (rest) amounts[rest] = BigInt(allocatable) - known;
  if (bill !== null) {
    costs["non-allocatable"] = cost(bill, capacity - allocatable, capacity);
    if (rest) costs[rest] = BigInt(bill) * 1000n - spent - costs["non-allocatable"];
  }
  return {amounts, costs};
}

function cost(bill, amount, capacity) {
  if (capacity === 0) return 0n;
  const divisor = BigInt(capacity), dividend = BigInt(bill) * 1000n * BigInt(amount);
  const quotient = dividend / divisor, twice = 2n * (dividend % divisor);
  return twice > divisor || (twice === divisor && quotient % 2n === 1n) ? quotient + 1n : quotient;
}
