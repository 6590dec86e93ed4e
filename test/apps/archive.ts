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

/**
 * Writes an image archive and returns its path.
 * @param declared the architecture in the image's configuration
 * @param contents the architecture of the executable inside; another one makes an image that lies
 */
export function savedImage(declared: Architecture, contents: Architecture = declared): string {
  const layer = tar({ server: { data: executable(contents), mode: 0o755 } });
  const config = JSON.stringify({
    architecture: declared,
    os: 'linux',
    config: { Entrypoint: ['/server'] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] },
  });
  const configFile = `${sha256(config)}.json`;
  const archive = tar({
    'manifest.json': {
      data: JSON.stringify([{ Config: configFile, RepoTags: ['server:latest'], Layers: ['layer/layer.tar'] }]),
    },
    [configFile]: { data: config },
    'layer/layer.tar': { data: layer },
  });
  const dir = fileURLToPath(new URL('../out/archives', import.meta.url));
  mkdirSync(dir, { recursive: true });
  const file = join(dir, declared === contents ? `${declared}.tar` : `${declared}-holding-${contents}.tar`);
  writeFileSync(file, archive);
  return file;
}

/** A static 64-bit ELF executable: the header, one loadable segment, and code that ends the process. */
function executable(architecture: Architecture): Buffer {
  const address = 0x400000n;
  const { machine, exit } = machines[architecture];
  const code = Buffer.from(exit.replaceAll(' ', ''), 'hex');
  const elf = Buffer.concat([Buffer.alloc(120), code]);
  elf.write('\x7fELF\x02\x01\x01', 'latin1');
  elf.writeUInt16LE(2, 16); // e_type: ET_EXEC
  elf.writeUInt16LE(machine, 18);
  elf.writeUInt32LE(1, 20); // e_version
  elf.writeBigUInt64LE(address + 120n, 24); // e_entry
  elf.writeBigUInt64LE(64n, 32); // e_phoff
  elf.writeUInt16LE(64, 52); // e_ehsize
  elf.writeUInt16LE(56, 54); // e_phentsize
  elf.writeUInt16LE(1, 56); // e_phnum
  elf.writeUInt32LE(1, 64); // p_type: PT_LOAD
  elf.writeUInt32LE(5, 68); // p_flags: read, execute
  elf.writeBigUInt64LE(address, 80); // p_vaddr
  elf.writeBigUInt64LE(address, 88); // p_paddr
  elf.writeBigUInt64LE(BigInt(elf.length), 96); // p_filesz
  elf.writeBigUInt64LE(BigInt(elf.length), 104); // p_memsz
  elf.writeBigUInt64LE(0x1000n, 112); // p_align
  return elf;
}

interface TarEntry {
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
