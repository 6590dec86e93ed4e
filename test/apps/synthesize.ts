// Turns the apps of this folder into cloud assemblies, with the real aws-cdk-lib, in this process.

import { readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { App } from 'aws-cdk-lib';
import type { CheckedApp, Variant } from './checked-app.ts';

/** The feature flags that `cdk init` writes into a new project's cdk.json. */
const newProject: Record<string, unknown> = createRequire(import.meta.url)(
  'aws-cdk-lib/recommended-feature-flags.json',
);

/** Every variant is synthesized as a new project and as one older than all feature flags: the verdict is the same. */
export const flagSets: Record<'new-project' | 'no-flags', Record<string, unknown>> = {
  'new-project': newProject,
  'no-flags': {},
};

export type FlagSet = keyof typeof flagSets;

/** All apps by `<topic>/<name>`, in the order of their names. */
export async function loadApps(): Promise<Map<string, CheckedApp>> {
  const here = dirname(fileURLToPath(import.meta.url));
  const names = readdirSync(here, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((topic) => readdirSync(join(here, topic.name)).map((file) => `${topic.name}/${file}`))
    .filter((file) => file.endsWith('.ts'))
    .sort();
  const apps = new Map<string, CheckedApp>();
  for (const name of names) {
    apps.set(name.replace(/\.ts$/, ''), (await import(`./${name}`)).default);
  }
  return apps;
}

/** Synthesizes one variant into `outdir`, which is emptied first. */
export function synthesize(variant: Variant, flags: FlagSet, outdir: string): void {
  rmSync(outdir, { recursive: true, force: true });
  const app = new App({
    analyticsReporting: false,
    // AWS's own template validation takes seconds, and has no rule about architectures.
    builtinCloudFormationValidation: false,
    ...variant.app,
    context: {
      ...flagSets[flags],
      // As the CDK CLI asks of every app.
      'aws:cdk:enable-path-metadata': true,
      'aws:cdk:enable-asset-metadata': true,
      // The CDK's own advice about services is not what is tested.
      '@aws-cdk/core:annotationsInValidationReport': false,
      ...variant.app?.context,
    },
    outdir,
  });
  variant.build(app);
  app.synth();
}
