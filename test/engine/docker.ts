// A Docker engine of the test's own: its socket, its data and its mounts live in a temporary directory and go with it.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** What a command of the engine's client printed, and the status it left with. */
export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running engine. */
export interface Engine {
  /** Runs the client, for a minute at most; `input` is its standard input. */
  docker(args: string[], input?: Buffer): Ran;
  /** Like `docker`, for output that is no text. */
  bytes(args: string[]): Buffer;
  /** Ends the engine and deletes what it left. */
  stop(): Promise<void>;
}

/** Why there is no engine on this machine. */
export class NoEngine extends Error {}

const START_SECONDS = 60;
const COMMAND_MILLISECONDS = 60_000;

/**
 * The engine's mounts, and the control groups that it needs where the machine has none, are made in a mount namespace of its own:
 * the machine's own stay as they are.
 */
const SCRIPT = `
set -e
if ! mountpoint -q /sys/fs/cgroup; then
  mount -t cgroup2 none /sys/fs/cgroup
fi
exec dockerd "$@"
`;

/** Starts an engine. Throws `NoEngine` with the reason where it cannot. */
export async function startEngine(): Promise<Engine> {
  if (process.platform !== 'linux') throw new NoEngine('the engine runs on Linux only');
  if (process.getuid?.() !== 0) throw new NoEngine('the engine needs root');
  for (const tool of ['dockerd', 'docker', 'unshare']) {
    if (spawnSync(tool, ['--version'], { stdio: 'ignore' }).error) throw new NoEngine(`${tool} is not installed`);
  }
  // Overlays do not lie on every file system, and a copy of each layer is little here.
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'ecs-arch-engine-'));
  const socket = `unix://${path.join(directory, 'docker.sock')}`;
  const log = fs.openSync(path.join(directory, 'log'), 'w');
  const options = [
    '--host',
    socket,
    '--storage-driver',
    'vfs',
    '--bridge',
    'none',
    '--iptables=false',
    '--ip6tables=false',
  ];
  for (const [option, name] of [
    ['--data-root', 'data'],
    ['--exec-root', 'exec'],
    ['--pidfile', 'pid'],
  ]) {
    options.push(option as string, path.join(directory, name as string));
  }
  const daemon = spawn('unshare', ['--mount', 'sh', '-c', SCRIPT, 'dockerd', ...options], {
    stdio: ['ignore', log, log],
  });
  const interrupted = () => daemon.kill('SIGTERM');
  process.once('exit', interrupted);

  const environment = { ...process.env, DOCKER_HOST: socket, DOCKER_BUILDKIT: '0', DOCKER_CONFIG: directory };
  const run = (args: string[], input?: Buffer) =>
    spawnSync('docker', args, { env: environment, input, timeout: COMMAND_MILLISECONDS, maxBuffer: 1 << 28 });
  const stop = async () => {
    process.off('exit', interrupted);
    await ended(daemon);
    fs.closeSync(log);
    fs.rmSync(directory, { recursive: true, force: true });
  };
  for (let waited = 0; run(['version']).status !== 0; waited += 0.25) {
    if (waited > START_SECONDS || daemon.exitCode !== null) {
      const tail = fs.readFileSync(path.join(directory, 'log'), 'utf8').trim().split('\n').slice(-3).join(' / ');
      await stop();
      throw new NoEngine(`dockerd does not start: ${tail}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  return {
    docker(args, input) {
      const { error, status, stdout, stderr } = run(args, input);
      if (error) throw error;
      return { status, stdout: stdout.toString(), stderr: stderr.toString() };
    },
    bytes(args) {
      const { error, status, stdout, stderr } = run(args);
      if (error || status !== 0) throw error ?? new Error(`docker ${args.join(' ')}: ${stderr}`);
      return stdout;
    },
    stop,
  };
}

/** Asks a process to end, and makes it after a while. */
async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const insist = setTimeout(() => child.kill('SIGKILL'), 20_000);
  await gone;
  clearTimeout(insist);
}
