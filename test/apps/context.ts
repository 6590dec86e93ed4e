// Build contexts, written on the spot: a Dockerfile and the files beside it.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Content of a file; a Buffer is written as one that may be executed. */
export type Files = Record<string, string | Buffer>;

/** Writes a build context and returns its directory. */
export function context(name: string, dockerfile: string, files: Files = {}): string {
  const directory = fileURLToPath(new URL(`../out/contexts/${name}`, import.meta.url));
  rmSync(directory, { recursive: true, force: true });
  for (const [file, content] of Object.entries({ Dockerfile: dockerfile, ...files })) {
    const path = join(directory, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content, { mode: Buffer.isBuffer(content) ? 0o755 : 0o644 });
  }
  return directory;
}
