import type { FileFingerprintOptions } from 'aws-cdk-lib';
import type * as ecr from 'aws-cdk-lib/aws-ecr';
import type * as ecrAssets from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import type { Construct } from 'constructs';
import type { TargetArchitecture } from './target-architecture';
import { buildPlatform, type EcsArchitecture, settle } from './task-architecture';

/**
 * What every image says of itself.
 */
export interface ArchImageProps {
  /**
   * The architecture that the image is for.
   *
   * @default - the one that the task definition asks for
   */
  readonly architecture?: TargetArchitecture;
}

/**
 * An image in a registry.
 */
export interface ArchRegistryImageProps extends ecs.RepositoryImageProps, ArchImageProps {}

/**
 * An image that is built from a Dockerfile: everything that `ecs.AssetImageProps` has, with `architecture` in the place of
 * `platform`.
 */
export interface ArchAssetImageProps extends FileFingerprintOptions {
  /**
   * The architecture to build for, and to ask for in the task definition.
   *
   * @default - the one that the task definition asks for, else the one of an enclosing `TargetArchitecture.applyTo`, else
   * X86_64, as ECS does
   */
  readonly architecture?: TargetArchitecture;

  /**
   * Build args to pass to the `docker build` command. Keys and values cannot be tokens.
   *
   * @default - no build args are passed
   */
  readonly buildArgs?: { [key: string]: string };

  /**
   * Additional build contexts to pass to the `docker build` command: names, with a directory, URL or image each.
   *
   * @default - no additional build contexts
   */
  readonly buildContexts?: { [key: string]: string };

  /**
   * Build secrets to pass to the `docker build` command, made with `DockerBuildSecret`.
   *
   * @default - no build secrets
   */
  readonly buildSecrets?: { [key: string]: string };

  /**
   * SSH agent socket or keys to pass to the `docker build` command.
   *
   * @default - no --ssh flag
   */
  readonly buildSsh?: string;

  /**
   * Stage of the Dockerfile to build.
   *
   * @default - the last stage
   */
  readonly target?: string;

  /**
   * Path to the Dockerfile, relative to the directory.
   *
   * @default 'Dockerfile'
   */
  readonly file?: string;

  /**
   * Networking mode of the RUN commands during the build.
   *
   * @default - Docker's default networking mode
   */
  readonly networkMode?: ecrAssets.NetworkMode;

  /**
   * Which parameters invalidate the asset hash.
   *
   * Leave `platform` in it: without the platform in the hash, whoever publishes the image first decides its architecture
   * for everyone.
   *
   * @default - all parameters
   */
  readonly invalidation?: ecrAssets.DockerImageAssetInvalidationOptions;

  /**
   * Outputs to pass to the `docker build` command.
   *
   * @default - no outputs are passed
   */
  readonly outputs?: string[];

  /**
   * Unique identifier of the image asset and its revisions. The app-staging synthesizer requires it.
   *
   * @default - no asset name
   */
  readonly assetName?: string;

  /**
   * Where to read the build cache from.
   *
   * @default - no cache-from options are passed
   */
  readonly cacheFrom?: ecrAssets.DockerCacheOption[];

  /**
   * Where to write the build cache to.
   *
   * @default - no cache-to option is passed
   */
  readonly cacheTo?: ecrAssets.DockerCacheOption;

  /**
   * Whether to build without a cache.
   *
   * @default false
   */
  readonly cacheDisabled?: boolean;

  /**
   * Name of the asset in the output of the CDK CLI.
   *
   * @default - the construct path within the stack
   */
  readonly displayName?: string;
}

/**
 * Container images that bring their task definition to their own architecture.
 *
 * Each method answers an `ecs.ContainerImage`, for the `image` of a container or of a pattern of `aws-ecs-patterns`. When it
 * is added to a task definition,
 *
 * - an image without architecture takes the task definition's; one that is built here and finds none takes that of an
 *   enclosing `TargetArchitecture.applyTo`, else X86_64, as ECS does;
 * - a task definition that does not say gets the image's architecture as its `RuntimePlatform.CpuArchitecture`, EC2 and
 *   external tasks included;
 * - two answers for one task, from the task definition and an image or from two images, are a validation error that names
 *   both.
 *
 * An image that is neither built here nor given an architecture decides nothing.
 */
export class ArchImage {
  /**
   * Builds an image from a Dockerfile, for one architecture.
   *
   * @param directory the folder with the Dockerfile
   * @param props     the architecture, and how to build
   */
  public static fromAsset(directory: string, props: ArchAssetImageProps = {}): ecs.ContainerImage {
    const { architecture, ...options } = props;
    return new SettlingImage(architecture, true, (platform) => new ecs.AssetImage(directory, { ...options, platform }));
  }

  /**
   * Uses an image asset that is made elsewhere. Its own `platform` is what it is built for: state the same architecture.
   *
   * @param asset the image asset
   * @param props the architecture it is built for
   */
  public static fromDockerImageAsset(
    asset: ecrAssets.DockerImageAsset,
    props: ArchImageProps = {},
  ): ecs.ContainerImage {
    return ArchImage.wrap(ecs.ContainerImage.fromDockerImageAsset(asset), props);
  }

  /**
   * Uses a file that `docker save` or another tool has made. Its architecture is in the file: state the same.
   *
   * @param tarballFile absolute path to the file
   * @param props       the architecture it holds
   */
  public static fromTarball(tarballFile: string, props: ArchImageProps = {}): ecs.ContainerImage {
    return ArchImage.wrap(ecs.ContainerImage.fromTarball(tarballFile), props);
  }

  /**
   * Uses an image in an ECR repository.
   *
   * @param repository  the repository
   * @param tagOrDigest a tag, or a digest that starts with `sha256:`; `latest` when left out
   * @param props       the architecture to run it on
   */
  public static fromEcrRepository(
    repository: ecr.IRepository,
    tagOrDigest: string = 'latest',
    props: ArchImageProps = {},
  ): ecs.ContainerImage {
    return ArchImage.wrap(ecs.ContainerImage.fromEcrRepository(repository, tagOrDigest), props);
  }

  /**
   * Uses an image in any registry.
   *
   * @param name  the image reference, for example `public.ecr.aws/nginx/nginx:1.27`
   * @param props the architecture to run it on, and credentials of the registry
   */
  public static fromRegistry(name: string, props: ArchRegistryImageProps = {}): ecs.ContainerImage {
    const { architecture, ...options } = props;
    return ArchImage.wrap(ecs.ContainerImage.fromRegistry(name, options), { architecture });
  }

  /**
   * Uses any other container image, one that CodeBuild builds during deployment for example.
   *
   * @param image the image
   * @param props the architecture it is for
   */
  public static wrap(image: ecs.ContainerImage, props: ArchImageProps = {}): ecs.ContainerImage {
    return new SettlingImage(props.architecture, false, () => image);
  }

  private constructor() {}
}

/** An image that settles the architecture with the task definition before it binds. */
class SettlingImage extends ecs.ContainerImage {
  public constructor(
    private readonly architecture: TargetArchitecture | undefined,
    private readonly built: boolean,
    private readonly imageFor: (platform: ecrAssets.Platform | undefined) => ecs.ContainerImage,
  ) {
    super();
  }

  public bind(scope: Construct, containerDefinition: ecs.ContainerDefinition): ecs.ContainerImageConfig {
    const settled = settle(containerDefinition, this.architecture?.name as EcsArchitecture | undefined, this.built);
    const platform = settled && buildPlatform(settled.architecture, settled.windows);
    return this.imageFor(platform).bind(scope, containerDefinition);
  }
}
