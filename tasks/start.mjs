// The main job, shown: an app that is wrong fails `cdk synth`, its twin passes, and both are drawn as architecture maps.
import fs from 'node:fs';
import path from 'node:path';
import { cli, heading, root, run, setup } from './setup.mjs';

setup();

const cdk = path.join(root, 'node_modules', 'aws-cdk', 'bin', 'cdk');

function synthesize(name, passes) {
  const directory = path.join(root, 'examples', name);
  const output = path.join(directory, 'cdk.out');
  fs.rmSync(output, { recursive: true, force: true });
  heading(`cdk synth of examples/${name}, which must ${passes ? 'pass' : 'fail'}`);
  const { status } = run(process.execPath, [cdk, 'synth', '--quiet', '--no-notices', '--output', output], {
    cwd: directory,
    mayFail: true,
  });
  console.log(`\nexit status ${status}`);
  if ((status === 0) !== passes) {
    console.error(`examples/${name} was expected to ${passes ? 'pass' : 'fail'}`);
    process.exit(1);
  }
  return output;
}

const mismatch = synthesize('mismatch', false);
const matched = synthesize('matched', true);

for (const output of [mismatch, matched]) {
  heading(`ecs-arch check ${path.relative(root, output)}`);
  const { status } = run(cli, ['check', output], { mayFail: true });
  if (status === 2) process.exit(2);
}
