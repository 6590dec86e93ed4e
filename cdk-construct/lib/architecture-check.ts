import * as fs from 'node:fs';
import * as path from 'node:path';
import type {
  IPolicyValidationContext,
  IPolicyValidationPlugin,
  PolicyValidationPluginReport,
  PolicyViolation,
} from 'aws-cdk-lib';
import { type CoreReport, toViolation } from './finding-violation';
import { loadNativeBinding, type NativeBinding } from './native-binding';
import { SynthesizedApp } from './synthesized-app';

/** Name of the plugin, and so the first part of every acknowledgement: `ecs-arch::image-platform-mismatch`. */
const PLUGIN_NAME = 'ecs-arch';

/** The plugin's own rule: the check could not do its work, or not all of it. */
const CHECK_INCOMPLETE = 'check-incomplete';

const LOCK_FILE = 'ecs-arch.lock.json';

/**
 * Settings of the architecture check.
 */
export interface ArchitectureCheckProps {
  /**
   * File with the facts that are not in the app: platforms of registry images, architectures of imported clusters. Written
   * by `ecs-arch lock`. A relative path starts at the working directory.
   *
   * @default - `ecs-arch.lock.json` in the working directory, when it is there
   */
  readonly lockFile?: string;

  /**
   * Values that CloudFormation parameters will have, by the name of the parameter.
   *
   * @default - each parameter counts with its allowed values, else with its default
   */
  readonly parameters?: { [name: string]: string };
}

/**
 * Proves on every synthesis that image, task definition and capacity of each ECS container agree on an architecture.
 *
 * ```ts
 * Validations.of(app).addPlugins(new ArchitectureCheck());
 * ```
 *
 * One violation per finding. Errors fail the synthesis, warnings do not. A finding is acknowledged on a construct and what
 * is in it, for every container or for one:
 *
 * ```ts
 * Validations.of(task).acknowledge({ id: 'ecs-arch::asset-platform-unset', reason: 'built in CI on Graviton' });
 * Validations.of(task).acknowledge({ id: 'ecs-arch::asset-platform-unset[web]', reason: 'built in CI on Graviton' });
 * ```
 *
 * The check never touches the network and never throws: where it cannot do its work it says so, as a warning of the rule
 * `check-incomplete`.
 */
export class ArchitectureCheck implements IPolicyValidationPlugin {
  /** Name of the plugin: `ecs-arch`. */
  public readonly name: string = PLUGIN_NAME;

  /** Version of this package. */
  public readonly version?: string;

  private readonly props: ArchitectureCheckProps;
  private current?: Judgement;

  /**
   * @param props settings
   */
  public constructor(props: ArchitectureCheckProps = {}) {
    this.props = props;
    this.version = packageVersion();
  }

  /** Names of the rules that are checked. */
  public get ruleIds(): string[] | undefined {
    return [...this.coreRules(), CHECK_INCOMPLETE];
  }

  /**
   * Judges the synthesized assembly. The CDK calls it; aws-cdk-lib 2.262 does so once per account and region.
   *
   * @param context where the templates are
   */
  public validate(context: IPolicyValidationContext): PolicyValidationPluginReport {
    let violations: PolicyViolation[];
    try {
      violations = this.violations(context);
    } catch (cause) {
      violations = [incomplete(context, (cause as Error).message)];
    }
    return { success: !violations.some((violation) => violation.severity === 'error'), violations };
  }

  /** @internal */
  protected _binding(): NativeBinding {
    return loadNativeBinding();
  }

  private coreRules(): string[] {
    try {
      return JSON.parse(this._binding().rules()).map((rule: { name: string }) => rule.name);
    } catch {
      // Without a core none is checked; the synthesis says why.
      return [];
    }
  }

  private violations(context: IPolicyValidationContext): PolicyViolation[] {
    if (context.templatePaths.length === 0) {
      return [];
    }
    const judgement = this.judgementOf(context);
    if (judgement.failure !== undefined) {
      return judgement.once('failure') ? [incomplete(context, judgement.failure)] : [];
    }
    const { app, report } = judgement;
    const violations: PolicyViolation[] = [];
    for (const [index, finding] of report.findings.entries()) {
      if (app.concerns(finding, context) && judgement.once(`finding ${index}`)) {
        violations.push(toViolation(finding, app, PLUGIN_NAME));
      }
    }
    for (const { file, message } of report.unreadable ?? []) {
      if (judgement.once(`unreadable ${file}`)) {
        violations.push(incomplete(context, `\`${file}\` could not be read: ${message}`));
      }
    }
    return violations;
  }

  /**
   * Asks the core once per synthesis: the CDK may call once per environment, with some of the templates each time. A
   * template that comes again belongs to another synthesis.
   */
  private judgementOf(context: IPolicyValidationContext): Judgement {
    const again = this.current?.app.root !== context.appConstruct || this.current.hasSeen(context.templatePaths);
    if (!this.current || again) {
      this.current = this.judge(context);
    }
    this.current.see(context.templatePaths);
    return this.current;
  }

  private judge(context: IPolicyValidationContext): Judgement {
    const directory = assemblyDirectory(context.templatePaths[0]);
    const app = new SynthesizedApp(context.appConstruct, directory);
    try {
      const answer = JSON.parse(this._binding().check(JSON.stringify(this.request(directory))));
      if (typeof answer.error === 'string') {
        throw new Error(answer.error);
      }
      return new Judgement(app, answer as CoreReport);
    } catch (cause) {
      return new Judgement(app, { findings: [] }, (cause as Error).message);
    }
  }

  private request(directory: string) {
    const lock = path.resolve(this.props.lockFile ?? LOCK_FILE);
    const tool = path.parse(process.env.CDK_DOCKER ?? 'docker').name.toLowerCase();
    return {
      paths: [directory],
      lock: this.props.lockFile !== undefined || fs.existsSync(lock) ? lock : null,
      parameters: this.props.parameters ?? {},
      hostArchitecture: { x64: 'x86_64', arm64: 'arm64' }[process.arch as string] ?? null,
      containerTool: tool === 'finch' ? 'finch' : 'docker',
    };
  }
}

/** What the core said about one synthesis, and what of it has been passed on. */
class Judgement {
  private readonly seen = new Set<string>();
  private readonly told = new Set<string>();

  public constructor(
    public readonly app: SynthesizedApp,
    public readonly report: CoreReport,
    public readonly failure?: string,
  ) {}

  public hasSeen(templatePaths: string[]): boolean {
    return templatePaths.some((templatePath) => this.seen.has(templatePath));
  }

  public see(templatePaths: string[]): void {
    for (const templatePath of templatePaths) {
      this.seen.add(templatePath);
    }
  }

  /** True the first time it is asked for this key. */
  public once(key: string): boolean {
    const first = !this.told.has(key);
    this.told.add(key);
    return first;
  }
}

function incomplete(context: IPolicyValidationContext, sentence: string): PolicyViolation {
  return {
    ruleName: CHECK_INCOMPLETE,
    description: `the architecture check is incomplete: ${sentence}`,
    severity: 'warning',
    // A violation without a resource is not printed.
    violatingResources: [{ constructPath: context.stackTemplates[0]?.stackConstructPath ?? '', locations: [] }],
  };
}

/**
 * The directory of the whole app's cloud assembly: a stage's assembly lies in a folder of the one that lists it.
 */
function assemblyDirectory(templatePath: string): string {
  let directory = path.dirname(path.resolve(templatePath));
  if (!fs.existsSync(path.join(directory, 'manifest.json'))) {
    throw new Error(`no cloud assembly around ${templatePath}: looked for ${path.join(directory, 'manifest.json')}`);
  }
  for (;;) {
    const parent = path.dirname(directory);
    if (parent === directory || !lists(path.join(parent, 'manifest.json'), path.basename(directory))) {
      return directory;
    }
    directory = parent;
  }
}

function lists(manifest: string, nested: string): boolean {
  if (!fs.existsSync(manifest)) {
    return false;
  }
  try {
    const { artifacts } = JSON.parse(fs.readFileSync(manifest, 'utf8'));
    return Object.values<{ type?: string; properties?: { directoryName?: string } }>(artifacts ?? {}).some(
      (artifact) => artifact.type === 'cdk:cloud-assembly' && artifact.properties?.directoryName === nested,
    );
  } catch {
    // Some other tool's manifest.json, above the assembly.
    return false;
  }
}

function packageVersion(): string {
  return JSON.parse(fs.readFileSync(path.join(__dirname, '..', 'package.json'), 'utf8')).version;
}
