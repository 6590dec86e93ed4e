import * as codebuild from 'aws-cdk-lib/aws-codebuild';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as ecrAssets from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { IConstruct } from 'constructs';
import { injectArchitecture } from './architecture-injection';
import { architectureOfInstanceType } from './instance-type-architecture';
import { buildPlatform, type EcsArchitecture } from './task-architecture';

/**
 * A CPU architecture that Amazon ECS can run Linux tasks on, in the spelling of every AWS service that asks for one.
 *
 * ECS names the two `X86_64` and `ARM64`, Docker `linux/amd64` and `linux/arm64`, EC2 `x86_64` and `arm64`: choosing one
 * object instead of several strings is what keeps build platform, task and capacity in agreement.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RuntimePlatform.html
 */
export class TargetArchitecture {
  /** AWS Graviton: `ARM64` in ECS, `linux/arm64` in Docker. */
  public static readonly ARM64 = new TargetArchitecture('ARM64');

  /** Intel and AMD: `X86_64` in ECS, `linux/amd64` in Docker. What ECS takes when a task definition does not say. */
  public static readonly X86_64 = new TargetArchitecture('X86_64');

  /**
   * The architecture of an EC2 instance type, by its name.
   *
   * Follows the rule of EC2's naming (`g` among the letters after the generation digits, `a1`, `gb` accelerators), not
   * `InstanceType.architecture` of aws-cdk-lib, which fails on newer families.
   *
   * @param instanceType the instance type, for example `new ec2.InstanceType('c8gn.large')`
   * @throws Error when the instance type is a token, or not the name of an ECS-capable Linux instance type
   * @see https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html
   */
  public static ofInstanceType(instanceType: ec2.InstanceType): TargetArchitecture {
    return architectureOfInstanceType(instanceType) === 'ARM64' ? TargetArchitecture.ARM64 : TargetArchitecture.X86_64;
  }

  /** The name that ECS uses: `ARM64` or `X86_64`. */
  public readonly name: string;

  private constructor(name: string) {
    this.name = name;
  }

  /** Platform of a Docker image build: `linux/arm64` or `linux/amd64`. */
  public get platform(): ecrAssets.Platform {
    return buildPlatform(this.name as EcsArchitecture);
  }

  /** CPU architecture of an ECS task definition. */
  public get cpuArchitecture(): ecs.CpuArchitecture {
    return this.isArm ? ecs.CpuArchitecture.ARM64 : ecs.CpuArchitecture.X86_64;
  }

  /** Runtime platform of an ECS task definition: this architecture on Linux. */
  public get runtimePlatform(): ecs.RuntimePlatform {
    return {
      cpuArchitecture: this.cpuArchitecture,
      operatingSystemFamily: ecs.OperatingSystemFamily.LINUX,
    };
  }

  /** Hardware type of an ECS-optimized AMI: `ARM` or `STANDARD`. */
  public get amiHardwareType(): ecs.AmiHardwareType {
    return this.isArm ? ecs.AmiHardwareType.ARM : ecs.AmiHardwareType.STANDARD;
  }

  /** Architecture of EC2 instances, as machine images and capacity options ask for it. */
  public get instanceArchitecture(): ec2.InstanceArchitecture {
    return this.isArm ? ec2.InstanceArchitecture.ARM_64 : ec2.InstanceArchitecture.X86_64;
  }

  /**
   * A CodeBuild image curated by AWS that builds on this architecture, and so builds Docker images of it without emulation:
   * the latest Amazon Linux 2023 standard image that the lowest supported aws-cdk-lib names.
   *
   * @see https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-available.html
   */
  public get codeBuildImage(): codebuild.IBuildImage {
    return this.isArm
      ? codebuild.LinuxArmBuildImage.AMAZON_LINUX_2023_STANDARD_3_0
      : codebuild.LinuxBuildImage.AMAZON_LINUX_2023_5;
  }

  /**
   * The environment of a CodeBuild project that builds container images of this architecture: an image and, with it, an
   * environment type that run on the architecture, and the privileges that a container engine needs.
   *
   * For the projects with which CDK Pipelines publishes assets, this is `assetPublishingCodeBuildDefaults.buildEnvironment`.
   *
   * @param environment what else the environment has; its `buildImage` and `privileged` stay where they are given
   * @throws Error when the `buildImage` that is given runs on another architecture
   */
  public buildEnvironment(environment: codebuild.BuildEnvironment = {}): codebuild.BuildEnvironment {
    const image = environment.buildImage;
    if (image && /(^|_)ARM(_|$)/.test(image.type) !== this.isArm) {
      throw new Error(
        `the build image ${image.imageId} is of the environment type ${image.type}, which does not run on ${this.name}: leave buildImage out, or give one that does`,
      );
    }
    return { ...environment, buildImage: image ?? this.codeBuildImage, privileged: environment.privileged ?? true };
  }

  /** Architecture of a Lambda function. */
  public get lambdaArchitecture(): lambda.Architecture {
    return this.isArm ? lambda.Architecture.ARM_64 : lambda.Architecture.X86_64;
  }

  /**
   * Makes this the architecture of every construct that is made in the scope from now on and leaves its own open:
   *
   * - Docker image assets are built for it. An asset inside a task definition follows that task definition; an asset
   *   inside a Lambda function is left to the function's own architecture.
   * - Task definitions ask for it, Fargate, EC2 and external ones. Windows tasks are left alone.
   * - ECS capacity without a machine image takes the ECS-optimized Amazon Linux 2023 image of its instance type's
   *   architecture: Auto Scaling groups, and `cluster.addCapacity()` with a Graviton instance type, for which the CDK
   *   would take an x86_64 image that cannot start there.
   * - CodeBuild projects without a build image build on it.
   *
   * A launch template without an image is left alone, as not only ECS uses those. An EC2 task definition for Windows has to
   * say so on its L1, and an image asset for something other than ECS its platform.
   *
   * What you give explicitly always stays, and so does a property injector that is there already: it goes first, and this
   * fills in what it left open. Called again with the other architecture on a scope further in, the inner call counts. An
   * injector that you add afterwards, to the same scope or further in, takes the place of this one for its class, as the
   * CDK keeps one injector per scope and class.
   *
   * @param scope an app, stage, stack or any other construct
   */
  public applyTo(scope: IConstruct): void {
    injectArchitecture(scope, this);
  }

  /** The name that ECS uses: `ARM64` or `X86_64`. */
  public toString(): string {
    return this.name;
  }

  private get isArm(): boolean {
    return this.name === 'ARM64';
  }
}
