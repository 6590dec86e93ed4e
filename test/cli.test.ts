// The command line: what it prints and the status it leaves with.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

const root = path.resolve(import.meta.dirname, '..');
const cli = process.env.ECS_ARCH_CLI ?? path.join(root, 'target', 'release', 'ecs-arch');
const template = path.join(import.meta.dirname, 'templates', 'graviton-image-on-x86.yaml');

function run(args: string[], input?: string | Buffer) {
  const result = spawnSync(cli, args, { input, encoding: 'utf8' });
  assert.equal(result.error, undefined);
  return result;
}

function temporary(content: string | Buffer): string {
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'ecs-arch-')), 'template.json');
  fs.writeFileSync(file, content);
  return file;
}

test('an error leaves with 1, and a template can come from standard input', () => {
  assert.equal(run(['check', template]).status, 1);
  const piped = run(['check', '-'], fs.readFileSync(template));
  assert.equal(piped.status, 1);
  assert.match(piped.stdout, /--> Task \(<standard input>:12\)/);
});

test('a parameter given on the command line counts', () => {
  const checked = run(['check', '--format', 'json', '--parameter', 'Sidecar=arm64v8/redis', template]);
  const report = JSON.parse(checked.stdout);
  assert.deepEqual(
    report.workloads.map((workload: { verdict: string }) => workload.verdict),
    ['fails', 'fails'],
  );
});

test('what is not denied passes', () => {
  const unknown = temporary(
    '{"Resources": {"T": {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": [{"Name": "a", "Image": "nginx"}]}}}}',
  );
  assert.equal(run(['check', unknown]).status, 0);
  assert.equal(run(['check', '--deny', 'unknown', unknown]).status, 1);
});

test('what cannot be read leaves with 2 and names the file', () => {
  for (const content of ['', '{"Resources": {', '[1]', Buffer.from([0x7b, 0x22, 0xff, 0x22])]) {
    const file = temporary(content);
    const checked = run(['check', file]);
    assert.equal(checked.status, 2);
    assert.ok(checked.stderr.includes(file), checked.stderr);
  }
  const missing = run(['check', '/nonexistent/cdk.out']);
  assert.equal(missing.status, 2);
  assert.match(missing.stderr, /nonexistent/);
  const garbage = temporary('{');
  assert.equal(run(['check', '--lock', garbage, template]).status, 2);
  assert.equal(run(['check', '--parameter', 'x', template]).status, 2);
});

test('every rule is listed and explained, and an unknown one is an error', () => {
  const rules = JSON.parse(run(['rules', '--json']).stdout);
  assert.ok(rules.length >= 10);
  for (const { name } of rules) {
    const explained = run(['explain', name]);
    assert.equal(explained.status, 0);
    assert.ok(explained.stdout.startsWith(`# ${name}\n`));
  }
  assert.equal(run(['explain', 'ecs-arch::image-platform-mismatch[web]']).status, 0);
  assert.equal(run(['explain', 'nonsense']).status, 2);
});

test('colour only where it is asked for', () => {
  assert.ok(!run(['check', template]).stdout.includes('\u001b'));
  assert.ok(run(['check', '--color', 'always', template]).stdout.includes('\u001b['));
});
