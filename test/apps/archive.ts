// Archives as `docker save` writes them, with one executable inside, small enough to make on the spot.
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export type Architecture = 'amd64' | 'arm64';

/** `e_machine` of the ELF header, and the instructions of `exit(0)`. */
const machines: Record<Architecture, { machine: number; exit: string }> = {
  amd64: { machine: 62, exit: '31ff b83c000000 0f05' }, // xor edi, edi; mov eax, 60; syscall
  arm64: { machine: 183, exit: '000080d2 a80b80d2 010000d4' }, // mov x0, 0; mov x8, 93; svc 0
};

/** What an image holds and says of itself. */
export interface ImageSpec {
  /** The architecture in the image's configuration. */
  readonly architecture: Architecture;
  readonly entrypoint: readonly string[];
  /** Files by path without a leading slash; executable, where nothing else is said. */
  readonly files: Record<string, Buffer | string | TarEntry>;
  readonly user?: string;
  readonly workingDirectory?: string;
}

/**
 * Writes an image archive with a static server and returns its path.
 * @param declared the architecture in the image's configuration
 * @param contents the architecture of the executable inside; another one makes an image that lies
 */
export function savedImage(declared: Architecture, contents: Architecture = declared): string {
  const name = declared === contents ? declared : `${declared}-holding-${contents}`;
  return archive(name, { architecture: declared, entrypoint: ['/server'], files: { server: program(contents) } });
}

/** Writes an image archive of this name and returns its path. */
export function archive(name: string, image: ImageSpec): string {
  const files = Object.entries(image.files).map(([path, file]): [string, TarEntry] => [
    path,
    typeof file === 'string' || Buffer.isBuffer(file) ? { data: file, mode: 0o755 } : file,
  ]);
  const layer = tar(Object.fromEntries(files));
  const config = JSON.stringify({
    architecture: image.architecture,
    os: 'linux',
    config: { Entrypoint: image.entrypoint, User: image.user ?? '', WorkingDir: image.workingDirectory ?? '' },
    rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] },
  });
  const configFile = `${sha256(config)}.json`;
  const written = tar({
    'manifest.json': {
      data: JSON.stringify([{ Config: configFile, RepoTags: ['server:latest'], Layers: ['layer/layer.tar'] }]),
    },
    [configFile]: { data: config },
    'layer/layer.tar': { data: layer },
  });
  const dir = fileURLToPath(new URL('../out/archives', import.meta.url));
  mkdirSync(dir, { recursive: true });
  const file = join(dir, `${name}.tar`);
  writeFileSync(file, written);
  return file;
}

/** What a program asks of its host, beside the architecture. */
export interface Needs {
  /** The path of its loader; a static program has none. */
  readonly loader?: string;
  /** The level of x86-64 that it was compiled for. */
  readonly level?: 2 | 3 | 4;
}

/** A 64-bit ELF executable: the header, its segments, and code that ends the process. */
export function program(architecture: Architecture, { loader, level }: Needs = {}): Buffer {
  const { machine, exit } = machines[architecture];
  const segments: { kind: number; alignment: bigint; content: Buffer }[] = [];
  if (loader) segments.push({ kind: 3 /* PT_INTERP */, alignment: 1n, content: Buffer.from(`${loader}\0`) });
  if (level) segments.push({ kind: 4 /* PT_NOTE */, alignment: 8n, content: levelNote(level) });
  segments.push({ kind: 1 /* PT_LOAD */, alignment: 0x10000n, content: Buffer.from(exit.replaceAll(' ', ''), 'hex') });

  const address = 0x400000n;
  const start = 64 + 56 * segments.length;
  const elf = Buffer.alloc(start);
  elf.write('\x7fELF\x02\x01\x01', 'latin1');
  elf.writeUInt16LE(2, 16); // e_type: ET_EXEC
  elf.writeUInt16LE(machine, 18);
  elf.writeUInt32LE(1, 20); // e_version
  elf.writeBigUInt64LE(64n, 32); // e_phoff
  elf.writeUInt16LE(64, 52); // e_ehsize
  elf.writeUInt16LE(56, 54); // e_phentsize
  elf.writeUInt16LE(segments.length, 56); // e_phnum
  let offset = start;
  for (const [index, { kind, alignment, content }] of segments.entries()) {
    const header = 64 + 56 * index;
    const loads = kind === 1;
    const from = loads ? 0 : offset;
    const size = loads ? offset + content.length : content.length;
    elf.writeUInt32LE(kind, header);
    elf.writeUInt32LE(5, header + 4); // p_flags: read, execute
    elf.writeBigUInt64LE(BigInt(from), header + 8);
    elf.writeBigUInt64LE(address + BigInt(from), header + 16);
    elf.writeBigUInt64LE(address + BigInt(from), header + 24);
    elf.writeBigUInt64LE(BigInt(size), header + 32);
    elf.writeBigUInt64LE(BigInt(size), header + 40);
    elf.writeBigUInt64LE(alignment, header + 48);
    if (loads) elf.writeBigUInt64LE(address + BigInt(offset), 24); // e_entry
    offset += content.length;
  }
  return Buffer.concat([elf, ...segments.map((segment) => segment.content)]);
}

/** The note of GNU's linker that says which level of x86-64 is needed. */
function levelNote(level: number): Buffer {
  const words = (...values: number[]) => Buffer.from(Uint32Array.from(values).buffer);
  const needed = words(0xc0008002, 4, 1 << (level - 1), 0); // GNU_PROPERTY_X86_ISA_1_NEEDED, size, level, padding
  return Buffer.concat([words(4, needed.length, 5), Buffer.from('GNU\0'), needed]);
}

/** A regular file of an archive. */
export interface TarEntry {
  readonly data: Buffer | string;
  readonly mode?: number;
}

function tar(entries: Record<string, TarEntry>): Buffer {
  const blocks = Object.entries(entries).flatMap(([name, { data, mode }]) => {
    const content = Buffer.from(data);
    return [tarHeader(name, content.length, mode ?? 0o644), content, Buffer.alloc(-content.length & 511)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

function tarHeader(name: string, size: number, mode: number): Buffer {
  const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, '0')}\0`;
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write(octal(mode, 8) + octal(0, 8) + octal(0, 8) + octal(size, 12) + octal(0, 12), 100);
  header.write('        0', 148); // checksum, as spaces while it is summed; type: regular file
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

function sha256(data: Buffer | string): string {
  return createHash('sha256').update(data).digest('hex');
}
