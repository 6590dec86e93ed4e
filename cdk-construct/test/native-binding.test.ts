import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { loadNativeBinding, nativeBindingFile, targetOf } from '../lib/native-binding';
import { scratch } from './synthesized';

function host(platform: string, arch: string, glibc = false) {
  return { platform, arch, hasGlibc: () => glibc };
}

test('each published host has a file', () => {
  assert.deepEqual(
    [
      host('linux', 'x64', true),
      host('linux', 'x64', false),
      host('linux', 'arm64', true),
      host('linux', 'arm64', false),
      host('darwin', 'x64'),
      host('darwin', 'arm64'),
      host('win32', 'x64'),
      host('win32', 'arm64'),
    ].map((each) => nativeBindingFile('native', each)),
    [
      'linux-x64-gnu',
      'linux-x64-musl',
      'linux-arm64-gnu',
      'linux-arm64-musl',
      'darwin-x64',
      'darwin-arm64',
      'win32-x64-msvc',
      'win32-arm64-msvc',
    ].map((target) => path.join('native', `ecs-arch.${target}.node`)),
  );
});

test('a host without a published core is an error that names it and those that have one', () => {
  assert.throws(
    () => nativeBindingFile('native', host('freebsd', 'x64')),
    /no native core for freebsd-x64: .*linux-x64-gnu/,
  );
  assert.throws(() => nativeBindingFile('native', host('linux', 'ia32', true)), /no native core for linux-ia32-gnu/);
});

test('the C library is asked for on Linux only', () => {
  const never = () => assert.fail('asked');
  assert.equal(targetOf({ platform: 'darwin', arch: 'arm64', hasGlibc: never }), 'darwin-arm64');
});

test('a missing file is an error that names what was looked for', () => {
  const file = path.join(scratch(), 'ecs-arch.linux-x64-gnu.node');
  assert.throws(() => loadNativeBinding(file), new RegExp(`looked for ${file.replace(/\./g, '\\.')}`));
});

test('a file that is not a native module is an error that names it', () => {
  const file = path.join(scratch(), 'ecs-arch.linux-x64-gnu.node');
  fs.writeFileSync(file, 'not a binary');
  assert.throws(
    () => loadNativeBinding(file),
    new RegExp(`could not load its native core ${file.replace(/\./g, '\\.')}: `),
  );
});

test('importing the package and making its objects loads no native module', () => {
  const script = `
    const { ArchitectureCheck, ArchImage, TargetArchitecture } = require('./lib/index.ts');
    new ArchitectureCheck();
    ArchImage.fromAsset('.', { architecture: TargetArchitecture.ARM64 });
    const native = Object.keys(require.cache).filter((file) => file.endsWith('.node'));
    console.log(JSON.stringify(native));`;
  const cwd = path.join(__dirname, '..');
  assert.equal(
    execFileSync(process.execPath, ['--import', 'tsx', '-e', script], { cwd, encoding: 'utf8' }).trim(),
    '[]',
  );
});
