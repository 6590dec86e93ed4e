// What a check costs, beside what reading the same files costs otherwise. Prints tables; judges nothing.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { generate } from '../test/bench/generate.mjs';
import { mb, median, milliseconds, ms, peakMemory, repeated, table } from './measure.mjs';
import { cli, heading, root, setup } from './setup.mjs';

setup();
const require = createRequire(import.meta.url);
const file = path.join(root, 'node-binding', 'ecs-arch.node');
const out = path.join(root, 'target', 'bench');

const request = (directory) => JSON.stringify({ paths: [directory] });

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
const floor = peakMemory(cli, ['check', '--quiet', empty]);
for (const [name, directory, size] of [
  ['100 stacks', large, largest],
  ['one huge stack', huge, fs.statSync(hugeTemplate).size],
]) {
  const extra = Math.max(0, peakMemory(cli, ['check', '--quiet', directory]) - floor);
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
