// What the benchmarks share: clocks, memory, tables.
import { spawnSync } from 'node:child_process';

/** How long some work takes, in milliseconds. */
export function milliseconds(work) {
  const start = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - start) / 1e6;
}

/** The middle one of some numbers. */
export function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** The median of some work's time, after a first run that does not count. */
export function repeated(times, work) {
  work();
  return median(Array.from({ length: times }, () => milliseconds(work)));
}

/** Peak resident memory of a command, in bytes, as the kernel counted it; asked of GNU `time`, for Node.js does not say. */
export function peakMemory(command, args) {
  const { error, stderr } = spawnSync('time', ['--format', '%M', command, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (error) throw new Error(`this benchmark needs GNU time (Debian's package \`time\`): ${error.message}`);
  return Number(stderr.trim().split('\n').at(-1)) * 1024;
}

/** Prints rows as a table whose numbers stand under each other. */
export function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)));
  for (const row of rows) {
    console.log(
      row
        .map((cell, column) => (column === 0 ? String(cell).padEnd(widths[0]) : String(cell).padStart(widths[column])))
        .join('   '),
    );
  }
}

export const ms = (value) => `${value.toFixed(value < 10 ? 2 : 1)} ms`;
export const mb = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
