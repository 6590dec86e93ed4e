// Real programs of several architectures, from Debian's packages; fetched by the ground truth's own module and kept in its cache.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { NoEngine } from './docker.ts';

const root = path.resolve(import.meta.dirname, '..', '..');
const cache = path.join(root, 'target', 'ground-truth', 'debian');

/** Busybox for several machines, each of which does what the name says that it is started by. */
export interface Programs {
  readonly amd64: Buffer;
  readonly arm64: Buffer;
  readonly s390x: Buffer;
  /** Busybox for amd64, linked against glibc. */
  readonly dynamic: Buffer;
  /** Where that one looks for its loader. */
  readonly loader: string;
  /** What it needs, the loader among it, by path. */
  readonly libraries: Record<string, Buffer>;
}

/** The programs. Throws `NoEngine` where Debian's packages cannot be had. */
export function debianPrograms(): Programs {
  const fetch = `import sys; sys.path.insert(0, sys.argv[1]); import debian; debian.programs(sys.argv[2])`;
  const fetched = spawnSync('python3', ['-c', fetch, path.join(root, 'test', 'ground-truth'), cache], {
    encoding: 'utf8',
  });
  if (fetched.status !== 0) throw new NoEngine(`Debian's packages cannot be had: ${fetched.stderr}`);
  const file = (...parts: string[]) => fs.readFileSync(path.join(cache, ...parts));
  const busybox = (architecture: string) => file(`busybox-static_${architecture}`, 'bin', 'busybox');
  const library = (name: string) => file('libc6_amd64', 'lib', 'x86_64-linux-gnu', name);
  const loader = 'lib64/ld-linux-x86-64.so.2';
  return {
    amd64: busybox('amd64'),
    arm64: busybox('arm64'),
    s390x: busybox('s390x'),
    dynamic: file('busybox_amd64', 'bin', 'busybox'),
    loader,
    libraries: {
      [loader]: library('ld-linux-x86-64.so.2'),
      'lib/x86_64-linux-gnu/libc.so.6': library('libc.so.6'),
      'lib/x86_64-linux-gnu/libresolv.so.2': library('libresolv.so.2'),
    },
  };
}
