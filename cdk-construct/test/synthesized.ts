/** What the tests read of a synthesized app: task definitions by logical name, and platforms of Docker assets. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { App, type AppProps, type Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';

/** A folder with a Dockerfile. */
export const WEB = path.join(__dirname, 'fixtures', 'web');

const made: string[] = [];
process.on('exit', () => {
  for (const directory of made) {
    fs.rmSync(directory, { recursive: true, force: true });
  }
});

/** A fresh folder that is gone when the tests end. */
export function scratch(): string {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'cdk-ecs-arch-'));
  made.push(directory);
  return directory;
}

/** An app that writes to a fresh folder and does not collect creation stacks. */
export function newApp(props: AppProps = {}): App {
  return new App({ outdir: scratch(), analyticsReporting: false, ...props });
}

/** `Properties` of the stack's one resource of a type. */
// biome-ignore lint/suspicious/noExplicitAny: a template is untyped
export function only(stack: Stack, type: string): any {
  const found = Object.values(Template.fromStack(stack).findResources(type));
  if (found.length !== 1) {
    throw new Error(`${found.length} resources of type ${type}`);
  }
  return found[0].Properties;
}

/** RuntimePlatform of the stack's one task definition. */
export function runtimePlatform(stack: Stack): unknown {
  return only(stack, 'AWS::ECS::TaskDefinition').RuntimePlatform;
}

/** Build platforms of the stack's Docker assets, sorted; `unset` for one that has none. */
export function assetPlatforms(stack: Stack): string[] {
  const root = stack.node.root as App;
  const assembly = root.synth();
  const artifact = assembly.stacksRecursively.find((candidate) => candidate.hierarchicalId === stack.node.path);
  const file = artifact?.templateFullPath.replace(/\.template\.json$/, '.assets.json') as string;
  const { dockerImages } = JSON.parse(fs.readFileSync(file, 'utf8')) as {
    dockerImages: Record<string, { source: { platform?: string } }>;
  };
  return Object.values(dockerImages ?? {})
    .map((asset) => asset.source.platform ?? 'unset')
    .sort();
}

/** Error annotations of the stack. */
export function errors(stack: Stack): string[] {
  return Annotations.fromStack(stack)
    .findError('*', Match.anyValue())
    .map((entry) => String(entry.entry.data));
}

/** Warning annotations of the stack. */
export function warnings(stack: Stack): string[] {
  return Annotations.fromStack(stack)
    .findWarning('*', Match.stringLikeRegexp('ecs-arch'))
    .map((entry) => String(entry.entry.data));
}
