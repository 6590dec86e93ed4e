// Writes every app under apps/ as a cloud assembly to DIR/<topic>/<name>/<variant>, to look at or to work with:
//
//   node --import tsx test/synthesize-apps.ts DIR [--show] [--no-flags] [NAME...]
//
// --show prints what of each template decides about architectures; NAME picks the apps whose name contains it.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { loadApps, synthesize } from './apps/synthesize.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { show: { type: 'boolean' }, 'no-flags': { type: 'boolean' } },
});
const [dir, ...names] = positionals;
if (dir === undefined) throw new Error('usage: synthesize-apps.ts DIR [--show] [--no-flags] [NAME...]');

/** Property paths, in a resource of that type, that have a say in where a container runs. */
const telling: Record<string, string[]> = {
  'AWS::ECS::TaskDefinition': [
    'Family',
    'RequiresCompatibilities',
    'RuntimePlatform',
    'PlacementConstraints',
    'ContainerDefinitions',
  ],
  'AWS::ECS::Service': [
    'Cluster',
    'LaunchType',
    'CapacityProviderStrategy',
    'PlatformVersion',
    'TaskDefinition',
    'PlacementConstraints',
  ],
  'AWS::ECS::ExpressGatewayService': ['Cluster', 'PrimaryContainer', 'TaskDefinitionArn'],
  'AWS::ECS::Cluster': ['ClusterName', 'CapacityProviders', 'DefaultCapacityProviderStrategy'],
  'AWS::ECS::ClusterCapacityProviderAssociations': ['Cluster', 'CapacityProviders', 'DefaultCapacityProviderStrategy'],
  'AWS::ECS::CapacityProvider': [
    'Name',
    'ClusterName',
    'AutoScalingGroupProvider.AutoScalingGroupArn',
    'ManagedInstancesProvider',
  ],
  'AWS::AutoScaling::AutoScalingGroup': ['LaunchConfigurationName', 'LaunchTemplate', 'MixedInstancesPolicy'],
  'AWS::AutoScaling::LaunchConfiguration': ['ImageId', 'InstanceType', 'UserData'],
  'AWS::EC2::LaunchTemplate': [
    'LaunchTemplateData.ImageId',
    'LaunchTemplateData.InstanceType',
    'LaunchTemplateData.UserData',
  ],
  'AWS::EC2::Instance': ['ImageId', 'InstanceType', 'UserData', 'LaunchTemplate'],
  'AWS::Events::Rule': ['Targets'],
  'AWS::Scheduler::Schedule': ['Target'],
  'AWS::StepFunctions::StateMachine': ['DefinitionString'],
  'AWS::CloudFormation::Stack': ['Parameters'],
};

for (const [name, app] of await loadApps()) {
  if (names.length > 0 && !names.some((part) => name.includes(part))) continue;
  for (const [variantName, variant] of Object.entries(app.variants)) {
    const outdir = join(resolve(dir), name, variantName);
    try {
      synthesize(variant, values['no-flags'] ? 'no-flags' : 'new-project', outdir);
    } catch (error) {
      console.error(`${name}, ${variantName} does not synthesize:`, error);
      process.exitCode = 1;
      continue;
    }
    if (values.show) {
      print(`\n=== ${name} ${variantName}`);
      print(variant.expect.map((expected) => `expect ${JSON.stringify(expected)}`).join('\n'));
      show(outdir);
    }
  }
}

function show(outdir: string): void {
  for (const entry of readdirSync(outdir, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    if (entry.name.endsWith('.template.json')) showTemplate(relative(outdir, file), readJson(file));
    if (entry.name.endsWith('.assets.json')) showImages(relative(outdir, file), readJson(file));
  }
}

// biome-ignore lint/suspicious/noExplicitAny: templates are read as they come
type Json = any;

function showTemplate(file: string, template: Json): void {
  print(`--- ${file}`);
  const { Parameters: parameters = {}, Conditions, Mappings, Outputs, Resources: resources = {} } = template;
  const { BootstrapVersion, ...Parameters } = parameters;
  for (const [section, content] of Object.entries({ Parameters, Conditions, Mappings, Outputs })) {
    if (content && Object.keys(content).length > 0 && JSON.stringify(content).length < 4000) {
      print(`  ${section} ${JSON.stringify(content)}`);
    }
  }
  for (const [id, resource] of Object.entries<Json>(resources)) {
    if (!(resource.Type in telling)) continue;
    const condition = resource.Condition ? ` if ${resource.Condition}` : '';
    print(`  ${resource.Type} ${id}${condition} (${resource.Metadata?.['aws:cdk:path'] ?? 'no path'})`);
    for (const path of telling[resource.Type] ?? []) {
      const value = path.split('.').reduce((object, key) => object?.[key], resource.Properties);
      if (value !== undefined)
        print(`    ${path}: ${JSON.stringify(path === 'ContainerDefinitions' ? containers(value) : value)}`);
    }
  }
}

function containers(definitions: Json): Json {
  if (!Array.isArray(definitions)) return definitions;
  return definitions.map(({ Name, Image, Essential }) => ({ Name, Image, Essential }));
}

function showImages(file: string, manifest: Json): void {
  for (const [id, { source, destinations }] of Object.entries<Json>(manifest.dockerImages ?? {})) {
    const { directory, executable, platform } = source;
    const [target] = Object.values<Json>(destinations);
    print(`--- ${file}: ${id} ${executable ? executable.join(' ') : directory} platform=${platform ?? 'unset'}`);
    print(`    ${target.repositoryName}:${target.imageTag}`);
  }
}

function readJson(file: string): Json {
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** Hashes are cut: they are long, and say nothing to a reader. */
function print(text: string): void {
  console.log(text.replace(/[0-9a-f]{64}/g, (hash) => `${hash.slice(0, 8)}…`));
}
