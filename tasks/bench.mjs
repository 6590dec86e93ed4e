// The benchmark: what a check costs, beside what reading the same files costs otherwise. Prints tables; judges nothing.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { generate } from '../test/bench/generate.mjs';
import { cli, heading, root, setup } from './setup.mjs';

setup();
const require = createRequire(import.meta.url);
const file = path.join(root, 'node-binding', 'ecs-arch.node');
const out = path.join(root, 'target', 'bench');

const request = (directory) => JSON.stringify({ paths: [directory] });

function milliseconds(work) {
  const start = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - start) / 1e6;
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

function repeated(times, work) {
  work();
  return median(Array.from({ length: times }, () => milliseconds(work)));
}

/** Measures in a process of its own; the code must leave a number in `result`. */
function fresh(code) {
  const measured = Array.from({ length: 15 }, () => {
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', `let result; ${code}; console.log(result)`], {
      encoding: 'utf8',
    });
    if (stderr) throw new Error(stderr);
    return Number(stdout);
  });
  return median(measured);
}

/** Peak resident memory of a command, in bytes, as Linux counts it. */
async function peakMemory(command, args) {
  const child = spawn(command, args, { stdio: 'ignore' });
  let peak = 0;
  const look = setInterval(() => {
    try {
      const status = fs.readFileSync(`/proc/${child.pid}/status`, 'utf8');
      peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024);
    } catch {
      // It has ended.
    }
  }, 1);
  await new Promise((resolve) => child.on('close', resolve));
  clearInterval(look);
  return peak;
}

function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)));
  for (const row of rows) {
    console.log(
      row
        .map((cell, column) => (column === 0 ? String(cell).padEnd(widths[0]) : String(cell).padStart(widths[column])))
        .join('   '),
    );
  }
}

const ms = (value) => `${value.toFixed(value < 10 ? 2 : 1)} ms`;
const mb = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

const large = path.join(out, 'large');
const templates = generate(large, 100, 105);
const bytes = templates.reduce((sum, template) => sum + fs.statSync(template).size, 0);

heading(`100 stacks, 10,500 resources, ${mb(bytes)} of templates`);
const binding = require(file);
const load = fresh(
  `const t = process.hrtime.bigint(); require(${JSON.stringify(file)}); result = Number(process.hrtime.bigint() - t) / 1e6`,
);
const cold = fresh(
  `const b = require(${JSON.stringify(file)}); const t = process.hrtime.bigint(); b.check(${JSON.stringify(request(large))}); result = Number(process.hrtime.bigint() - t) / 1e6`,
);
const warm = repeated(30, () => binding.check(request(large)));
const parse = repeated(30, () => {
  for (const template of templates) JSON.parse(fs.readFileSync(template, 'utf8'));
});

const library = path.dirname(require.resolve('aws-cdk-lib/package.json'));
let engine;
let validator;
const validatorStart = milliseconds(() => {
  validator = createRequire(path.join(library, 'package.json'))('@aws/cloudformation-validate');
  engine = new validator.RegoEngine();
});
const validate = milliseconds(() => {
  for (const template of templates) engine.validateStandard(new validator.TemplateFile(template));
});
engine.free();

table([
  ['', 'time', 'beside it', 'ratio', 'goal'],
  ['load the binding', ms(load), '', '', '<= 15 ms'],
  ['check, warm', ms(warm), '', '', ''],
  ['check, cold', ms(cold), '', '', ''],
  ['JSON.parse of the templates', ms(parse), 'check, warm', (warm / parse).toFixed(3), '<= 0.5'],
  ['  which reads', `${(bytes / 1e3 / parse).toFixed(0)} MB/s`, '', '', ''],
  ['bundled validator', ms(validate), 'check, warm', `${(validate / warm).toFixed(0)} x`, '>= 200 x'],
  ['  and its start', ms(validatorStart), '', '', ''],
]);

heading('memory of the command line beyond an empty app');
const empty = path.join(out, 'empty');
generate(empty, 1, 3);
const huge = path.join(out, 'huge');
const [hugeTemplate] = generate(huge, 1, 75_000);
const largest = Math.max(...templates.map((template) => fs.statSync(template).size));
const rows = [['app', 'largest template', 'extra memory', 'ratio', 'goal']];
const floor = await peakMemory(cli, ['check', '--quiet', empty]);
for (const [name, directory, size] of [
  ['100 stacks', large, largest],
  ['one huge stack', huge, fs.statSync(hugeTemplate).size],
]) {
  const extra = Math.max(0, (await peakMemory(cli, ['check', '--quiet', directory])) - floor);
  rows.push([name, mb(size), mb(extra), (extra / size).toFixed(2), '<= 2']);
}
table(rows);

heading('time by the number of stacks');
const scaling = [['stacks', 'check, warm', 'per stack']];
for (const stacks of [10, 30, 100, 300, 1000]) {
  const directory = path.join(out, `stacks-${stacks}`);
  generate(directory, stacks, 105);
  const time = repeated(7, () => binding.check(request(directory)));
  scaling.push([stacks, ms(time), `${((time / stacks) * 1000).toFixed(0)} us`]);
}
table(scaling);
