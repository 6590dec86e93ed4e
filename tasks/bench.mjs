// The benchmarks. Arguments choose among them: build, check, images. They print tables and judge nothing.
const benchmarks = { build: './bench-build.mjs', check: './bench-check.mjs', images: './bench-images.mjs' };
const chosen = process.argv.slice(2);
for (const name of chosen.length > 0 ? chosen : Object.keys(benchmarks)) {
  if (!benchmarks[name]) {
    console.error(`there is no benchmark \`${name}\` (there are: ${Object.keys(benchmarks).join(', ')})`);
    process.exit(2);
  }
  await import(benchmarks[name]);
}
