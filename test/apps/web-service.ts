// One Fargate service whose image is built from a Dockerfile, for either architecture.
import { type App, Stack } from 'aws-cdk-lib';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import type { Expectation, Verdict } from './checked-app.ts';

export type Architecture = 'amd64' | 'arm64';

export interface Asset {
  /** The build context. */
  readonly directory: string;
  /** What the task runs on, and the image is built for. */
  readonly architecture: Architecture;
  /** `false` leaves the platform of the asset out. */
  readonly platform?: false;
  readonly file?: string;
  readonly target?: string;
  readonly buildArgs?: Record<string, string>;
  /** Of the container. */
  readonly container?: Partial<ecs.ContainerDefinitionOptions>;
}

/** The app. */
export const web =
  ({ directory, architecture, platform, container, ...options }: Asset) =>
  (app: App) => {
    const stack = new Stack(app, 'Shop');
    const arm = architecture === 'arm64';
    const taskDefinition = new ecs.FargateTaskDefinition(stack, 'Task', {
      runtimePlatform: { cpuArchitecture: arm ? ecs.CpuArchitecture.ARM64 : ecs.CpuArchitecture.X86_64 },
    });
    const asset = {
      ...options,
      ...(platform === false ? {} : { platform: arm ? Platform.LINUX_ARM64 : Platform.LINUX_AMD64 }),
    };
    taskDefinition.addContainer('web', { image: ecs.ContainerImage.fromAsset(directory, asset), ...container });
    new ecs.FargateService(stack, 'Service', { cluster: new ecs.Cluster(stack, 'Cluster'), taskDefinition });
  };

/** What is to be said of its only container. */
export function expected(architecture: Architecture, verdict: Verdict, ...rules: string[]): Expectation[] {
  return [{ container: 'web', verdict, rules, runsOn: [`linux/${architecture}`] }];
}
