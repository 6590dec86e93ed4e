/**
 * Where the Rust core is, as a file beside this package, and what it can be asked.
 *
 * It knows the table of published targets and how a host is recognised; it knows nothing of what the answers mean.
 * Nothing here runs at import: the first call that needs the core loads it.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';

/** The functions of the native core. Requests and answers are JSON texts. */
export interface NativeBinding {
  /** Version of the core, as in its `Cargo.toml`. */
  version(): string;
  /** Judges cloud assemblies. Throws an Error with a sentence when it cannot do the work. */
  check(requestJson: string): string;
  /** `x86_64` or `arm64` by the name of an EC2 instance type (`c8gn.large`), null when the name is not one. */
  architectureOfInstanceType(name: string): string | null;
  /** JSON array of `{ name, summary }`, one per rule. */
  rules(): string;
}

/** Node.js platform and architecture, and on Linux and Windows the C library, of every binary that is published. */
const TARGETS = [
  'darwin-arm64',
  'darwin-x64',
  'linux-arm64-gnu',
  'linux-arm64-musl',
  'linux-x64-gnu',
  'linux-x64-musl',
  'win32-arm64-msvc',
  'win32-x64-msvc',
] as const;

/** What decides which binary a process can load. */
export interface Host {
  /** `process.platform` */
  readonly platform: string;
  /** `process.arch` */
  readonly arch: string;
  /** Whether Node.js itself is linked to glibc. Asked on Linux only. */
  hasGlibc(): boolean;
}

const THIS_HOST: Host = {
  platform: process.platform,
  arch: process.arch,
  hasGlibc: () => {
    // A musl build of Node.js has no glibcVersionRuntime in its report header. excludeNetwork (Node.js 20.13) spares the
    // report its look-ups of interfaces and sockets, which take long where DNS is slow.
    const report = process.report as (NodeJS.ProcessReport & { excludeNetwork?: boolean }) | undefined;
    if (!report) {
      return true;
    }
    const before = report.excludeNetwork;
    report.excludeNetwork = true;
    try {
      const { header } = report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
      return header.glibcVersionRuntime !== undefined;
    } finally {
      report.excludeNetwork = before;
    }
  },
};

/** The name of the target that the host needs, published or not: `linux-x64-gnu`. */
export function targetOf(host: Host): string {
  const base = `${host.platform}-${host.arch}`;
  switch (host.platform) {
    case 'linux':
      return `${base}-${host.hasGlibc() ? 'gnu' : 'musl'}`;
    case 'win32':
      return `${base}-msvc`;
    default:
      return base;
  }
}

const NATIVE_DIRECTORY = path.join(__dirname, '..', 'native');

/** What has been loaded, by file. */
export const loadedBindings = new Map<string, NativeBinding>();

/**
 * The file that holds the core for a host.
 *
 * @param directory folder that holds the `.node` files
 * @param host      what to load for
 * @throws Error when no core is published for the host
 */
export function nativeBindingFile(directory: string = NATIVE_DIRECTORY, host: Host = THIS_HOST): string {
  const target = targetOf(host);
  if (!(TARGETS as readonly string[]).includes(target)) {
    throw new Error(`cdk-ecs-arch has no native core for ${target}: it is published for ${TARGETS.join(', ')}`);
  }
  return path.join(directory, `ecs-arch.${target}.node`);
}

/**
 * Loads the core for this host, once.
 *
 * @throws Error with one sentence that names what was looked for
 */
export function loadNativeBinding(file: string = thisHostsFile()): NativeBinding {
  let binding = loadedBindings.get(file);
  if (!binding) {
    if (!fs.existsSync(file)) {
      throw new Error(`cdk-ecs-arch found no native core for this host: looked for ${file}. Reinstall the package`);
    }
    try {
      binding = require(file) as NativeBinding;
    } catch (cause) {
      throw new Error(`cdk-ecs-arch could not load its native core ${file}: ${(cause as Error).message}`);
    }
    loadedBindings.set(file, binding);
  }
  return binding;
}

let file: string | undefined;

/** Asked once: on Linux it takes a report of Node.js to know the C library. */
function thisHostsFile(): string {
  file ??= nativeBindingFile();
  return file;
}
