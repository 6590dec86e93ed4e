// The benchmarks. Arguments choose among them: check, images. They print tables and judge nothing.
const benchmarks = { check: './bench-check.mjs', images: './bench-images.mjs' };
const chosen = process.argv.slice(2);
for (const name of chosen.length > 0 ? chosen : Object.keys(benchmarks)) {
  if (!benchmarks[name]) {
    console.error(`there is no benchmark \`${name}\` (there are: ${Object.keys(benchmarks).join(', ')})`);
    process.exit(2);
  }
  await import(benchmarks[name]);
}
