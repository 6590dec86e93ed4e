// `ecs-arch inspect` on the command line: where images come from, what it leaves with, what it says.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { savedImage } from './apps/archive.ts';

const root = path.resolve(import.meta.dirname, '..');
const cli = process.env.ECS_ARCH_CLI ?? path.join(root, 'target', 'release', 'ecs-arch');
const right = savedImage('amd64');
const lying = savedImage('arm64', 'amd64');

function inspect(args: string[], input?: Buffer) {
  const result = spawnSync(cli, ['inspect', ...args], { input, encoding: 'utf8' });
  assert.equal(result.error, undefined);
  return result;
}

function json(args: string[], input?: Buffer) {
  return JSON.parse(inspect(['--format', 'json', ...args], input).stdout);
}

test('an image that is what it says leaves with 0, one that lies with 1', () => {
  const good = inspect([`docker-archive:${right}`]);
  assert.equal(good.status, 0, good.stderr);
  assert.match(good.stdout, /linux\/amd64 {2}starts/);
  const bad = inspect([lying]);
  assert.equal(bad.status, 1);
  assert.match(bad.stdout, /error\[image-contents-mismatch\]/);
  assert.match(bad.stdout, /exec \/server: exec format error/);
});

test('the JSON says what is declared, what is held, and what the kernel will say', () => {
  const report = json([lying]);
  assert.deepEqual(report.summary, { errors: 1, warnings: 0 });
  const [platform] = report.platforms;
  assert.equal(platform.declared, 'linux/arm64');
  assert.equal(platform.contents, 'linux/amd64');
  assert.equal(platform.starts, false);
  assert.deepEqual(platform.outcome, { stage: 'exec', errno: 'ENOEXEC', text: 'exec /server: exec format error' });
  assert.deepEqual(platform.chain, [{ path: '/server', kind: 'elf', machine: 'x86_64' }]);
});

test('a file, a stream, and a compressed stream give the same answer', () => {
  const { platforms, findings } = json([lying]);
  for (const input of [fs.readFileSync(lying), gzipSync(fs.readFileSync(lying))]) {
    const streamed = json(['-'], input);
    assert.deepEqual(streamed.platforms, platforms);
    assert.deepEqual(streamed.findings, findings);
  }
});

test('a host and what a task definition overrides can be given', () => {
  assert.equal(json([right, '--platform', 'linux/arm64']).findings[0].rule, 'image-platform-mismatch');
  assert.equal(json([right, '--entrypoint', '["/nothing"]']).findings[0].rule, 'entrypoint-not-found');
  assert.equal(json([right, '--entrypoint', '[]', '--command', '["x"]']).platforms[0].argv.join(' '), '/server x');
  assert.equal(json([right, '--user', 'nobody']).findings[0].rule, 'user-not-found');
  assert.equal(json([right, '--entrypoint', '["server"]', '--env', 'PATH=/']).platforms[0].starts, true);
});

test('labels alone can be asked for', () => {
  const [platform] = json([lying, '--labels-only']).platforms;
  assert.deepEqual([platform.declared, platform.starts], ['linux/arm64', null]);
});

test('what cannot be read leaves with 2 and says what to do', () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'ecs-arch-'));
  const text = path.join(directory, 'text');
  fs.writeFileSync(text, 'not an image\n'.repeat(100));
  for (const [args, message] of [
    [['nginx:1.27'], /docker save IMAGE \| ecs-arch inspect -/],
    [[directory], /has no `index.json`/],
    [[text], /not a readable tar archive/],
    [[`docker-archive:${right}:other`], /no image `other` \(there are: `server:latest`\)/],
    [[`oci-archive:${right}`], /no `index.json`/],
    [['--platform', 'linux/arm46', right], /arm46/],
    [['--entrypoint', '/server', right], /JSON list/],
  ] as [string[], RegExp][]) {
    const result = inspect(args);
    assert.equal(result.status, 2, args.join(' '));
    assert.match(result.stderr, message);
  }
});
