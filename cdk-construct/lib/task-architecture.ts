/**
 * Which architecture one task definition asks for, who asked, and whether its containers agree.
 *
 * It knows the L1 resource of a task definition and the claims of the containers in it. It does not know how an image is
 * made, nor which capacity runs the task: that is the check's part.
 */
import { CfnResource, Stack, Token, Validations } from 'aws-cdk-lib';
import * as ecrAssets from 'aws-cdk-lib/aws-ecr-assets';
import type * as ecs from 'aws-cdk-lib/aws-ecs';
import type { IConstruct } from 'constructs';

/**
 * `RuntimePlatform.CpuArchitecture` as ECS spells it.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RuntimePlatform.html
 */
export type EcsArchitecture = 'ARM64' | 'X86_64';

/** What ECS takes when a task definition does not say. */
export const ECS_DEFAULT: EcsArchitecture = 'X86_64';

/** What the task definition says at this moment. */
export type AskedArchitecture =
  /** Nothing, or an operating system only. */
  | { readonly kind: 'unset'; readonly windows: boolean }
  | { readonly kind: 'known'; readonly architecture: EcsArchitecture; readonly windows: boolean }
  /** A token, or text that is neither of the two names. */
  | { readonly kind: 'unreadable' }
  /** The task definition is not a resource of this app. */
  | { readonly kind: 'imported' };

/** The container that needs an architecture, because its image was chosen or built for it. */
interface Claim {
  readonly container: string;
  readonly architecture: EcsArchitecture;
}

interface TaskState {
  readonly claims: Claim[];
  /** Nobody but a default of the scope has set what the task asks for: an explicit choice may still change it. */
  open: boolean;
  /** The disagreement has been reported: once is enough. */
  reported: boolean;
}

const states = new WeakMap<IConstruct, TaskState>();
const defaults = new WeakMap<IConstruct, Map<string, { architecture: EcsArchitecture; filled: boolean }>>();

/** The platform to build a container image for. */
export function buildPlatform(architecture: EcsArchitecture, windows = false): ecrAssets.Platform {
  if (windows) {
    // Windows containers exist for x86_64 only.
    return ecrAssets.Platform.custom('windows/amd64');
  }
  return architecture === 'ARM64' ? ecrAssets.Platform.LINUX_ARM64 : ecrAssets.Platform.LINUX_AMD64;
}

/**
 * Reads the L1: `TaskDefinition.runtimePlatform` is public only from aws-cdk-lib 2.270, and EC2 tasks never have it.
 */
export function askedArchitecture(task: IConstruct): AskedArchitecture {
  const resource = resourceOf(task);
  if (!resource) {
    return { kind: 'imported' };
  }
  const { cpuArchitecture, operatingSystemFamily, unreadable } = runtimePlatformOf(resource);
  if (unreadable) {
    return { kind: 'unreadable' };
  }
  const windows = operatingSystemFamily?.startsWith('WINDOWS') ?? false;
  if (cpuArchitecture === undefined) {
    return Token.isUnresolved(operatingSystemFamily) ? { kind: 'unreadable' } : { kind: 'unset', windows };
  }
  if (cpuArchitecture === 'ARM64' || cpuArchitecture === 'X86_64') {
    return { kind: 'known', architecture: cpuArchitecture, windows };
  }
  return { kind: 'unreadable' };
}

/** Sets the CPU architecture on the L1, which ECS accepts for EC2 and external tasks too; the L2 refuses it there. */
export function askFor(task: IConstruct, architecture: EcsArchitecture): void {
  const resource = resourceOf(task);
  if (resource) {
    const before = resource.runtimePlatform as ecs.CfnTaskDefinition.RuntimePlatformProperty | undefined;
    resource.runtimePlatform = { ...before, cpuArchitecture: architecture };
  }
}

/**
 * Notes the architecture that a task definition about to be made gets from its scope.
 *
 * @param filled whether the task definition's own properties carry it, which is not possible for EC2 and external tasks
 */
export function noteDefault(scope: IConstruct, id: string, architecture: EcsArchitecture, filled: boolean): void {
  const ofScope = defaults.get(scope) ?? new Map();
  ofScope.set(id, { architecture, filled });
  defaults.set(scope, ofScope);
}

/** The architecture that the task definition got from its scope. */
export function defaultOf(task: IConstruct): EcsArchitecture | undefined {
  return noted(task)?.architecture;
}

/** Notes that a container's image is for this architecture, without touching the task definition. */
export function noteClaim(task: IConstruct, container: string, architecture: EcsArchitecture): void {
  const state = stateOf(task);
  if (state.claims.length === 0) {
    task.node.addValidation({ validate: () => lateDisagreement(task) });
  }
  state.claims.push({ container, architecture });
}

/**
 * Brings one container and its task definition to one architecture, or adds a validation error that names both.
 *
 * @param container the container whose image is being bound
 * @param chosen    the architecture given for its image, if any
 * @param built     whether the image is built from source here, so that something has to be chosen
 * @returns the architecture and operating system to build for; undefined when nothing decides and nothing has to
 */
export function settle(
  container: ecs.ContainerDefinition,
  chosen: EcsArchitecture | undefined,
  built: boolean,
): { readonly architecture: EcsArchitecture; readonly windows: boolean } | undefined {
  const task = container.taskDefinition;
  const asked = askedArchitecture(task);
  if (asked.kind === 'imported' || asked.kind === 'unreadable') {
    const architecture = chosen ?? (built ? (defaultOf(task) ?? ECS_DEFAULT) : undefined);
    if (architecture) {
      Validations.of(container).addWarning(
        'ecs-arch:runtime-platform-not-set',
        `container \`${container.containerName}\` is for ${architecture}, but the CPU architecture of task definition \`${task.node.path}\` could not be set: ${
          asked.kind === 'imported'
            ? 'the task definition is not a resource of this app'
            : 'its runtimePlatform is not known before deployment'
        }. Make sure that it says ${architecture}`,
      );
    }
    return architecture && { architecture, windows: false };
  }

  const state = stateOf(task);
  if (asked.kind === 'unset') {
    const architecture = chosen ?? defaultOf(task) ?? (built ? ECS_DEFAULT : undefined);
    if (!architecture) {
      return undefined;
    }
    if (asked.windows && architecture === 'ARM64') {
      report(container, state, windowsMessage(container));
      return { architecture, windows: false };
    }
    askFor(task, architecture);
    if (chosen || built) {
      noteClaim(task, container.containerName, architecture);
    } else {
      state.open = true;
    }
    return { architecture, windows: asked.windows };
  }

  const architecture = chosen ?? asked.architecture;
  if (architecture !== asked.architecture) {
    const opponent = state.claims.find((claim) => claim.architecture === asked.architecture);
    if (opponent) {
      report(
        container,
        state,
        `container \`${container.containerName}\` is for ${architecture}, but container \`${opponent.container}\` of the same task definition \`${task.node.path}\` is for ${opponent.architecture}: a task runs on one architecture, so give both the same`,
      );
    } else if (asked.windows) {
      report(container, state, windowsMessage(container));
    } else if (state.open) {
      askFor(task, architecture);
      state.open = false;
    } else {
      report(
        container,
        state,
        `container \`${container.containerName}\` is for ${architecture}, but runtimePlatform.cpuArchitecture of task definition \`${task.node.path}\` is ${asked.architecture}: give both the same architecture`,
      );
    }
  }
  if (chosen || built) {
    noteClaim(task, container.containerName, architecture);
  }
  return { architecture, windows: asked.windows && architecture === 'X86_64' };
}

function windowsMessage(container: ecs.ContainerDefinition): string {
  return `container \`${container.containerName}\` is for ARM64, but task definition \`${container.taskDefinition.node.path}\` is a Windows task: Windows containers run on X86_64 only`;
}

function report(container: ecs.ContainerDefinition, state: TaskState, message: string): void {
  state.reported = true;
  Validations.of(container).addError('ecs-arch:architecture-disagreement', message);
}

/** What became of the task definition after its images were bound, told once, at synthesis. */
function lateDisagreement(task: IConstruct): string[] {
  const state = stateOf(task);
  const resource = resourceOf(task);
  if (state.reported || !resource) {
    return [];
  }
  const final: unknown = Stack.of(resource).resolve(runtimePlatformOf(resource).cpuArchitecture);
  const wronged = state.claims.find((claim) => claim.architecture !== final);
  if (typeof final !== 'string' || !wronged) {
    return [];
  }
  return [
    `container \`${wronged.container}\` is for ${wronged.architecture}, but runtimePlatform.cpuArchitecture of task definition \`${task.node.path}\` was set to ${final} afterwards: give both the same architecture`,
  ];
}

function noted(task: IConstruct): { architecture: EcsArchitecture; filled: boolean } | undefined {
  return task.node.scope && defaults.get(task.node.scope)?.get(task.node.id);
}

function stateOf(task: IConstruct): TaskState {
  let state = states.get(task);
  if (!state) {
    state = { claims: [], open: noted(task)?.filled ?? false, reported: false };
    states.set(task, state);
  }
  return state;
}

/**
 * Property and override of the L1 together, as they will stand in the template. `addPropertyOverride` is how people set the
 * runtime platform of EC2 tasks, and has no public reader.
 */
function runtimePlatformOf(resource: ecs.CfnTaskDefinition): {
  readonly cpuArchitecture?: string;
  readonly operatingSystemFamily?: string;
  readonly unreadable: boolean;
} {
  const property = resource.runtimePlatform;
  const raw = (resource as unknown as { rawOverrides?: { Properties?: { RuntimePlatform?: Record<string, string> } } })
    .rawOverrides;
  const override = raw?.Properties?.RuntimePlatform;
  const plain = property !== undefined && !('resolve' in property) ? property : undefined;
  return {
    cpuArchitecture: override?.CpuArchitecture ?? plain?.cpuArchitecture,
    operatingSystemFamily: override?.OperatingSystemFamily ?? plain?.operatingSystemFamily,
    unreadable: property !== undefined && !plain && !override?.CpuArchitecture,
  };
}

/** The L1 of a task definition, or nothing for one that is only referred to. */
function resourceOf(task: IConstruct): ecs.CfnTaskDefinition | undefined {
  const child = task.node.defaultChild;
  return child && CfnResource.isCfnResource(child) && child.cfnResourceType === 'AWS::ECS::TaskDefinition'
    ? (child as ecs.CfnTaskDefinition)
    : undefined;
}
