// Every test there is. Arguments choose among the parts: lint, rust, construct, apps, ground-truth.
import fs from 'node:fs';
import path from 'node:path';
import { heading, root, run, setup } from './setup.mjs';

const parts = {
  lint() {
    run('cargo', ['fmt', '--all', '--check']);
    run('cargo', ['clippy', '--workspace', '--all-targets', '--locked', '--', '-D', 'warnings']);
    run(process.execPath, [path.join(root, 'node_modules', '@biomejs', 'biome', 'bin', 'biome'), 'ci', '.']);
  },
  rust() {
    run('cargo', ['test', '--workspace', '--locked']);
  },
  construct() {
    run('npm', ['test', '--silent'], { cwd: path.join(root, 'cdk-construct') });
  },
  apps() {
    const tests = fs.readdirSync(path.join(root, 'test')).filter((name) => name.endsWith('.test.ts'));
    run(process.execPath, [
      '--import',
      'tsx',
      '--test',
      '--test-reporter=spec',
      ...tests.map((name) => path.join('test', name)),
    ]);
  },
  'ground-truth'() {
    run(python(), [path.join('test', 'ground-truth')]);
  },
};

/** Python 3 is called `python` on Windows only. */
function python() {
  return process.platform === 'win32' ? 'python' : 'python3';
}

const chosen = process.argv.slice(2);
for (const name of chosen) {
  if (!parts[name]) {
    console.error(`there is no part \`${name}\` (there are: ${Object.keys(parts).join(', ')})`);
    process.exit(2);
  }
}
setup();
for (const [name, part] of Object.entries(parts)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  heading(`tests: ${name}`);
  part();
}
