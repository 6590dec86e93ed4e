// The Node.js binding: JSON in, JSON out, and errors that can be caught.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import path from 'node:path';
import { test } from 'node:test';

const binding = createRequire(import.meta.url)('ecs-arch-node');
const templates = path.join(import.meta.dirname, 'templates');

test('a template is judged', () => {
  const report = JSON.parse(
    binding.check(JSON.stringify({ paths: [path.join(templates, 'graviton-image-on-x86.yaml')] })),
  );
  assert.equal(report.schema, 1);
  assert.deepEqual(
    report.workloads.map((workload: { container: string; verdict: string }) => [workload.container, workload.verdict]),
    [
      ['web', 'fails'],
      ['sidecar', 'unknown'],
    ],
  );
  assert.equal(report.findings[0].location.line, 12);
});

test('what cannot be read is in the report', () => {
  const report = JSON.parse(binding.check(JSON.stringify({ paths: ['/nonexistent/cdk.out'] })));
  assert.equal(report.unreadable.length, 1);
  assert.equal(report.workloads.length, 0);
});

test('a request that is not understood is an error that names what is wrong', () => {
  assert.throws(() => binding.check('{'), /the request is not understood/);
  assert.throws(() => binding.check('{"paths": [], "loch": 1}'), /unknown field `loch`/);
  assert.throws(() => binding.check('{"paths": [], "lock": "/nonexistent.json"}'), /cannot read the lock file/);
});

test('instance types and rules are known', () => {
  assert.equal(binding.architectureOfInstanceType('p6e-gb200.36xlarge'), 'arm64');
  assert.equal(binding.architectureOfInstanceType('g5.xlarge'), 'x86_64');
  assert.equal(binding.architectureOfInstanceType('mac2.metal'), null);
  const names = JSON.parse(binding.rules()).map((rule: { name: string }) => rule.name);
  assert.ok(names.includes('image-platform-mismatch'));
});
