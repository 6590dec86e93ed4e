// Builds everything that the other tasks need, from a fresh clone on; does nothing where nothing has changed.
//
// Steps, each skipped when its output is newer than its input: npm packages of the workspace and of the construct package;
// the Rust workspace; the binding, put where the construct package looks for it; the construct package through jsii; the
// packed construct package, installed as a user would have it.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const construct = path.join(root, 'cdk-construct');
const installed = path.join(root, 'node_modules', 'cdk-ecs-arch');
const windows = process.platform === 'win32';

/** The command line, built by `setup`. */
export const cli = path.join(root, 'target', 'release', windows ? 'ecs-arch.exe' : 'ecs-arch');

/** Runs a command to its end, its output shown as it comes; leaves with its status if it fails. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    shell: windows && !path.isAbsolute(command),
    ...options,
  });
  if (result.error) {
    console.error(`cannot run ${command}: ${result.error.message}${missing(command)}`);
    process.exit(2);
  }
  if (result.status !== 0 && !options.mayFail) {
    console.error(`failed with status ${result.status}: ${command} ${args.join(' ')}`);
    process.exit(result.status || 1);
  }
  return result;
}

function missing(command) {
  return command === 'cargo' ? ' (Rust is needed: https://rustup.rs)' : '';
}

/** Says what comes next. */
export function heading(text) {
  console.log(process.stdout.isTTY ? `\n\u001b[1m${text}\u001b[0m` : `\n${text}`);
}

/** The time of the latest change among files and folders; 0 if there is none. */
function changed(...paths) {
  let latest = 0;
  for (const entry of paths) {
    const stat = fs.statSync(entry, { throwIfNoEntry: false });
    if (!stat) continue;
    if (!stat.isDirectory()) {
      latest = Math.max(latest, stat.mtimeMs);
      continue;
    }
    for (const name of fs.readdirSync(entry)) {
      if (name !== 'node_modules') latest = Math.max(latest, changed(path.join(entry, name)));
    }
  }
  return latest;
}

function install(directory) {
  const lock = path.join(directory, 'package-lock.json');
  const stamp = path.join(directory, 'node_modules', '.package-lock.json');
  if (changed(lock, path.join(directory, 'package.json')) <= changed(stamp)) return;
  heading(`npm packages of ${path.relative(root, directory) || 'the workspace'}`);
  run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: directory });
  fs.utimesSync(stamp, new Date(), new Date());
}

function buildRust() {
  heading('the Rust core, its command line and its binding');
  run('cargo', ['build', '--release', '--workspace', '--locked']);
  const library = { win32: 'ecs_arch_node.dll', darwin: 'libecs_arch_node.dylib' }[process.platform];
  const built = path.join(root, 'target', 'release', library ?? 'libecs_arch_node.so');
  for (const target of [
    path.join(construct, 'native', `ecs-arch.${targetName()}.node`),
    path.join(root, 'node-binding', 'ecs-arch.node'),
  ]) {
    if (changed(built) <= changed(target)) continue;
    fs.mkdirSync(path.dirname(target), { recursive: true });
    // A process may have the old file loaded: it keeps that one, and the next one finds the new.
    fs.copyFileSync(built, `${target}.new`);
    fs.renameSync(`${target}.new`, target);
  }
}

/** The construct package's name for this host, as its loader has it. */
function targetName() {
  const base = `${process.platform}-${process.arch}`;
  if (windows) return `${base}-msvc`;
  if (process.platform !== 'linux') return base;
  return `${base}-${process.report.getReport().header.glibcVersionRuntime ? 'gnu' : 'musl'}`;
}

function sources(directory) {
  return fs
    .readdirSync(directory)
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .map((name) => path.join(directory, name));
}

function buildConstruct() {
  const manifest = path.join(construct, '.jsii');
  if (changed(...sources(path.join(construct, 'lib')), path.join(construct, 'package.json')) > changed(manifest)) {
    heading('the construct package, through jsii');
    run('npm', ['run', '--silent', 'build'], { cwd: construct });
    fs.utimesSync(manifest, new Date(), new Date());
  }
  const stamp = path.join(installed, 'package.json');
  if (changed(manifest, path.join(construct, 'native'), path.join(construct, 'README.md')) <= changed(stamp)) return;
  heading('the construct package, packed and installed as a user has it');
  const packed = run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', path.join(root, 'target')], {
    cwd: construct,
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  const archive = packed.stdout.trim().split('\n').pop();
  fs.rmSync(installed, { recursive: true, force: true });
  fs.mkdirSync(installed, { recursive: true });
  run('tar', ['-xzf', archive, '-C', installed, '--strip-components=1'], { cwd: path.join(root, 'target') });
  fs.utimesSync(stamp, new Date(), new Date());
}

/** Builds what is not up to date. */
export function setup() {
  install(root);
  install(construct);
  buildRust();
  buildConstruct();
}
