/**
 * The construct tree of an app, asked by what stands in its templates.
 *
 * It knows which construct made a resource, which template a stack wrote, and what is acknowledged where. It reads nothing
 * but the tree.
 */
import * as path from 'node:path';
import { CfnResource, type IPolicyValidationContext, Stack, Stage, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import type { CoreFinding } from './finding-violation';

/** One app after synthesis. */
export class SynthesizedApp {
  private constructs?: IConstruct[];
  private acknowledgements?: Map<string, Set<string>>;

  /**
   * @param root      the app
   * @param directory absolute path of its cloud assembly
   */
  public constructor(
    public readonly root: IConstruct,
    private readonly directory: string,
  ) {}

  /** Absolute path of a file that the core names relative to the assembly. */
  public absolute(file: string): string {
    return path.resolve(this.directory, file);
  }

  /** Whether the finding is in one of the stacks that the call is about; one that is in no stack of the app is in all. */
  public concerns(finding: CoreFinding, context: IPolicyValidationContext): boolean {
    const template = finding.location?.file ? this.absolute(finding.location.file) : undefined;
    if (context.templatePaths.some((templatePath) => path.resolve(templatePath) === template)) {
      return true;
    }
    const stack = finding.stack;
    if (!stack) {
      return true;
    }
    const inside = (outer: string) => covers(outer, stack);
    return (
      context.stackTemplates.some((template) => inside(template.stackConstructPath)) ||
      !this.stacks().some((other) => other.node.path !== '' && inside(other.node.path))
    );
  }

  /** Whether the finding is in a stack of a stage, rather than in one of the app itself. */
  public isInStage(finding: CoreFinding): boolean {
    const stack = this.stacks().find((candidate) => candidate.node.path === finding.stack);
    return stack !== undefined && Stage.of(stack) !== this.root;
  }

  /** Absolute path of the template with the finding's resource. */
  public templateOf(finding: CoreFinding): string | undefined {
    const stack = this.stacks().find((candidate) => candidate.node.path === finding.stack);
    if (stack) {
      return templatePathOf(stack);
    }
    const file = finding.location?.file;
    return file?.endsWith('.json') ? this.absolute(file) : undefined;
  }

  /** Paths of the constructs that the finding is about, the closest first: the container, then the resource. */
  public constructPathsOf(finding: CoreFinding): string[] {
    const resource = this.resourceOf(finding);
    const siblings = resource?.node.scope?.node.children ?? [];
    const container = finding.container
      ? siblings.find((sibling) => (sibling as { containerName?: string }).containerName === finding.container)
      : undefined;
    const paths = [container?.node.path, resource?.node.path, finding.constructPath, finding.stack];
    return [...new Set(paths.filter((candidate): candidate is string => typeof candidate === 'string'))].slice(0, 2);
  }

  /**
   * Whether an acknowledgement of this id stands on the construct or around it.
   *
   * @param id            `plugin::rule`
   * @param constructPath where; everywhere when left out
   */
  public isAcknowledged(id: string, constructPath?: string): boolean {
    const places = this.acknowledged().get(id);
    if (!places || constructPath === undefined) {
      return places !== undefined;
    }
    return [...places].some((place) => covers(place, constructPath));
  }

  private resourceOf(finding: CoreFinding): IConstruct | undefined {
    if (!finding.resource) {
      return undefined;
    }
    const template = this.templateOf(finding);
    return this.all().find(
      (construct) =>
        CfnResource.isCfnResource(construct) &&
        construct.stack.resolve(construct.logicalId) === finding.resource &&
        templatePathOf(construct.stack) === template,
    );
  }

  private stacks(): Stack[] {
    return this.all().filter((construct): construct is Stack => Stack.isStack(construct));
  }

  private all(): IConstruct[] {
    this.constructs ??= this.root.node.findAll();
    return this.constructs;
  }

  private acknowledged(): Map<string, Set<string>> {
    if (!this.acknowledgements) {
      this.acknowledgements = new Map();
      for (const construct of this.all()) {
        for (const { type, data } of construct.node.metadata) {
          if (type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY && data) {
            for (const id of Object.keys(data)) {
              const places = this.acknowledgements.get(id) ?? new Set();
              this.acknowledgements.set(id, places.add(construct.node.path));
            }
          }
        }
      }
    }
    return this.acknowledgements;
  }
}

function templatePathOf(stack: Stack): string | undefined {
  const directory = Stage.of(stack)?.outdir;
  return directory && path.resolve(directory, stack.templateFile);
}

/** Whether the construct at one path is the construct at the other or lies in it. */
function covers(outer: string, inner: string): boolean {
  return outer === '' || inner === outer || inner.startsWith(`${outer}/`);
}
