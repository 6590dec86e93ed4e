// What an inspection costs, beside reading the label with skopeo, decompressing the large layer to nowhere with the same
// libraries, and unpacking with umoci. Needs about 10 GB of disk for the largest images, which are deleted as it goes.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { mb, milliseconds, ms, peakMemory, repeated, table } from './measure.mjs';
import { cli, heading, root, run, setup } from './setup.mjs';

setup();
run('cargo', ['build', '--release', '--locked', '-p', 'ecs-arch-core', '--example', 'decompress']);
const decompress = path.join(root, 'target', 'release', 'examples', 'decompress');
const out = path.join(root, 'target', 'bench', 'images');
const has = (tool) => spawnSync(tool, ['--version'], { stdio: 'ignore' }).error === undefined;
for (const tool of ['skopeo', 'umoci', 'readelf', 'zstd']) {
  if (!has(tool)) console.log(`skipped, because ${tool} is not installed: what is measured beside it`);
}

function quietly(command, args) {
  const { error, status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (error || status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr}`);
}

const rows = [['image', 'labels', 'skopeo', 'ratio', 'inspect', 'floor', 'ratio', 'umoci', 'faster', 'peak memory']];
heading('inspecting an image by its size, where its program lies, and its compression');
for (const megabytes of [100, 1000, 4000]) {
  for (const compression of has('zstd') ? ['gzip', 'zstd'] : ['gzip']) {
    for (const where of ['top', 'bottom']) {
      const directory = path.join(out, `${megabytes}-${compression}-${where}`);
      fs.rmSync(directory, { recursive: true, force: true });
      fs.mkdirSync(directory, { recursive: true });
      const generator = path.join(root, 'test', 'bench', 'generate_images.py');
      quietly('python3', [generator, directory, String(megabytes), where, compression]);
      const image = `oci:${directory}`;
      const times = megabytes > 1000 ? 1 : 3;
      const labels = repeated(15, () => quietly(cli, ['inspect', '--labels-only', image]));
      const skopeo = has('skopeo') && repeated(15, () => quietly('skopeo', ['inspect', '--config', `${image}:bench`]));
      const inspect = repeated(times, () => quietly(cli, ['inspect', image]));
      const blobs = path.join(directory, 'blobs', 'sha256');
      const sizes = fs.readdirSync(blobs).map((name) => [fs.statSync(path.join(blobs, name)).size, name]);
      const [, largest] = sizes.toSorted(([a], [b]) => b - a)[0];
      const floor = where === 'bottom' && repeated(times, () => quietly(decompress, [path.join(blobs, largest)]));
      const bundle = path.join(out, 'bundle');
      const umoci =
        where === 'bottom' &&
        compression === 'gzip' && // umoci 0.4 does not know zstd
        has('umoci') &&
        milliseconds(() => {
          quietly('umoci', ['unpack', '--image', `${directory}:bench`, bundle]);
          quietly('readelf', ['-h', path.join(bundle, 'rootfs', 'app')]);
        });
      fs.rmSync(bundle, { recursive: true, force: true });
      const memory = peakMemory(cli, ['inspect', image]);
      const ratio = (beside, text) => (beside ? text(beside) : '');
      rows.push([
        `${megabytes} MB, ${compression}, ${where}`,
        ms(labels),
        ratio(skopeo, ms),
        ratio(skopeo, (time) => (labels / time).toFixed(2)),
        ms(inspect),
        ratio(floor, ms),
        ratio(floor, (time) => (inspect / time).toFixed(2)),
        ratio(umoci, ms),
        ratio(umoci, (time) => `${(time / inspect).toFixed(1)} x`),
        mb(memory),
      ]);
      fs.rmSync(directory, { recursive: true, force: true });
    }
  }
}
rows.push(['goal', '', '', '<= 1.5', '', '', '<= 1.2', '', '>= 5 x', '<= 64 MB']);
table(rows);
