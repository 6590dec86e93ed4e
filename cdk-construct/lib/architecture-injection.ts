/**
 * How `TargetArchitecture.applyTo` reaches constructs that others make: property injection, one injector per class.
 *
 * It knows which property of which construct carries an architecture, and when that property is open. What is given
 * explicitly stays, an injector that was there before goes first, and an outer call yields to an inner one.
 */
import {
  AspectPriority,
  Aspects,
  CfnResource,
  type IAspect,
  type InjectionContext,
  type IPropertyInjector,
  PropertyInjectors,
  Validations,
} from 'aws-cdk-lib';
import * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import * as codebuild from 'aws-cdk-lib/aws-codebuild';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecrAssets from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { IConstruct } from 'constructs';
import { architectureOfInstanceType } from './instance-type-architecture';
import type { TargetArchitecture } from './target-architecture';
import {
  askedArchitecture,
  askFor,
  buildPlatform,
  defaultOf,
  type EcsArchitecture,
  noteClaim,
  noteDefault,
} from './task-architecture';

/** Fills in what the properties of one class leave open. Returns new properties or the same. */
type Fill<P> = (props: P, context: InjectionContext, target: TargetArchitecture) => P;

/** Attaches the injectors of the target to the scope. */
export function injectArchitecture(scope: IConstruct, target: TargetArchitecture): void {
  attach(scope, target, ecrAssets.DockerImageAsset.PROPERTY_INJECTION_ID, fillDockerImageAsset);
  // Fargate, EC2 and external task definitions are made through this base class, and all pass here with the
  // compatibility they ended up with.
  attach(scope, target, ecs.TaskDefinition.PROPERTY_INJECTION_ID, fillTaskDefinition);
  attach(scope, target, autoscaling.AutoScalingGroup.PROPERTY_INJECTION_ID, fillAutoScalingGroup);
  attach(scope, target, codebuild.Project.PROPERTY_INJECTION_ID, fillProject);
}

function attach<P>(scope: IConstruct, target: TargetArchitecture, constructUniqueId: string, fill: Fill<P>): void {
  const injectors = PropertyInjectors.of(scope);
  const existing = injectors.for(constructUniqueId);
  const before = existing instanceof ArchitectureInjector ? existing.before : existing;
  injectors.add(new ArchitectureInjector(scope, target, constructUniqueId, fill as Fill<unknown>, before));
}

class ArchitectureInjector implements IPropertyInjector {
  /**
   * @param scope  where it is attached
   * @param before the injector that had the place, by someone else
   */
  public constructor(
    private readonly scope: IConstruct,
    private readonly target: TargetArchitecture,
    public readonly constructUniqueId: string,
    private readonly fill: Fill<unknown>,
    public readonly before: IPropertyInjector | undefined,
  ) {}

  public inject(originalProps: unknown, context: InjectionContext): unknown {
    const theirs = this.before ?? this.outer();
    const props = theirs ? theirs.inject(originalProps, context) : originalProps;
    return this.fill(props ?? {}, context, this.target);
  }

  /** The injector that the CDK would have found without this one: it asks only the nearest scope that has one. */
  private outer(): IPropertyInjector | undefined {
    for (let scope = this.scope.node.scope; scope; scope = scope.node.scope) {
      const found = PropertyInjectors.hasPropertyInjectors(scope)
        ? PropertyInjectors.of(scope).for(this.constructUniqueId)
        : undefined;
      const theirs = found instanceof ArchitectureInjector ? found.before : found;
      if (theirs) {
        return theirs;
      }
    }
    return undefined;
  }
}

const fillDockerImageAsset: Fill<ecrAssets.DockerImageAssetProps> = (props, context, target) => {
  // A Lambda function builds for its own architecture when it has one, and is x86_64 when it has none.
  if (props.platform || isInside(context.scope, lambda.Function.PROPERTY_INJECTION_ID)) {
    return props;
  }
  const container = containerAround(context.scope);
  if (!container) {
    return { ...props, platform: target.platform };
  }
  // Inside a task definition the task decides, or the asset would be built past it.
  const task = container.taskDefinition;
  const asked = askedArchitecture(task);
  let architecture: EcsArchitecture | undefined;
  if (asked.kind === 'known' && !asked.windows) {
    architecture = asked.architecture;
  } else if (asked.kind === 'unset' && !asked.windows) {
    architecture = defaultOf(task);
  }
  if (!architecture) {
    return props;
  }
  noteClaim(task, container.containerName, architecture);
  return { ...props, platform: buildPlatform(architecture) };
};

const fillTaskDefinition: Fill<ecs.TaskDefinitionProps> = (props, context, target) => {
  const architecture = target.name as EcsArchitecture;
  if (props.compatibility === ecs.Compatibility.EC2 || props.compatibility === ecs.Compatibility.EXTERNAL) {
    // The L2 throws on a runtimePlatform here: complete the L1 at synthesis, unless it has one by then.
    noteDefault(context.scope, context.id, architecture, false);
    completeAtSynthesis(context.scope);
    return props;
  }
  const given = props.runtimePlatform;
  if (given?.cpuArchitecture || (given?.operatingSystemFamily && !given.operatingSystemFamily.isLinux())) {
    return props;
  }
  noteDefault(context.scope, context.id, architecture, true);
  return { ...props, runtimePlatform: target.runtimePlatform };
};

const fillAutoScalingGroup: Fill<autoscaling.AutoScalingGroupProps> = (props, context) => {
  if (props.launchTemplate || props.mixedInstancesPolicy || !props.instanceType) {
    return props;
  }
  const byCluster =
    isInside(context.scope, ecs.Cluster.PROPERTY_INJECTION_ID) && isDefaultOfCluster(props.machineImage);
  if (props.machineImage && !byCluster) {
    return props;
  }
  let architecture: EcsArchitecture;
  try {
    architecture = architectureOfInstanceType(props.instanceType);
  } catch (cause) {
    Validations.of(context.scope).addWarning(
      'ecs-arch:machine-image-not-set',
      `no machine image was chosen for Auto Scaling group \`${context.id}\`: ${(cause as Error).message}. Give it a machineImage`,
    );
    return props;
  }
  if (byCluster && architecture === 'X86_64') {
    return props;
  }
  // The instance type is an explicit choice: the image follows it, not the scope.
  const hardware = architecture === 'ARM64' ? ecs.AmiHardwareType.ARM : ecs.AmiHardwareType.STANDARD;
  return { ...props, machineImage: ecs.EcsOptimizedImage.amazonLinux2023(hardware) };
};

const fillProject: Fill<codebuild.ProjectProps> = (props, _context, target) => {
  const environment = props.environment;
  // A fleet and a Lambda compute type bring a kind of image of their own.
  if (environment?.buildImage || environment?.fleet || environment?.computeType?.startsWith('BUILD_LAMBDA')) {
    return props;
  }
  return { ...props, environment: { ...environment, buildImage: target.codeBuildImage } };
};

/**
 * Whether this is the image that `cluster.addCapacity()` takes when it is given none: x86_64 Amazon Linux 2, of the class
 * `EcsOptimizedAmi`, which is deprecated and so left out of aws-cdk-lib's types.
 *
 * The same image given by hand cannot be told apart; with a Graviton instance type it could not start either.
 */
function isDefaultOfCluster(image: ec2.IMachineImage | undefined): boolean {
  return (
    image?.constructor.name === 'EcsOptimizedAmi' &&
    (image as { amiParameterName?: string }).amiParameterName ===
      '/aws/service/ecs/optimized-ami/amazon-linux-2/recommended/image_id'
  );
}

const completing = new WeakSet<IConstruct>();

/** Aspects end at a stage, so this one is attached right where the task definition is made. */
function completeAtSynthesis(scope: IConstruct): void {
  if (!completing.has(scope)) {
    completing.add(scope);
    Aspects.of(scope).add(COMPLETE_TASK_DEFINITION, { priority: AspectPriority.MUTATING });
  }
}

const COMPLETE_TASK_DEFINITION: IAspect = {
  visit(node: IConstruct): void {
    const task = CfnResource.isCfnResource(node) ? node.node.scope : undefined;
    const architecture = task?.node.defaultChild === node && defaultOf(task);
    if (!task || !architecture) {
      return;
    }
    const asked = askedArchitecture(task);
    if (asked.kind === 'unset' && !asked.windows) {
      askFor(task, architecture);
    }
  },
};

/** The container definition that the scope is or lies in. */
function containerAround(scope: IConstruct): ecs.ContainerDefinition | undefined {
  return ancestors(scope).find((construct) => isKind(construct, ecs.ContainerDefinition.PROPERTY_INJECTION_ID)) as
    | ecs.ContainerDefinition
    | undefined;
}

function isInside(scope: IConstruct, constructUniqueId: string): boolean {
  return ancestors(scope).some((construct) => isKind(construct, constructUniqueId));
}

function ancestors(scope: IConstruct): IConstruct[] {
  return [...scope.node.scopes].reverse();
}

/** Whether the construct is of the class with this id, or of one derived from it. */
function isKind(construct: IConstruct, constructUniqueId: string): boolean {
  for (let type = Object.getPrototypeOf(construct); type; type = Object.getPrototypeOf(type)) {
    if (type.constructor?.PROPERTY_INJECTION_ID === constructUniqueId) {
      return true;
    }
  }
  return false;
}
