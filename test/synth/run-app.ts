// One of the checked apps as a CDK app of its own, with the check plugged in. The CDK CLI runs this file.
//
// The environment says which: CHECKED_APP is `{ name, variant, lock?, acknowledge: [{ path, id }] }`, where `acknowledge` is what to
// acknowledge, and on which construct.
import { App, Validations } from 'aws-cdk-lib';
import { ArchitectureCheck } from 'cdk-ecs-arch';
import { loadApps } from '../apps/synthesize.ts';

interface Asked {
  readonly name: string;
  readonly variant: string;
  readonly lock?: string;
  readonly acknowledge: readonly { path: string; id: string }[];
}

const asked: Asked = JSON.parse(process.env.CHECKED_APP ?? '{}');
const variant = (await loadApps()).get(asked.name)?.variants[asked.variant];
if (!variant) throw new Error(`there is no variant \`${asked.variant}\` of an app \`${asked.name}\``);

const app = new App({
  analyticsReporting: false,
  builtinCloudFormationValidation: false,
  ...variant.app,
  context: { '@aws-cdk/core:annotationsInValidationReport': false, ...variant.app?.context },
});
variant.build(app);
for (const { path, id } of asked.acknowledge) {
  const construct = path === '' ? app : app.node.findAll().find((candidate) => candidate.node.path === path);
  if (!construct) throw new Error(`there is no construct at ${path}`);
  Validations.of(construct).acknowledge({ id, reason: 'a test says so' });
}
Validations.of(app).addPlugins(new ArchitectureCheck({ lockFile: asked.lock }));
app.synth();
